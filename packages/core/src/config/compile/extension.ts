/** Extensions in chains: from a typed_config to the definition that answers to it and the configuration that its schema accepts. */
import type { Message } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { DefinitionKind } from "@sluice/sdk";
import type { Registered } from "../../registry/registry.ts";
import { didYouMean } from "../did-you-mean.ts";
import type { Payload } from "../envoy/tree.ts";
import type { JsonObject } from "../source/source.ts";
import type { CompileContext, Field } from "./context.ts";
import { checkFilterCache } from "./forward-proxy.ts";
import { checkNestedFormats } from "./nested-formats.ts";

/** What an Any turned out to be: an extension with its configuration. */
export interface Resolved {
  readonly registered: Registered;
  readonly config: JsonObject;
  /** The configuration as a message, where it is one. */
  readonly message: Message | undefined;
}

/** The extension of that kind which `any` configures, after its schema has seen it; undefined where that was reported or skipped. */
export function resolveExtension(
  context: CompileContext,
  kind: DefinitionKind,
  any: Any,
  at: Field,
): Resolved | undefined {
  const payload = context.tree.payload(any);
  if (payload === undefined || payload.kind === "skipped") return undefined;
  const registered = find(context, payload);
  if (registered === undefined) return void unknown(context, kind, payload.typeName, at);
  if (registered.kind !== kind) {
    const { id } = registered.definition;
    return void context.error(at, "ERR_CONFIG_CONFLICT", `${id} is ${article[registered.kind]} and cannot stand here`, {
      expected: article[kind],
    });
  }
  const { config, message } = configOf(context, payload);
  if (message !== undefined) checkNestedFormats(context, message);
  checkFilterCache(context, message);
  context.judge(registered.definition.id, "config", config, message);
  return { registered, config, message };
}

const article: Readonly<Record<DefinitionKind, string>> = {
  http: "an HTTP filter",
  network: "a network filter",
  listener: "a listener filter",
  discovery: "a discovery of clusters",
};

function find(context: CompileContext, { kind, typeName }: Payload): Registered | undefined {
  return kind === "message" ? context.registry.byMessage(typeName) : context.registry.get(typeName);
}

export function configOf(
  context: CompileContext,
  payload: Exclude<Payload, { kind: "skipped" }>,
): { config: JsonObject; message: Message | undefined } {
  if (payload.kind === "plain") return { config: payload.value, message: undefined };
  return { config: context.tree.toJson(payload.message), message: payload.message };
}

function unknown(context: CompileContext, kind: DefinitionKind, typeName: string, at: Field): void {
  const known = context.registry.all().filter((registered) => registered.kind === kind);
  const names = known.flatMap(({ definition }) => [
    definition.id,
    ...Object.keys(definition.messages ?? {}).slice(0, 1),
  ]);
  context.error(at, "ERR_CONFIG_REFERENCE", `there is no ${article[kind].replace(/^an? /, "")} for "${typeName}"`, {
    suggestion: didYouMean(typeName, names),
  });
}
