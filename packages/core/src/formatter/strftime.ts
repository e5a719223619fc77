/**
 * strftime formats as Envoy's DateFormatter takes them: the POSIX conversions in the C locale but `%n`, `%f` and `%1f` to `%9f` (fraction of the second),
 * `%s` (seconds since the epoch), and absl's `%Ez`, `%E3S` and `%E3f`. The clock knows milliseconds: further digits are zero.
 */
import { MatchProblem } from "../matching/match-problem.ts";

/** Digits of the fraction of a second. */
export interface Fraction {
  readonly digits: number;
}

export type Render = (time: TimeFacts) => string;

/** A literal, what is the same for a whole second, or what is not. */
export type TimePiece = string | Render | Fraction;

/** A moment, taken apart in UTC or local time. */
export class TimeFacts {
  readonly ms: number;
  readonly year: number;
  /** 0 to 11. */
  readonly month: number;
  readonly day: number;
  /** 0 to 6 from Sunday. */
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly offsetMinutes: number;

  constructor(ms: number, local: boolean) {
    const offset = local ? -new Date(ms).getTimezoneOffset() : 0;
    const date = new Date(ms + offset * 60_000);
    this.ms = ms;
    this.year = date.getUTCFullYear();
    this.month = date.getUTCMonth();
    this.day = date.getUTCDate();
    this.weekday = date.getUTCDay();
    this.hour = date.getUTCHours();
    this.minute = date.getUTCMinutes();
    this.second = date.getUTCSeconds();
    this.offsetMinutes = offset;
  }

  get yearDay(): number {
    return Math.round((Date.UTC(this.year, this.month, this.day) - Date.UTC(this.year, 0, 1)) / 86_400_000);
  }

  get hour12(): number {
    return this.hour % 12 === 0 ? 12 : this.hour % 12;
  }
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const pad = (value: number, width = 2): string => String(value).padStart(width, "0");
const space = (value: number): string => String(value).padStart(2, " ");
const hms: Render = (t) => `${pad(t.hour)}:${pad(t.minute)}:${pad(t.second)}`;
const mdy: Render = (t) => `${pad(t.month + 1)}/${pad(t.day)}/${pad(t.year % 100)}`;
const shortDay: Render = (t) => DAYS[t.weekday]!.slice(0, 3);
const shortMonth: Render = (t) => MONTHS[t.month]!.slice(0, 3);

function offset(t: TimeFacts, colon: string): string {
  const minutes = Math.abs(t.offsetMinutes);
  return `${t.offsetMinutes < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60))}${colon}${pad(minutes % 60)}`;
}

/** ISO 8601 week and its year. */
function isoWeek(t: TimeFacts): { week: number; year: number } {
  const fromMonday = (t.weekday + 6) % 7;
  const thursday = new Date(Date.UTC(t.year, t.month, t.day - fromMonday + 3));
  const year = thursday.getUTCFullYear();
  return { week: 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * 86_400_000)), year };
}

const CONVERSIONS: Readonly<Record<string, Render>> = {
  a: shortDay,
  A: (t) => DAYS[t.weekday]!,
  b: shortMonth,
  h: shortMonth,
  B: (t) => MONTHS[t.month]!,
  c: (t) => `${shortDay(t)} ${shortMonth(t)} ${space(t.day)} ${hms(t)} ${t.year}`,
  C: (t) => pad(Math.floor(t.year / 100)),
  d: (t) => pad(t.day),
  D: mdy,
  e: (t) => space(t.day),
  F: (t) => `${t.year}-${pad(t.month + 1)}-${pad(t.day)}`,
  g: (t) => pad(isoWeek(t).year % 100),
  G: (t) => String(isoWeek(t).year),
  H: (t) => pad(t.hour),
  I: (t) => pad(t.hour12),
  j: (t) => pad(t.yearDay + 1, 3),
  k: (t) => space(t.hour),
  l: (t) => space(t.hour12),
  m: (t) => pad(t.month + 1),
  M: (t) => pad(t.minute),
  p: (t) => (t.hour < 12 ? "AM" : "PM"),
  P: (t) => (t.hour < 12 ? "am" : "pm"),
  r: (t) => `${pad(t.hour12)}:${pad(t.minute)}:${pad(t.second)} ${t.hour < 12 ? "AM" : "PM"}`,
  R: (t) => `${pad(t.hour)}:${pad(t.minute)}`,
  s: (t) => String(Math.floor(t.ms / 1000)),
  S: (t) => pad(t.second),
  t: () => "\t",
  T: hms,
  u: (t) => String(t.weekday === 0 ? 7 : t.weekday),
  U: (t) => pad(Math.floor((t.yearDay + 7 - t.weekday) / 7)),
  V: (t) => pad(isoWeek(t).week),
  w: (t) => String(t.weekday),
  W: (t) => pad(Math.floor((t.yearDay + 7 - ((t.weekday + 6) % 7)) / 7)),
  x: mdy,
  X: hms,
  y: (t) => pad(t.year % 100),
  Y: (t) => String(t.year),
  z: (t) => offset(t, ""),
  Ez: (t) => offset(t, ":"),
  Z: (t) => (t.offsetMinutes === 0 ? "UTC" : offset(t, ":")),
};

/** The pieces that a conversion stands for; null where there is no such conversion. */
function piecesOf(conversion: string): readonly TimePiece[] | null {
  if (conversion === "%") return ["%"];
  if (Object.hasOwn(CONVERSIONS, conversion)) return [CONVERSIONS[conversion]!];
  const parts = /^(E?)([1-9]?)([fS])$/.exec(conversion);
  if (parts === null) return null;
  const [, extended, width, letter] = parts;
  const fraction = { digits: width === "" ? 9 : Number(width) };
  if (letter === "f") return [fraction];
  return extended === "" || width === "" ? null : [CONVERSIONS.S!, ".", fraction];
}

const CONVERSION = /%(E?[0-9]?[A-Za-z]|%)/y;

export function compileTime(format: string): TimePiece[] | MatchProblem {
  const pieces: TimePiece[] = [];
  let at = 0;
  while (at < format.length) {
    const percent = format.indexOf("%", at);
    if (percent < 0) break;
    if (percent > at) pieces.push(format.slice(at, percent));
    CONVERSION.lastIndex = percent;
    const conversion = CONVERSION.exec(format)?.[1];
    const found = conversion === undefined ? null : piecesOf(conversion);
    if (found === null) {
      return new MatchProblem(
        `%${conversion ?? ""} is no conversion of a time format`,
        "a conversion of strftime, %f, or %1f to %9f",
        percent,
      );
    }
    pieces.push(...found);
    at = CONVERSION.lastIndex;
  }
  if (at < format.length) pieces.push(format.slice(at));
  return pieces;
}
