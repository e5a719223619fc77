/** Hot path. JSON log lines: a tree whose strings are formats. A string that is one operator alone keeps the operator's type; a missing value is null. */
import type { Json } from "../config/model.ts";
import { MatchProblem } from "../matching/match-problem.ts";
import { fromBytes, toBytes } from "./bytes.ts";
import type { FormatContext } from "./context.ts";
import { type Format, type FormatUse, formatOf, parseFormat } from "./format.ts";
import type { Operator } from "./operator.ts";

/** Inside JSON controls need no escape of ours. */
const IN_JSON: FormatUse = { missing: "-", clean: null };

interface Slot {
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
export function compileJsonFormat(json: Json): JsonFormat | JsonFormatProblem {
  const compiler = new Compiler();
  const problem = compiler.add(json, []);
  if (problem !== null) return problem;
  compiler.literal("\n");
  return new JsonFormat(compiler.literals, compiler.slots);
}

class Compiler {
  readonly literals = [""];
  readonly slots: Slot[] = [];

  literal(text: string): void {
    this.literals[this.literals.length - 1] += text;
  }

  add(json: Json, path: ReadonlyArray<string | number>): JsonFormatProblem | null {
    if (typeof json === "string") return this.#text(json, path);
    if (typeof json !== "object" || json === null) {
      this.literal(JSON.stringify(json));
      return null;
    }
    const isArray = Array.isArray(json);
    this.literal(isArray ? "[" : "{");
    const entries: ReadonlyArray<readonly [string | number, Json]> = isArray
      ? json.map((value, i) => [i, value] as const)
      : Object.entries(json);
    for (const [i, [key, value]] of entries.entries()) {
      if (i > 0) this.literal(",");
      if (!isArray) this.literal(`${JSON.stringify(key)}:`);
      const problem = this.add(value, [...path, key]);
      if (problem !== null) return problem;
    }
    this.literal(isArray ? "]" : "}");
    return null;
  }

  #text(text: string, path: ReadonlyArray<string | number>): JsonFormatProblem | null {
    const pieces = parseFormat(text);
    if (pieces instanceof MatchProblem) return new JsonFormatProblem(pieces, path);
    const [only] = pieces;
    if (pieces.length === 1 && typeof only === "object") this.#slot(new ValueSlot(only));
    else {
      const format = formatOf(pieces, IN_JSON);
      if (format.constant !== null) this.literal(JSON.stringify(fromBytes(format.constant)));
      else this.#slot(new TextSlot(format));
    }
    return null;
  }

  #slot(slot: Slot): void {
    this.slots.push(slot);
    this.literals.push("");
  }
}
