/**
 * What Sluice lets one say about an HTTP filter and Envoy has no field for: a wrapper around the filter's own configuration,
 * `TypedStruct { type_url: sluice.http_filter, value: { on_error: continue, runtime: worker, typed_config: { "@type": … } } }`.
 */
import type { Any } from "@bufbuild/protobuf/wkt";
import { didYouMean } from "../did-you-mean.ts";
import type { TypedExtensionConfig } from "../envoy/generated/envoy/config/core/v3/extension_pb.js";
import type { HttpFilterModel } from "../model.ts";
import type { WorkerRuntimeModel } from "../runtime-model.ts";
import type { JsonObject } from "../source/source.ts";
import type { CompileContext } from "./context.ts";
import { checkIsolation, compileRuntime } from "./runtime-option.ts";

export const filterOptionsType = "sluice.http_filter";

export interface Unwrapped {
  /** undefined where the wrapper is wrong, which is reported. */
  readonly inner: Any | undefined;
  /** The context that `inner` belongs to. */
  readonly within: CompileContext;
  readonly onError: HttpFilterModel["onError"];
  /** undefined: inline. */
  readonly runtime?: WorkerRuntimeModel | undefined;
  /** Says whether that filter may run there, where the configuration asks for it. */
  readonly checkRuntime?: (id: string) => void;
}

const holderType = "envoy.config.core.v3.TypedExtensionConfig";

export function unwrapOptions(context: CompileContext, any: Any): Unwrapped {
  const payload = context.tree.payload(any);
  if (payload?.kind !== "plain" || payload.typeName !== filterOptionsType)
    return { inner: any, within: context, onError: "fail" };
  const { value } = payload;
  checkKeys(context, value);
  const onError = value["on_error"] ?? "fail";
  if (onError !== "fail" && onError !== "continue") {
    context.errorAt(value, ["on_error"], "ERR_CONFIG_TYPE", "on_error is something else", {
      expected: '"fail" or "continue"',
    });
  }
  const runtime = compileRuntime(context, value);
  const held = value["typed_config"];
  if (held === undefined) {
    context.errorAt(value, [], "ERR_CONFIG_REQUIRED", "typed_config is missing");
    return { inner: undefined, within: context, onError: "fail" };
  }
  const within = context.bindInside<TypedExtensionConfig>(holderType, { name: filterOptionsType, typed_config: held });
  return {
    inner: (within.tree.root as TypedExtensionConfig).typedConfig,
    within,
    onError: onError === "continue" ? "continue" : "fail",
    runtime,
    checkRuntime: (id) => {
      if (runtime !== undefined) checkIsolation(context, value, id);
    },
  };
}

const keys = ["on_error", "runtime", "typed_config"];

function checkKeys(context: CompileContext, value: JsonObject): void {
  for (const key of Object.keys(value)) {
    if (keys.includes(key)) continue;
    context.errorAt(value, [key], "ERR_CONFIG_UNKNOWN_FIELD", `unknown field "${key}"`, {
      suggestion: didYouMean(key, keys),
    });
  }
}
