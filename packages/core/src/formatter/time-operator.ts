/** Hot path. `%START_TIME(FORMAT)%`: what is the same for a whole second is rendered once a second, the fraction each time. */
import { MatchProblem } from "../matching/match-problem.ts";
import { toBytes } from "./bytes.ts";
import type { FormatContext } from "./context.ts";
import type { Operator } from "./operator.ts";
import { TimeFacts, type Render, type TimePiece, compileTime } from "./strftime.ts";

export class TimeOperator implements Operator {
  readonly #emit: boolean;
  readonly #local: boolean;
  /** `#groups[i]` stands before the fraction with `#digits[i]` digits; one more group ends the text. */
  readonly #groups: ReadonlyArray<ReadonlyArray<string | Render>>;
  readonly #digits: readonly number[];
  /** The groups of the second that was asked for last. */
  readonly #texts: string[];
  #second: number;

  constructor(emit: boolean, pieces: readonly TimePiece[], local: boolean) {
    const groups: (string | Render)[][] = [[]];
    const digits: number[] = [];
    for (const piece of pieces) {
      if (typeof piece === "object") {
        digits.push(piece.digits);
        groups.push([]);
      } else groups.at(-1)!.push(piece);
    }
    this.#emit = emit;
    this.#local = local;
    this.#groups = groups;
    this.#digits = digits;
    this.#texts = groups.map(() => "");
    this.#second = Number.NaN;
  }

  text(context: FormatContext): string {
    const { startTimeMs } = context;
    const ms = !this.#emit
      ? startTimeMs
      : context.endMs < 0
        ? Date.now()
        : startTimeMs + (context.endMs - context.startMs);
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) this.#renderSecond(second);
    const texts = this.#texts;
    const digits = this.#digits;
    let out = texts[0]!;
    for (let i = 0; i < digits.length; i++) out += fraction(Math.floor(ms) - second * 1000, digits[i]!) + texts[i + 1]!;
    return out;
  }

  json(context: FormatContext): string {
    return this.text(context);
  }

  #renderSecond(second: number): void {
    const time = new TimeFacts(second * 1000, this.#local);
    this.#second = second;
    for (const [i, group] of this.#groups.entries()) {
      this.#texts[i] = group.map((piece) => (typeof piece === "string" ? piece : piece(time))).join("");
    }
  }
}

/** The first digits of the fraction of a second. */
function fraction(ms: number, digits: number): string {
  const text = String(1000 + ms);
  return digits <= 3 ? text.slice(1, 1 + digits) : text.slice(1) + "000000".slice(0, digits - 3);
}

/** Envoy's default: `2024-01-31T12:34:56.789Z`. */
const DEFAULT_UTC = "%Y-%m-%dT%H:%M:%E3SZ";
const DEFAULT_LOCAL = "%Y-%m-%dT%H:%M:%E3S%z";

export function timeOperator(read: "start" | "emit", argument: string, local: boolean): Operator | MatchProblem {
  const format = argument === "" ? (local ? DEFAULT_LOCAL : DEFAULT_UTC) : toBytes(argument);
  const pieces = compileTime(format);
  return pieces instanceof MatchProblem ? pieces : new TimeOperator(read === "emit", pieces, local);
}
