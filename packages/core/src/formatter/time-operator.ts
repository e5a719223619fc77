/** Hot path. `%START_TIME(FORMAT)%`: what is the same for a whole second is rendered once a second, the fraction each time. */
import { MatchProblem } from "../matching/match-problem.ts";
import { peerCertificateOf } from "../network/tls/peer-certificate.ts";
import { toBytes } from "./bytes.ts";
import type { FormatContext } from "./context.ts";
import type { Operator } from "./operator.ts";
import { TimeFacts, type Render, type TimePiece, compileTime } from "./strftime.ts";

/** Milliseconds since 1970; null: there is no such time. */
type ReadTime = (context: FormatContext) => number | null;

const SOURCES = {
  start: ({ startTimeMs }) => startTimeMs,
  emit: ({ startTimeMs, startMs, endMs }) => (endMs < 0 ? Date.now() : startTimeMs + (endMs - startMs)),
  peer_cert_start: (context) => certificateTime(context, "validFromMs"),
  peer_cert_end: (context) => certificateTime(context, "validToMs"),
} satisfies Readonly<Record<string, ReadTime>>;

export type TimeSource = keyof typeof SOURCES;

function certificateTime({ connection: { tls } }: FormatContext, which: "validFromMs" | "validToMs"): number | null {
  const ms = tls === null ? undefined : peerCertificateOf(tls)?.[which];
  return ms === undefined || Number.isNaN(ms) ? null : ms;
}

export class TimeOperator implements Operator {
  readonly #read: ReadTime;
  readonly #local: boolean;
  /** `#groups[i]` stands before the fraction with `#digits[i]` digits; one more group ends the text. */
  readonly #groups: ReadonlyArray<ReadonlyArray<string | Render>>;
  readonly #digits: readonly number[];
  /** The groups of the second that was asked for last. */
  readonly #texts: string[];
  #second: number;

  constructor(read: ReadTime, pieces: readonly TimePiece[], local: boolean) {
    const groups: (string | Render)[][] = [[]];
    const digits: number[] = [];
    for (const piece of pieces) {
      if (typeof piece === "object") {
        digits.push(piece.digits);
        groups.push([]);
      } else groups.at(-1)!.push(piece);
    }
    this.#read = read;
    this.#local = local;
    this.#groups = groups;
    this.#digits = digits;
    this.#texts = groups.map(() => "");
    this.#second = Number.NaN;
  }

  text(context: FormatContext): string | null {
    const ms = this.#read(context);
    if (ms === null) return null;
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) this.#renderSecond(second);
    const texts = this.#texts;
    const digits = this.#digits;
    let out = texts[0]!;
    for (let i = 0; i < digits.length; i++) out += fraction(Math.floor(ms) - second * 1000, digits[i]!) + texts[i + 1]!;
    return out;
  }

  json(context: FormatContext): string | null {
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

export function timeOperator(read: TimeSource, argument: string, local: boolean): Operator | MatchProblem {
  const format = argument === "" ? (local ? DEFAULT_LOCAL : DEFAULT_UTC) : toBytes(argument);
  const pieces = compileTime(format);
  return pieces instanceof MatchProblem ? pieces : new TimeOperator(SOURCES[read], pieces, local);
}
