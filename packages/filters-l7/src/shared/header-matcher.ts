/** Conditions on headers in configurations of filters: envoy.config.route.v3.HeaderMatcher, whole. */
import type { Headers, Regex, Regexes, RequestHeaders } from "@sluice/sdk";
import type { Section } from "./section.ts";

const STRING_MATCHER = ["exact", "prefix", "suffix", "contains", "safe_regex", "ignore_case"];
const REGEX = ["regex", "google_re2"];
/** The older fields, and what they are in `string_match`. */
const OLDER: Readonly<Record<string, string>> = {
  exact_match: "exact",
  prefix_match: "prefix",
  suffix_match: "suffix",
  contains_match: "contains",
  safe_regex_match: "safe_regex",
};

export const HEADER_MATCHER: readonly string[] = [
  "name",
  ...Object.keys(OLDER),
  "range_match",
  "present_match",
  "string_match",
  "invert_match",
  "treat_missing_header_as_empty",
];

export interface HeaderMatcherSettings {
  /** Lower-case. */
  readonly name: string;
  readonly kind: "present" | "range" | "exact" | "prefix" | "suffix" | "contains" | "safe_regex";
  /** Of texts; lower-case with `ignoreCase`. */
  readonly text: string;
  readonly ignoreCase: boolean;
  /** Of ranges: from (in) to (out). */
  readonly start: number;
  readonly end: number;
  readonly isPresent: boolean;
  readonly isInverted: boolean;
  readonly missingIsEmpty: boolean;
}

/** @throws ConfigError */
export function parseHeaderMatcher(section: Section): HeaderMatcherSettings {
  const name = section.string("name").toLowerCase();
  if (name === "") throw section.wrong("name", "expected the name of a header");
  const made = {
    name,
    kind: "present",
    text: "",
    ignoreCase: false,
    start: 0,
    end: 0,
    isPresent: true,
    isInverted: section.boolean("invert_match", false),
    missingIsEmpty: section.boolean("treat_missing_header_as_empty", false),
  } as const;
  const older = Object.keys(OLDER).find((key) => section.has(key));
  if (older !== undefined) {
    const kind = OLDER[older] as HeaderMatcherSettings["kind"];
    return { ...made, kind, text: kind === "safe_regex" ? regexOf(section, older) : section.string(older) };
  }
  const string = section.section("string_match", STRING_MATCHER);
  if (string !== null) return { ...made, ...parseString(string) };
  const range = section.section("range_match", ["start", "end"]);
  if (range !== null) return { ...made, kind: "range", start: whole(range, "start"), end: whole(range, "end") };
  return { ...made, isPresent: section.boolean("present_match", true) };
}

function parseString(string: Section): Pick<HeaderMatcherSettings, "kind" | "text" | "ignoreCase"> {
  const kind = STRING_MATCHER.find((key) => key !== "ignore_case" && string.has(key));
  if (kind === undefined) throw string.wrong("exact", "expected exact, prefix, suffix, contains or safe_regex");
  const isRegex = kind === "safe_regex";
  // As in Envoy: expressions say themselves what case is to them.
  const ignoreCase = !isRegex && string.boolean("ignore_case", false);
  const text = isRegex ? regexOf(string, kind) : string.string(kind);
  return { kind: kind as HeaderMatcherSettings["kind"], text: ignoreCase ? text.toLowerCase() : text, ignoreCase };
}

function regexOf(section: Section, key: string): string {
  return section.section(key, REGEX)!.string("regex");
}

/** 64 bits are a text in JSON. */
function whole(section: Section, key: string): number {
  const value = section.get(key) ?? 0;
  const number = typeof value === "string" && /^-?[0-9]{1,19}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number)) throw section.wrong(key, "expected a whole number");
  return number;
}

export class HeaderMatcher {
  readonly #settings: HeaderMatcherSettings;
  readonly #regex: Regex | null;

  /** @throws ConfigError where the pattern is none of RE2's. */
  constructor(settings: HeaderMatcherSettings, regexes: Regexes) {
    this.#settings = settings;
    this.#regex = settings.kind === "safe_regex" ? regexes.compile(settings.text) : null;
  }

  matches(headers: RequestHeaders): boolean {
    const { kind, isPresent, isInverted, missingIsEmpty } = this.#settings;
    const value = valueOf(headers, this.#settings.name);
    if (kind === "present") return (value !== undefined) === isPresent ? !isInverted : isInverted;
    // A header that is missing matches nothing, inverted or not, unless it counts as empty.
    if (value === undefined && !missingIsEmpty) return false;
    return this.#holds(value ?? "") !== isInverted;
  }

  #holds(value: string): boolean {
    const { kind, text, ignoreCase, start, end } = this.#settings;
    const seen = ignoreCase ? value.toLowerCase() : value;
    switch (kind) {
      case "exact":
        return seen === text;
      case "prefix":
        return seen.startsWith(text);
      case "suffix":
        return seen.endsWith(text);
      case "contains":
        return seen.includes(text);
      case "safe_regex":
        return this.#regex!.matches(value);
      case "range": {
        const number = /^[+-]?[0-9]{1,19}$/.test(value) ? Number(value) : Number.NaN;
        return number >= start && number < end;
      }
      case "present":
        return true;
    }
  }
}

function valueOf(headers: RequestHeaders, name: string): string | undefined {
  switch (name) {
    case ":method":
      return headers.method;
    case ":path":
      return headers.path;
    case ":authority":
    case "host":
      return headers.authority;
    case ":scheme":
      return headers.scheme;
    default:
      return joined(headers, name);
  }
}

/** Several lines are one list, also those of headers that have no such form. */
function joined(headers: Headers, name: string): string | undefined {
  const values = headers.getAll(name);
  return values.length === 0 ? undefined : values.join(",");
}
