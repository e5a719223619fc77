/** Tags of spans, of connection managers and of routes: envoy.type.tracing.v3.CustomTag. */
import type { CustomTag, CustomTag_Metadata } from "../envoy/generated/envoy/type/tracing/v3/custom_tag_pb.js";
import type { CustomTagModel } from "../hcm-model.ts";
import type { CompileContext } from "./context.ts";

export function compileCustomTags(context: CompileContext, tags: readonly CustomTag[]): CustomTagModel[] {
  return tags.flatMap((tag) => compileTag(context, tag) ?? []);
}

function compileTag(context: CompileContext, message: CustomTag): CustomTagModel | undefined {
  const { tag, type } = message;
  switch (type.case) {
    case "literal":
      return { tag, kind: "literal", value: type.value.value };
    case "environment":
      return { tag, kind: "environment", name: type.value.name, otherwise: type.value.defaultValue };
    case "requestHeader":
      return { tag, kind: "request_header", name: type.value.name.toLowerCase(), otherwise: type.value.defaultValue };
    case "metadata":
      return { tag, ...metadataTag(type.value) };
    default:
      return void context.missing(
        { message },
        "where the value of the tag is from",
        "literal, environment, request_header or metadata",
      );
  }
}

function metadataTag({ kind, metadataKey, defaultValue }: CustomTag_Metadata) {
  return {
    kind: "metadata",
    of: kind?.kind.case ?? "request",
    namespace: metadataKey?.key ?? "",
    path: (metadataKey?.path ?? []).flatMap(({ segment }) => (segment.case === "key" ? [segment.value] : [])),
    otherwise: defaultValue,
  } as const;
}
