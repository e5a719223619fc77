/** Headers that routes add and remove. */
import type { Message } from "@bufbuild/protobuf";
import type { HeaderValueOption } from "../envoy/generated/envoy/config/core/v3/base_pb.js";
import type { HeaderMutationModel, HeaderValueModel } from "../model.ts";
import type { CompileContext, Field } from "./context.ts";
import { checkTextFormat } from "./formats.ts";

/** The messages that carry the four lists. */
export interface MutatesHeaders {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

export interface HeaderMutations {
  readonly requestHeaders: HeaderMutationModel;
  readonly responseHeaders: HeaderMutationModel;
}

export const noMutation: HeaderMutationModel = { add: [], remove: [] };

export function compileHeaderMutations(context: CompileContext, message: Message & MutatesHeaders): HeaderMutations {
  return {
    requestHeaders: {
      add: message.requestHeadersToAdd.flatMap((option) => compileAdd(context, option)),
      remove: compileRemove(context, message, "request_headers_to_remove", message.requestHeadersToRemove),
    },
    responseHeaders: {
      add: message.responseHeadersToAdd.flatMap((option) => compileAdd(context, option)),
      remove: compileRemove(context, message, "response_headers_to_remove", message.responseHeadersToRemove),
    },
  };
}

/** Index: HeaderAppendAction. */
const actions: readonly HeaderValueModel["action"][] = [
  "append",
  "add_if_absent",
  "overwrite_or_add",
  "overwrite_if_exists",
];

export function compileAdd(context: CompileContext, option: HeaderValueOption): HeaderValueModel[] {
  const { header, append } = option;
  if (header === undefined || header.key === "") return [];
  const name = header.key.toLowerCase();
  if (!isMutable(name))
    context.error({ message: header, field: "key" }, "ERR_CONFIG_CONFLICT", `${name} cannot be changed here`, {
      expected: "a header other than host and those with a colon",
    });
  else if (!isHeaderName(name))
    context.error(
      { message: header, field: "key" },
      "ERR_CONFIG_TYPE",
      `${JSON.stringify(name)} is no name of a header`,
    );
  if (append !== undefined && option.appendAction !== 0) {
    context.error(
      { message: option, field: "append" },
      "ERR_CONFIG_CONFLICT",
      "append and append_action are both set",
      { expected: "append_action alone" },
    );
  }
  const value = headerFormat(context, option);
  const action = append === undefined ? actions[option.appendAction] : append ? "append" : "overwrite_or_add";
  return [{ name, value, action: action ?? "append", keepEmpty: option.keepEmptyValue }];
}

/** The value of a header, tried as a format. */
export function headerFormat(context: CompileContext, { header }: HeaderValueOption): string {
  if (header === undefined) return "";
  const isRaw = header.rawValue.length > 0;
  if (isRaw && header.value !== "") {
    context.error({ message: header, field: "raw_value" }, "ERR_CONFIG_ONEOF", "value and raw_value are both set");
  }
  const value = isRaw ? Buffer.from(header.rawValue).toString("utf8") : header.value;
  const at = { message: header, field: isRaw ? "raw_value" : "value" };
  // oxlint-disable-next-line no-control-regex -- these are refused: a line end would begin another header
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value))
    context.error(at, "ERR_CONFIG_TYPE", `${JSON.stringify(value)} has a control character`, {
      expected: "the value of an HTTP header",
    });
  checkTextFormat(context, at, value);
  return value;
}

function compileRemove(context: CompileContext, message: Message, field: string, names: readonly string[]): string[] {
  return names.map((written, element) => compileRemoved(context, { message, field, element }, written));
}

/** The name of a header that is removed, in lower case. */
export function compileRemoved(context: CompileContext, at: Field, written: string): string {
  const name = written.toLowerCase();
  if (!isMutable(name)) context.error(at, "ERR_CONFIG_CONFLICT", `${name} cannot be removed`);
  else if (!isHeaderName(name)) context.error(at, "ERR_CONFIG_TYPE", `${JSON.stringify(name)} is no name of a header`);
  return name;
}

/** Envoy: host and pseudo-headers may not be modified. */
function isMutable(name: string): boolean {
  return !name.startsWith(":") && name !== "host";
}

/** RFC 9110 §5.6.2, in lower case. */
export function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name);
}
