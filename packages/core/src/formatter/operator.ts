/** Hot path. One command operator of a format, compiled: made with the configuration, asked per stream. */
import type { FormatContext } from "./context.ts";

export interface Operator {
  /** The value as a byte string (every character is one byte); null where there is none. */
  text(context: FormatContext): string | null;
  /** The value with its JSON type; null where there is none. */
  json(context: FormatContext): unknown;
}

/** Reads one fact. A module-level function: nothing is made per stream. */
export type Fact = (context: FormatContext) => string | number | null;

export class FactOperator implements Operator {
  readonly #read: Fact;

  constructor(read: Fact) {
    this.#read = read;
  }

  text(context: FormatContext): string | null {
    const value = this.#read(context);
    return typeof value === "number" ? String(value) : value;
  }

  json(context: FormatContext): unknown {
    return this.#read(context);
  }
}

/** A value known with the configuration: `%HOSTNAME%`, `%ENVIRONMENT(X)%`. */
export class ConstantOperator implements Operator {
  readonly value: string;

  constructor(value: string) {
    this.value = value;
  }

  text(): string {
    return this.value;
  }

  json(): unknown {
    return this.value;
  }
}

/** `:Z`: at most so many bytes. */
export class TruncatedOperator implements Operator {
  readonly #operator: Operator;
  readonly #maxLength: number;

  constructor(operator: Operator, maxLength: number) {
    this.#operator = operator;
    this.#maxLength = maxLength;
  }

  text(context: FormatContext): string | null {
    const text = this.#operator.text(context);
    return text === null || text.length <= this.#maxLength ? text : text.slice(0, this.#maxLength);
  }

  json(context: FormatContext): unknown {
    const value = this.#operator.json(context);
    return typeof value === "string" && value.length > this.#maxLength ? value.slice(0, this.#maxLength) : value;
  }
}
