/** What a filter gets at `create`: everything it may use besides its own code. Released with the filter. */
import type { Clusters } from "./upstream.ts";
import type { HttpStream } from "./http-filter.ts";
import type { NetworkConnection } from "./network-filter.ts";
import type { Runtime } from "./runtime.ts";
import type { SharedState } from "./shared-state.ts";
import type { Stats } from "./stats.ts";

export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** The same, read once while the bytes of one socket read are handled: cheap, for statistics and time-outs. */
  turnNow(): number;
  /** Milliseconds since the epoch. */
  wallNow(): number;
}

export interface Timer {
  /** Ends it; harmless when it has fired or was ended. */
  cancel(): void;
}

export interface Random {
  /** 0 (in) to 1 (out). */
  next(): number;
  /** Whole number from 0 (in) to `bound` (out), at most 2^32. */
  below(bound: number): number;
}

/** A text with command operators (`%REQ(:PATH)%`, `%DOWNSTREAM_REMOTE_ADDRESS%`), compiled. Envoy: substitution formatter. */
export interface Format {
  /** The text for that stream or connection, legal as a header value; empty for values that are missing. */
  render(stream: HttpStream | NetworkConnection): string;
  /** What `render` always returns; null where it depends on the stream. */
  readonly constant: string | null;
}

export interface FormatOptions {
  /** What stands for values that are missing. @default "" */
  readonly missing?: string;
}

export interface Formats {
  /** @throws ConfigError where an operator is not known. */
  compile(text: string, options?: FormatOptions): Format;
}

/** A regular expression in RE2's syntax that takes linear time on any text: safe for texts of strangers. Envoy: `safe_regex`. */
export interface Regex {
  /** Whether the whole text matches. */
  matches(text: string): boolean;
}

/** A regular expression with what replaces its matches. Envoy: RegexMatchAndSubstitute. */
export interface RegexRewrite {
  /** The text with every match replaced. @throws RangeError where a long text has so many matches that it may take more than linear time. */
  apply(text: string): string;
}

export interface Regexes {
  /** @throws ConfigError where the pattern is none of RE2's. */
  compile(pattern: string): Regex;
  /** In `substitution`, `\0` is the match, `\1` to `\9` are its groups. @throws ConfigError where the pattern is none of RE2's or has no such group. */
  compileRewrite(pattern: string, substitution: string): RegexRewrite;
}

export interface FilterContext {
  /** The filter's name in its chain. */
  readonly name: string;
  /** Statistics under `<stat prefix of the chain>.<filter>.`; the whole tree's prefix with `rootStats`. */
  readonly stats: Stats;
  /** Statistics from the root of the tree, for filters whose metric names are fixed by Envoy. Prefer `stats`. */
  readonly rootStats: Stats;
  /** The `stat_prefix` of the connection manager or the network filter that holds the chain; empty where there is none. */
  readonly statPrefix: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** For filters whose definition says `calls: true`. @throws TypeError for others. */
  readonly clusters: Clusters;
  /** State that all workers share. */
  readonly shared: SharedState;
  /** Values that an operator changes while the proxy runs. */
  readonly runtime: Runtime;
  readonly formats: Formats;
  readonly regexes: Regexes;
  /** Calls back once after `ms` (coarse: up to 10 ms late); cancelled when the filter goes away. */
  setTimer(callback: () => void, ms: number): Timer;
}
