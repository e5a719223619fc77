/** Header values inside the configurations of filters are formats too, wherever they stand: tried here, where their places are known. */
import type { Message } from "@bufbuild/protobuf";
import type { HeaderValueOption } from "../envoy/generated/envoy/config/core/v3/base_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type { CompileContext } from "./context.ts";
import { headerFormat } from "./header-mutations.ts";

const optionType = "envoy.config.core.v3.HeaderValueOption";

export function checkNestedFormats(context: CompileContext, message: Message): void {
  for (const value of Object.values(message)) visit(context, value);
}

/** Messages, lists, maps and the arms of oneofs; an Any keeps what it holds to itself. */
function visit(context: CompileContext, value: unknown): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  const message = value as Partial<Message>;
  if (message.$typeName === "google.protobuf.Any") return;
  if (isMessage<HeaderValueOption>(value as Message, optionType)) headerFormat(context, value as HeaderValueOption);
  for (const each of Object.values(value)) visit(context, each);
}
