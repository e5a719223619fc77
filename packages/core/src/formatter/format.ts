/**
 * Hot path. Texts with command operators (`%REQ(:PATH)% %RESPONSE_CODE%`), compiled once and rendered per stream: access logs, header values.
 * Envoy: SubstitutionFormatParser.
 */
import { MatchProblem } from "../matching/match-problem.ts";
import { dropControls, escapeControls, toBytes } from "./bytes.ts";
import type { FormatContext } from "./context.ts";
import { ConstantOperator, type Operator, TruncatedOperator } from "./operator.ts";
import { compileOperator } from "./operators.ts";

export interface FormatUse {
  /** What stands for a value that is missing. */
  readonly missing: string;
  /** What is done to control characters in values. */
  readonly clean: ((value: string) => string) | null;
}

/** A missing value is empty: a header with nothing in it is not added. No control that a header value may not hold comes out. */
export const HEADER_FORMAT: FormatUse = { missing: "", clean: dropControls };
export const LOG_FORMAT: FormatUse = { missing: "-", clean: escapeControls };
/** Envoy: omit_empty_values. */
export const OMITTING_LOG_FORMAT: FormatUse = { missing: "", clean: escapeControls };
/** Bodies of local replies: whatever is in them is content. */
export const BODY_FORMAT: FormatUse = { missing: "-", clean: null };
export const OMITTING_BODY_FORMAT: FormatUse = { missing: "", clean: null };

export interface Format {
  /** A byte string: every character is one byte. */
  render(context: FormatContext): string;
  /** What `render` always returns; null where it depends on the stream. */
  readonly constant: string | null;
}

/** A piece of a format: literal bytes, or an operator. */
export type Piece = string | Operator;

class CompiledFormat implements Format {
  readonly constant = null;
  readonly #literals: readonly string[];
  readonly #operators: readonly Operator[];
  readonly #missing: string;
  readonly #clean: FormatUse["clean"];

  /** `literals[i]` stands before `operators[i]`; one more literal ends the text. */
  constructor(literals: readonly string[], operators: readonly Operator[], use: FormatUse) {
    this.#literals = literals;
    this.#operators = operators;
    this.#missing = use.missing;
    this.#clean = use.clean;
  }

  render(context: FormatContext): string {
    const literals = this.#literals;
    const operators = this.#operators;
    const clean = this.#clean;
    let out = literals[0]!;
    for (let i = 0; i < operators.length; i++) {
      const value = operators[i]!.text(context);
      if (value === null) out += this.#missing;
      else out += clean === null ? value : clean(value);
      out += literals[i + 1]!;
    }
    return out;
  }
}

class ConstantFormat implements Format {
  readonly constant: string;

  constructor(text: string) {
    this.constant = text;
  }

  render(): string {
    return this.constant;
  }
}

/** A compiled text, or what is wrong with it: an unknown operator, one that Sluice does not have, a lonely `%`. */
export function compileFormat(text: string, use: FormatUse = HEADER_FORMAT): Format | MatchProblem {
  const pieces = parseFormat(text);
  return pieces instanceof MatchProblem ? pieces : formatOf(pieces, use);
}

export function formatOf(pieces: readonly Piece[], use: FormatUse): Format {
  const literals = [""];
  const operators: Operator[] = [];
  for (const piece of pieces) {
    if (typeof piece === "string") literals[literals.length - 1] += piece;
    else if (piece instanceof ConstantOperator) {
      const { value } = piece;
      literals[literals.length - 1] += use.clean === null ? value : use.clean(value);
    } else {
      operators.push(piece);
      literals.push("");
    }
  }
  return operators.length === 0 ? new ConstantFormat(literals[0]!) : new CompiledFormat(literals, operators, use);
}

/** NAME, (argument), :maxLength. The argument of START_TIME holds percent signs, so it ends at the first `)` that ends the command. */
const COMMAND = /%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]{1,9}))?%/suy;

export function parseFormat(text: string): Piece[] | MatchProblem {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < text.length) {
    const percent = text.indexOf("%", at);
    if (percent < 0) break;
    if (percent > at) pieces.push(toBytes(text.slice(at, percent)));
    if (text.charCodeAt(percent + 1) === 0x25) {
      pieces.push("%");
      at = percent + 2;
      continue;
    }
    COMMAND.lastIndex = percent;
    const match = COMMAND.exec(text);
    if (match === null)
      return new MatchProblem(
        "a % begins no command operator",
        "%NAME%, %NAME(ARGUMENT)%, %NAME(ARGUMENT):LENGTH%, or %% for a percent sign",
        percent,
      );
    const operator = compileOperator(match[1]!, match[2] ?? null);
    if (operator instanceof MatchProblem) return new MatchProblem(operator.message, operator.expected, percent);
    pieces.push(match[3] === undefined ? operator : new TruncatedOperator(operator, Number(match[3])));
    at = COMMAND.lastIndex;
  }
  if (at < text.length) pieces.push(toBytes(text.slice(at)));
  return pieces;
}
