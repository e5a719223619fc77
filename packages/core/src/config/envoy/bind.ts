/** Binds a plain value to a message of Envoy's API: checks everything, reports all problems, and gives the typed message. */
import type { Message } from "@bufbuild/protobuf";
import type { Json } from "../model.ts";
import type { Problems } from "../problems.ts";
import type { Locator } from "../source/source.ts";
import { Binder } from "./binder.ts";
import { failed } from "./failed.ts";
import { envoyTypes } from "./registry.ts";
import { ConfigTree } from "./tree.ts";
import { zeroMessage } from "./well-known.ts";

/**
 * What Sluice implements: message type name → its implemented fields by proto name, or "all". A message that is not
 * in the table is not supported at all. Well-known types (google.protobuf.*) and TypedStruct need no entry.
 */
export type SupportTable = ReadonlyMap<string, ReadonlySet<string> | "all">;

export interface BindOptions {
  readonly supported: SupportTable;
  /** Unsupported fields are warnings and left out, instead of errors. Unsupported extensions stay errors. */
  readonly allowUnsupported: boolean;
  /** Ids of extensions that are no messages of Envoy's API: what follows the last `/` of a type URL. */
  readonly extensionTypes: ReadonlySet<string>;
  readonly problems: Problems;
}

/**
 * The message of `typeName` that `value` means. What is wrong is reported and left out of the message (an unset field,
 * a shorter list), so that the caller can go on checking; {@link ConfigTree.isDamaged} tells where that happened.
 */
export function bind<T extends Message>(
  typeName: T["$typeName"],
  value: Json,
  locator: Locator,
  options: BindOptions,
): ConfigTree<T> {
  const types = envoyTypes();
  const type = types.message(typeName);
  if (type === undefined) throw new Error(`${typeName} is no message of Envoy's API`);
  const binder = new Binder(types, locator, options);
  const bound = binder.root(type, value);
  const root = (bound === failed ? zeroMessage(type) : bound) as T;
  if (bound === failed) binder.origins.damaged.add(root);
  return new ConfigTree<T>(root, locator, binder.origins, types);
}
