/** What a request must look like to take a route of the short form. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { isMapping, Section } from "./section.ts";

const pathKeys = ["prefix", "path", "separated_prefix", "regex", "connect"];
const paths: Readonly<Record<string, string>> = {
  prefix: "prefix",
  path: "path",
  separated_prefix: "path_separated_prefix",
};

export function adaptMatch(route: Section): JsonObject {
  const match = route.make<JsonObject>({});
  const which = route.onlyOne(pathKeys);
  if (which === undefined) route.missing(pathKeys);
  else if (which === "regex") route.put(match, "safe_regex", regex(route, route.value, "regex"), "regex");
  else if (which === "connect") {
    if (route.flag("connect") === true) route.put(match, "connect_matcher", {}, "connect");
    else route.context.wrongType(route.value, "connect", "true");
  } else route.copy(which, match, paths[which]);
  route.copy("case_sensitive", match);
  if (route.flag("grpc") === true) route.put(match, "grpc", {}, "grpc");
  const headers = [...methodMatcher(route), ...matchers(route, "headers")];
  if (headers.length > 0) match["headers"] = route.make(headers, route.has("headers") ? "headers" : "method");
  const query = matchers(route, "query");
  if (query.length > 0) route.put(match, "query_parameters", route.make(query, "query"), "query");
  return match;
}

function regex(section: Section, container: object, key: string): JsonObject {
  const made: JsonObject = { regex: (container as JsonObject)[key] ?? null };
  section.context.derived.markEntry(made, "regex", container, key);
  return section.context.derived.mark(made, container, key);
}

const methodName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** One method, or any of several. */
function methodMatcher(route: Section): Json[] {
  const value = route.get("method");
  if (value === undefined) return [];
  const list = Array.isArray(value) ? value : [value];
  const methods = list.filter((method) => typeof method === "string");
  if (methods.length === 0 || methods.length < list.length || !methods.every((method) => methodName.test(method))) {
    route.context.wrongType(route.value, "method", "a method, or a list of methods");
    return [];
  }
  const [only = "", ...others] = methods;
  const pattern = methods.map((method) => method.replaceAll(/[^\w]/g, "\\$&")).join("|");
  const string: JsonObject = others.length === 0 ? { exact: only } : { safe_regex: { regex: pattern } };
  return [route.make({ name: ":method", string_match: route.make(string, "method") }, "method")];
}

function matchers(route: Section, key: "headers" | "query"): Json[] {
  const wanted = route.mapping(key) ?? {};
  const made: Json[] = [];
  for (const name of Object.keys(wanted)) {
    const matcher = matcherOf(route, wanted, name, key === "headers");
    if (matcher === undefined) continue;
    const named: JsonObject = { name, ...matcher };
    route.context.derived.markEntry(named, "name", wanted, name);
    made.push(route.context.derived.mark(named, wanted, name));
  }
  return made;
}

const texts = ["exact", "prefix", "suffix", "contains"];

function matcherOf(route: Section, container: JsonObject, key: string, isHeader: boolean): JsonObject | undefined {
  const { derived } = route.context;
  const value = container[key];
  if (typeof value === "boolean") return { present_match: value };
  if (typeof value === "string") {
    const string = derived.mark<JsonObject>({ exact: value }, container, key);
    return { string_match: string };
  }
  if (!isMapping(value))
    return void route.context.wrongType(container, key, "a text, true, false, or a mapping as in { prefix: … }");
  const match = Section.at(route.context, "match", container, key);
  if (match === undefined) return undefined;
  const made: JsonObject = {};
  if (isHeader && match.flag("not") === true) match.put(made, "invert_match", true, "not");
  else if (match.has("not") && !isHeader)
    match.error("not", {
      code: "ERR_CONFIG_UNKNOWN_FIELD",
      message: "query parameters cannot be matched by what they are not",
    });
  const which = match.onlyOne([...texts, "regex", "range"]);
  if (which === undefined) return void match.missing(isHeader ? [...texts, "regex", "range"] : [...texts, "regex"]);
  if (which === "range") return addRange(match, made, isHeader);
  const string = match.make<JsonObject>({});
  if (which === "regex") match.put(string, "safe_regex", regex(match, match.value, "regex"), "regex");
  else match.copy(which, string);
  match.copy("ignore_case", string);
  return { ...made, string_match: string };
}

function addRange(match: Section, made: JsonObject, isHeader: boolean): JsonObject | undefined {
  if (!isHeader)
    return void match.error(
      "range",
      { code: "ERR_CONFIG_UNKNOWN_FIELD", message: "query parameters have no ranges" },
      "key",
    );
  const range = match.list("range") ?? [];
  const [start = null, end = null] = range;
  if (range.length !== 2)
    return void match.context.wrongType(match.value, "range", "two numbers, the first in and the last out");
  return { ...made, range_match: match.make({ start, end }, "range") };
}
