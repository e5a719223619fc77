/** google.protobuf.Duration and Timestamp in their JSON form. */

export interface SecondsAndNanos {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** 10 000 years, the range of the type. */
const maxSeconds = 315_576_000_000n;

/** `1.5s`; undefined when the text is no duration: at most nine digits after the point, and in range. */
export function parseDuration(text: string): SecondsAndNanos | undefined {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text);
  if (match === null) return undefined;
  const seconds = BigInt(match[2] ?? "0");
  const nanos = Number((match[3] ?? "").padEnd(9, "0"));
  if (seconds > maxSeconds) return undefined;
  return match[1] === "-" ? { seconds: -seconds, nanos: nanos === 0 ? 0 : -nanos } : { seconds, nanos };
}

export function durationNanos(duration: SecondsAndNanos): bigint {
  return duration.seconds * 1_000_000_000n + BigInt(duration.nanos);
}

export function formatDuration({ seconds, nanos }: SecondsAndNanos): string {
  const sign = seconds < 0n || nanos < 0 ? "-" : "";
  const whole = seconds < 0n ? -seconds : seconds;
  return `${sign}${whole}${formatNanos(Math.abs(nanos))}s`;
}

/** What somebody meant who wrote `500ms`, `5m`, `1h`, `5` or `2.5`. */
export function meantDuration(value: string | number): string | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,9})?)\s*(ms|us|ns|s|sec|seconds|m|min|h|d)?$/.exec(String(value));
  if (match === null) return undefined;
  const seconds = Number(match[1]) * (unitSeconds[match[2] ?? "s"] ?? 1);
  return `${seconds.toFixed(9).replace(/\.?0+$/, "")}s`;
}

const unitSeconds: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  ms: 1e-3,
  m: 60,
  min: 60,
  h: 3600,
  d: 86_400,
};

/** RFC 3339, years 1 to 9999; undefined when it is none. */
export function parseTimestamp(text: string): SecondsAndNanos | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null || text.startsWith("0000")) return undefined;
  const ms = Date.parse(`${match[1]}${match[3]}`);
  if (Number.isNaN(ms)) return undefined;
  return { seconds: BigInt(ms / 1000), nanos: Number((match[2] ?? "").padEnd(9, "0")) };
}

export function formatTimestamp({ seconds, nanos }: SecondsAndNanos): string {
  const date = new Date(Number(seconds) * 1000).toISOString();
  return `${date.slice(0, 19)}${formatNanos(nanos)}Z`;
}

/** `.5`, `.000001`, or nothing. */
function formatNanos(nanos: number): string {
  if (nanos === 0) return "";
  return `.${String(nanos)
    .padStart(9, "0")
    .replace(/(000)+$/, "")}`;
}
