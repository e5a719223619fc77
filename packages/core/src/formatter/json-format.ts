/** Hot path. JSON log lines: a tree whose strings are formats. A string that is one operator alone keeps the operator's type; a missing value is null. */
import type { Json } from "../config/model.ts";
import { MatchProblem } from "../matching/match-problem.ts";
import { fromBytes, toBytes } from "./bytes.ts";
import type { FormatContext } from "./context.ts";
import { type Format, type FormatUse, formatOf, parseFormat } from "./format.ts";
import type { Operator } from "./operator.ts";

/** Inside JSON controls need no escape of ours. */
const IN_JSON: FormatUse = { missing: "-", clean: null };

export interface JsonFormatOptions {
  /** Keys whose value is missing are left out, and in texts it is empty. Envoy: omit_empty_values. */
  readonly omitEmpty: boolean;
  /** Envoy: json_format_options.sort_properties. */
  readonly sortKeys: boolean;
}

const PLAIN_OPTIONS: JsonFormatOptions = { omitEmpty: false, sortKeys: false };
const OMITTED_IN_JSON: FormatUse = { missing: "", clean: null };

interface Slot {
  /** "" where the value is left out: then it is an `ObjectSlot` that asks. */
  json(context: FormatContext): string;
}

class ValueSlot implements Slot {
  readonly #operator: Operator;

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  json(context: FormatContext): string {
    const value = this.#operator.json(context);
    if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null";
    if (typeof value === "string") return JSON.stringify(fromBytes(value));
    return value === null ? "null" : (JSON.stringify(value) ?? "null");
  }
}

class TextSlot implements Slot {
  readonly #format: Format;

  constructor(format: Format) {
    this.#format = format;
  }

  json(context: FormatContext): string {
    return JSON.stringify(fromBytes(this.#format.render(context)));
  }
}

/** A value that may be missing, which is then no value at all. */
class OptionalSlot implements Slot {
  readonly #slot: Slot;

  constructor(slot: Slot) {
    this.#slot = slot;
  }

  json(context: FormatContext): string {
    const json = this.#slot.json(context);
    return json === "null" ? "" : json;
  }
}

/** An object or list of which members may be left out. */
class ObjectSlot implements Slot {
  readonly #isArray: boolean;
  /** `"key":`, or "" in a list. */
  readonly #keys: readonly string[];
  readonly #values: readonly (Slot | string)[];

  constructor(isArray: boolean, keys: readonly string[], values: readonly (Slot | string)[]) {
    this.#isArray = isArray;
    this.#keys = keys;
    this.#values = values;
  }

  json(context: FormatContext): string {
    let members = "";
    for (let i = 0; i < this.#values.length; i++) {
      const value = this.#values[i]!;
      const json = typeof value === "string" ? value : value.json(context);
      if (json === "") continue;
      members += (members === "" ? "" : ",") + this.#keys[i]! + json;
    }
    return this.#isArray ? `[${members}]` : `{${members}}`;
  }
}

/** One JSON line with its line break. */
export class JsonFormat {
  readonly #literals: readonly string[];
  readonly #slots: readonly Slot[];

  constructor(literals: readonly string[], slots: readonly Slot[]) {
    this.#literals = literals;
    this.#slots = slots;
  }

  /** A byte string: the line's UTF-8 bytes, one character each. */
  render(context: FormatContext): string {
    const literals = this.#literals;
    const slots = this.#slots;
    let out = literals[0]!;
    for (let i = 0; i < slots.length; i++) out += slots[i]!.json(context) + literals[i + 1]!;
    return toBytes(out);
  }
}

export class JsonFormatProblem extends MatchProblem {
  /** Keys and indices that lead to the text that is wrong. */
  readonly path: ReadonlyArray<string | number>;

  constructor(problem: MatchProblem, path: ReadonlyArray<string | number>) {
    super(problem.message, problem.expected, problem.position);
    this.path = path;
  }
}

/** A compiled tree, or the first thing that is wrong with it. */
export function compileJsonFormat(json: Json, options = PLAIN_OPTIONS): JsonFormat | JsonFormatProblem {
  const compiler = new Compiler(options);
  const value = compiler.value(json, []);
  if (value instanceof JsonFormatProblem) return value;
  compiler.put(value);
  compiler.put("\n");
  return new JsonFormat(compiler.literals, compiler.slots);
}

/** Literal texts and slots in turns; where values may be left out, objects are slots of their own. */
class Compiler {
  literals = [""];
  slots: Slot[] = [];
  readonly #options: JsonFormatOptions;

  constructor(options: JsonFormatOptions) {
    this.#options = options;
  }

  put(part: Part): void {
    if (typeof part === "string") this.literals[this.literals.length - 1] += part;
    else if (Array.isArray(part)) for (const piece of part) this.put(piece);
    else {
      this.slots.push(part as Slot);
      this.literals.push("");
    }
  }

  value(json: Json, path: ReadonlyArray<string | number>): Part | JsonFormatProblem {
    if (typeof json === "string") return this.#text(json, path);
    if (typeof json !== "object" || json === null) return JSON.stringify(json);
    const isArray = Array.isArray(json);
    const entries: (readonly [string | number, Json])[] = isArray
      ? json.map((value, i) => [i, value] as const)
      : Object.entries(json);
    if (!isArray && this.#options.sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : 1));
    const keys: string[] = [];
    const values: Part[] = [];
    for (const [key, value] of entries) {
      const part = this.value(value, [...path, key]);
      if (part instanceof JsonFormatProblem) return part;
      keys.push(isArray ? "" : `${JSON.stringify(key)}:`);
      values.push(part);
    }
    if (this.#options.omitEmpty) return new ObjectSlot(isArray, keys, values as (Slot | string)[]);
    const members = values.flatMap<Part>((value, i) => [(i === 0 ? "" : ",") + keys[i]!, value]);
    return [isArray ? "[" : "{", ...members, isArray ? "]" : "}"];
  }

  #text(text: string, path: ReadonlyArray<string | number>): Part | JsonFormatProblem {
    const pieces = parseFormat(text);
    if (pieces instanceof MatchProblem) return new JsonFormatProblem(pieces, path);
    const { omitEmpty } = this.#options;
    const [only] = pieces;
    if (pieces.length === 1 && typeof only === "object") {
      const slot = new ValueSlot(only);
      return omitEmpty ? new OptionalSlot(slot) : slot;
    }
    const format = formatOf(pieces, omitEmpty ? OMITTED_IN_JSON : IN_JSON);
    return format.constant !== null ? JSON.stringify(fromBytes(format.constant)) : new TextSlot(format);
  }
}

/** A literal, a slot, or a row of both. */
type Part = string | Slot | readonly Part[];
