/** `when` of an access log or a local reply: conditions, all of which must hold. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { matchers } from "./route-match.ts";
import { Section } from "./section.ts";

/** Envoy's filter; undefined where it is wrong, which is reported. */
export function adaptWhen(
  context: Section["context"],
  container: object,
  key: string | number,
): JsonObject | undefined {
  const when = Section.at(context, "log_when", container, key);
  if (when === undefined) return undefined;
  const filters = [
    ...status(when),
    ...duration(when),
    ...flags(when),
    ...headers(when),
    ...grpcStatus(when),
    ...sample(when),
    ...types(when),
    ...any(when),
  ];
  if (when.flag("traced") === true) filters.push(filter(when, "traced", "traceable_filter", {}));
  const [only] = filters;
  if (only === undefined) return void when.missing("a condition", "as in { status: 5xx }");
  if (filters.length === 1) return only;
  const all = when.make<JsonObject>({ filters: when.make<Json[]>(filters) });
  return when.make<JsonObject>({ and_filter: all });
}

function filter(when: Section, key: string, kind: string, value: JsonObject): JsonObject {
  return when.make<JsonObject>({ [kind]: when.make(value, key) }, key);
}

/** Envoy wants one; nobody sets it. */
const NO_KEY = "sluice.not_set";

function comparison(when: Section, key: string, kind: string, op: string, value: number): JsonObject {
  const limit = when.make<JsonObject>({ default_value: value, runtime_key: NO_KEY }, key);
  return filter(when, key, kind, { comparison: when.make<JsonObject>({ op, value: limit }, key) });
}

const STATUS = /^(?:(?<op>>=|<=|=)?\s*(?<code>[1-5]\d\d)|(?<class>[1-5])xx)$/;
const OPERATORS: Readonly<Record<string, string>> = { ">=": "GE", "<=": "LE", "=": "EQ" };

function status(when: Section): JsonObject[] {
  const value = when.get("status");
  if (value === undefined) return [];
  const found = typeof value === "string" || typeof value === "number" ? STATUS.exec(String(value)) : null;
  if (found === null) {
    when.context.wrongType(when.value, "status", "a status as in 503, >=500, <=399 or 5xx");
    return [];
  }
  const { op = "=", code, class: first } = found.groups!;
  const kind = "status_code_filter";
  if (code !== undefined) return [comparison(when, "status", kind, OPERATORS[op]!, Number(code))];
  const lowest = Number(first) * 100;
  return [comparison(when, "status", kind, "GE", lowest), comparison(when, "status", kind, "LE", lowest + 99)];
}

function duration(when: Section): JsonObject[] {
  const value = when.text("duration");
  if (value === undefined) return [];
  const seconds = /^(\d{1,7}(?:\.\d{1,9})?)s$/.exec(value)?.[1];
  if (seconds === undefined) {
    when.context.wrongType(when.value, "duration", "a duration as in 0.5s");
    return [];
  }
  return [comparison(when, "duration", "duration_filter", "GE", Math.ceil(Number(seconds) * 1000))];
}

function flags(when: Section): JsonObject[] {
  if (when.get("flags") === true) return [filter(when, "flags", "response_flag_filter", {})];
  const list = when.list("flags");
  if (list === undefined) return [];
  const made: JsonObject = {};
  when.put(made, "flags", list, "flags");
  return [filter(when, "flags", "response_flag_filter", made)];
}

function headers(when: Section): JsonObject[] {
  return matchers(when, "headers").map((header) => filter(when, "headers", "header_filter", { header }));
}

function grpcStatus(when: Section): JsonObject[] {
  const list = when.list("grpc_status");
  if (list === undefined) return [];
  const made: JsonObject = {};
  when.put(made, "statuses", list, "grpc_status");
  return [filter(when, "grpc_status", "grpc_status_filter", made)];
}

function sample(when: Section): JsonObject[] {
  const given = when.section("log_sample", "sample");
  if (given === undefined) return [];
  const made = given.make<JsonObject>({});
  given.copy("key", made, "runtime_key");
  if (!given.has("key")) given.missing("key", "the runtime key that may say another share");
  const percent = given.get("percent");
  if (typeof percent !== "number" || !(percent >= 0 && percent <= 100)) {
    if (given.has("percent")) given.context.wrongType(given.value, "percent", "0 to 100");
    else given.missing("percent", "0 to 100");
    return [];
  }
  const share: JsonObject = { numerator: Math.round(percent * 10_000), denominator: "MILLION" };
  made["percent_sampled"] = given.make(share, "percent");
  return [given.make<JsonObject>({ runtime_filter: made })];
}

function types(when: Section): JsonObject[] {
  const list = when.list("types");
  if (list === undefined) return [];
  const made: JsonObject = {};
  when.put(made, "types", list, "types");
  return [filter(when, "types", "log_type_filter", made)];
}

/** `any` of these, each with conditions of its own. */
function any(when: Section): JsonObject[] {
  const list = when.list("any");
  if (list === undefined) return [];
  const made = list.flatMap<JsonObject>((_, index) => adaptWhen(when.context, list, index) ?? []);
  const [only] = made;
  if (only === undefined) return [];
  // Envoy wants two at least.
  return made.length === 1 ? [only] : [filter(when, "any", "or_filter", { filters: when.make<Json[]>(made, "any") })];
}
