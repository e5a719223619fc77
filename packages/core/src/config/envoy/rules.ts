/** validate.rules (protoc-gen-validate) as Envoy evaluates them: each broken rule as a sentence about what was expected. */
import type { Finding } from "../problems.ts";
import { listed, quote } from "./describe.ts";
import { durationNanos, formatDuration, parseDuration, type SecondsAndNanos } from "./durations.ts";
import type { EnumType, FieldType } from "./registry.ts";
import type { RulesLine } from "./type-lines.ts";

/** A broken rule of a field, or of one element (index, map key) of it. */
export interface Broken {
  readonly element?: string | number;
  readonly finding: Finding;
}

/**
 * Rules of a field that is set (or has no presence): at most one sentence for the field and each element.
 * `left`: how many elements or entries were written and left out of the value.
 */
export function checkRules(field: FieldType, value: unknown, enumeration?: EnumType, left = 0): Broken[] {
  const { rules } = field;
  if (rules === null) return [];
  if (field.shape === "list") return checkList(rules, value as unknown[], enumeration, left);
  if (field.shape === "map") return checkMap(rules, value as Record<string, unknown>, enumeration, left);
  const expected = brokenBy(rules, value, enumeration);
  return expected === undefined ? [] : [{ finding: outOfRange(value, expected) }];
}

function checkList(rules: RulesLine, list: unknown[], enumeration: EnumType | undefined, left: number): Broken[] {
  const size = list.length + left;
  const expected = countExpected(size, rules.min_items, rules.max_items, "element");
  const broken: Broken[] = expected === undefined ? [] : [{ finding: outOfCount(`a list of ${size}`, expected) }];
  const seen = new Set<unknown>();
  for (const [element, value] of list.entries()) {
    const expected = rules.items === undefined ? undefined : brokenBy(rules.items, value, enumeration);
    if (expected !== undefined) broken.push({ element, finding: outOfRange(value, expected) });
    else if (rules.unique === true && seen.has(value)) {
      broken.push({
        element,
        finding: { code: "ERR_CONFIG_RANGE", message: `${shown(value)} appears twice`, expected: "each once" },
      });
    }
    seen.add(value);
  }
  return broken;
}

function checkMap(
  rules: RulesLine,
  map: Record<string, unknown>,
  enumeration: EnumType | undefined,
  left: number,
): Broken[] {
  const keys = Object.keys(map);
  const size = keys.length + left;
  const expected = countExpected(size, rules.min_pairs, undefined, "entry");
  const broken: Broken[] = expected === undefined ? [] : [{ finding: outOfCount(`a mapping of ${size}`, expected) }];
  for (const element of keys) {
    const key = rules.keys === undefined ? undefined : brokenBy(rules.keys, element, undefined);
    if (key !== undefined) broken.push({ element, finding: outOfRange(element, `${key} as key`) });
    const value = rules.values === undefined ? undefined : brokenBy(rules.values, map[element], enumeration);
    if (value !== undefined) broken.push({ element, finding: outOfRange(map[element], value) });
  }
  return broken;
}

function outOfCount(found: string, expected: string): Finding {
  return { code: "ERR_CONFIG_RANGE", message: `found ${found}`, expected };
}

function outOfRange(value: unknown, expected: string): Finding {
  return { code: "ERR_CONFIG_RANGE", message: `found ${shown(value)}`, expected };
}

function shown(value: unknown): string {
  if (typeof value === "string") return value === "" ? "an empty text" : quote(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "object" && value !== null && "nanos" in value) return formatDuration(value as SecondsAndNanos);
  return String(value);
}

/** What was expected of one value, when it breaks a rule. */
function brokenBy(rules: RulesLine, value: unknown, enumeration: EnumType | undefined): string | undefined {
  if (typeof value === "string") return brokenByText(rules, value);
  if (value instanceof Uint8Array) return sizeExpected(value.length, rules.min_len, rules.max_len, "byte");
  if (typeof value === "boolean")
    return rules.const === undefined || rules.const === value ? undefined : String(rules.const);
  if (typeof value === "number" || typeof value === "bigint") return brokenByNumber(rules, value, enumeration);
  if (typeof value === "object" && value !== null && "nanos" in value) {
    return bounds(rules, durationNanos(value as SecondsAndNanos), nanosOf, "a duration");
  }
  return undefined;
}

function brokenByText(rules: RulesLine, text: string): string | undefined {
  if (rules.ignore_empty === true && text === "") return undefined;
  const size =
    sizeExpected([...text].length, rules.min_len, rules.max_len, "character") ??
    sizeExpected(Buffer.byteLength(text), undefined, rules.max_bytes, "byte");
  if (size !== undefined) return size;
  if (rules.in !== undefined && !rules.in.includes(text)) return `one of ${listed(rules.in.map(String), 30)}`;
  if (rules.not_in?.includes(text) === true) return `none of ${listed(rules.not_in.map(String), 30)}`;
  if (rules.pattern !== undefined && !new RegExp(rules.pattern, "u").test(text))
    return `a text that matches ${rules.pattern}`;
  return rules.well_known_regex === undefined
    ? undefined
    : headerExpected(rules.well_known_regex, rules.strict !== false, text);
}

function headerExpected(
  kind: "HTTP_HEADER_NAME" | "HTTP_HEADER_VALUE",
  isStrict: boolean,
  text: string,
): string | undefined {
  if (!isStrict) return /^[^\0\n\r]*$/.test(text) ? undefined : "a text without NUL and line ends";
  if (kind === "HTTP_HEADER_NAME")
    return /^:?[0-9a-zA-Z!#$%&'*+-.^_|~`]+$/.test(text) ? undefined : "the name of an HTTP header";
  return /^[^\0-\x08\x0a-\x1f\x7f]*$/.test(text) ? undefined : "the value of an HTTP header";
}

function brokenByNumber(
  rules: RulesLine,
  value: number | bigint,
  enumeration: EnumType | undefined,
): string | undefined {
  if (enumeration !== undefined) {
    const names = enumeration.values
      .filter(([, number]) => rules.not_in?.includes(number) !== true)
      .map(([name]) => name);
    const isKnown = enumeration.values.some(([, number]) => number === value);
    const isBroken = (rules.defined_only === true && !isKnown) || rules.not_in?.includes(Number(value)) === true;
    return isBroken ? `one of ${listed(names)}` : undefined;
  }
  return bounds(rules, value, Number, "a number");
}

/** `gt` above `lt` would mean a value outside both; Envoy's protos have none. */
function bounds<T extends number | bigint>(
  rules: RulesLine,
  value: T,
  read: (bound: number | string) => T,
  noun: string,
): string | undefined {
  const { gt, gte, lt, lte } = rules;
  const isBroken =
    (gt !== undefined && value <= read(gt)) ||
    (gte !== undefined && value < read(gte)) ||
    (lt !== undefined && value >= read(lt)) ||
    (lte !== undefined && value > read(lte)) ||
    Number.isNaN(value);
  if (!isBroken) return undefined;
  if (gte !== undefined && lte !== undefined) return `${noun} from ${gte} to ${lte}`;
  const low = gt !== undefined ? `above ${gt}` : gte !== undefined ? `of at least ${gte}` : undefined;
  const high = lt !== undefined ? `below ${lt}` : lte !== undefined ? `of at most ${lte}` : undefined;
  return `${noun} ${[low, high].filter((each) => each !== undefined).join(" and ")}`;
}

function nanosOf(duration: number | string): bigint {
  const parsed = parseDuration(String(duration));
  if (parsed === undefined) throw new Error(`the rule's bound ${duration} is no duration`);
  return durationNanos(parsed);
}

function sizeExpected(
  size: number,
  min: number | undefined,
  max: number | undefined,
  noun: string,
): string | undefined {
  if (min !== undefined && size < min) return min === 1 ? "a text that is not empty" : `at least ${min} ${noun}s`;
  return max !== undefined && size > max ? `at most ${max} ${noun}s` : undefined;
}

function countExpected(
  count: number,
  min: number | undefined,
  max: number | undefined,
  noun: string,
): string | undefined {
  const plural = (n: number) => (n === 1 ? noun : noun === "entry" ? "entries" : `${noun}s`);
  if (min !== undefined && count < min) return `at least ${min} ${plural(min)}`;
  return max !== undefined && count > max ? `at most ${max} ${plural(max)}` : undefined;
}
