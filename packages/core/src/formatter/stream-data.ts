/** `%DYNAMIC_METADATA(NAMESPACE:KEY*)%` and `%FILTER_STATE(KEY:…)%`: what filters left on the stream. */
import { MatchProblem } from "../matching/match-problem.ts";
import { toBytes } from "./bytes.ts";
import type { FormatContext } from "./context.ts";
import type { Operator } from "./operator.ts";

/** null for what JSON cannot say: a cycle, a bigint, a function. */
function stringify(value: unknown): string | null {
  try {
    return JSON.stringify(value) ?? null;
  } catch {
    return null;
  }
}

/** Strings as they are, the rest as JSON. */
function plainText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return toBytes(value);
  const json = stringify(value);
  return json === null ? null : toBytes(json);
}

/** What JSON can say of a value: strings as bytes, so that every operator gives them alike. */
function jsonValue(value: unknown): unknown {
  if (typeof value === "string") return toBytes(value);
  return value === undefined || stringify(value) === null ? null : value;
}

class MetadataOperator implements Operator {
  readonly #namespace: string;
  readonly #keys: readonly string[];

  constructor(namespace: string, keys: readonly string[]) {
    this.#namespace = namespace;
    this.#keys = keys;
  }

  #value(context: FormatContext): unknown {
    let found: unknown = context.metadata.get(this.#namespace);
    for (const key of this.#keys) {
      if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
      found = (found as Readonly<Record<string, unknown>>)[key];
    }
    return found;
  }

  text(context: FormatContext): string | null {
    return plainText(this.#value(context));
  }

  json(context: FormatContext): unknown {
    return jsonValue(this.#value(context));
  }
}

export function metadataOperator(argument: string): Operator | MatchProblem {
  const [namespace = "", ...keys] = argument.split(":");
  if (namespace === "" || keys.includes(""))
    return new MatchProblem(`${JSON.stringify(argument)} names no metadata`, "NAMESPACE or NAMESPACE:KEY:KEY");
  return new MetadataOperator(namespace, keys);
}

/** TYPED: the value as JSON. */
class TypedState implements Operator {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  text(context: FormatContext): string | null {
    const value = context.filterState.get(this.#key);
    const json = value === undefined || value === null ? null : stringify(value);
    return json === null ? null : toBytes(json);
  }

  json(context: FormatContext): unknown {
    return jsonValue(context.filterState.get(this.#key));
  }
}

/** PLAIN: the value as a text. FIELD: a text or number in it as a text. */
class PlainState implements Operator {
  readonly #key: string;
  readonly #field: string | null;

  constructor(key: string, field: string | null) {
    this.#key = key;
    this.#field = field;
  }

  text(context: FormatContext): string | null {
    const value = context.filterState.get(this.#key);
    const field = this.#field;
    if (field === null) return plainText(value);
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, field)) return null;
    const inner = (value as Readonly<Record<string, unknown>>)[field];
    return typeof inner === "string" || typeof inner === "number" ? plainText(inner) : null;
  }

  json(context: FormatContext): unknown {
    return this.text(context);
  }
}

export function filterStateOperator(argument: string): Operator | MatchProblem {
  const [key = "", kind = "TYPED", field = "", ...rest] = argument.split(":");
  if (key !== "" && rest.length === 0) {
    if (kind === "FIELD" && field !== "") return new PlainState(key, field);
    if (kind === "PLAIN" && field === "") return new PlainState(key, null);
    if (kind === "TYPED" && field === "") return new TypedState(key);
  }
  return new MatchProblem(
    `${JSON.stringify(argument)} names no filter state`,
    "KEY, KEY:PLAIN, KEY:TYPED or KEY:FIELD:NAME",
  );
}
