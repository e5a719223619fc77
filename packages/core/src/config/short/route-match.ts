/** What a request must look like to take a route of the short form. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { isMapping } from "../is-mapping.ts";
import { Section } from "./section.ts";

const pathKeys = ["prefix", "path", "separated_prefix", "regex", "template", "connect"];
const uriTemplate = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";
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
  else if (which === "template") route.put(match, "path_match_policy", template(route), "template");
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
  const cookies = matchers(route, "cookies");
  if (cookies.length > 0) route.put(match, "cookies", route.make(cookies, "cookies"), "cookies");
  if (route.has("share")) route.put(match, "runtime_fraction", adaptShare(route), "share");
  route.put(match, "tls_context", route.choice("client_certificate", certificates), "client_certificate");
  return match;
}

const certificates: Readonly<Record<string, Json>> = {
  presented: { presented: true },
  validated: { validated: true },
  none: { presented: false },
};

function template(route: Section): JsonObject {
  const config: JsonObject = { "@type": `type.googleapis.com/${uriTemplate}` };
  route.copy("template", config, "path_template");
  return route.make({ name: "envoy.path.match.uri_template.uri_template_matcher", typed_config: config }, "template");
}

/** Percent, or percent and the runtime key that may say another. */
function adaptShare(route: Section): JsonObject | undefined {
  const given = typeof route.get("share") === "number" ? route : route.section("route_share", "share");
  if (given === undefined) return undefined;
  const name = given === route ? "share" : "percent";
  const percent = given.get(name);
  if (typeof percent !== "number" || !(percent >= 0 && percent <= 100)) {
    if (given.has(name)) given.context.wrongType(given.value, name, "0 to 100");
    else given.missing(name, "0 to 100");
    return undefined;
  }
  const made = route.make<JsonObject>({}, "share");
  given.put(
    made,
    "default_value",
    given.make({ numerator: Math.round(percent * 10_000), denominator: "MILLION" }, name),
    name,
  );
  if (given !== route) given.copy("key", made, "runtime_key");
  return made;
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

/** Name → match, as Envoy's matchers. */
export function matchers(route: Section, key: "headers" | "query" | "cookies"): Json[] {
  const wanted = route.mapping(key) ?? {};
  const made: Json[] = [];
  for (const name of Object.keys(wanted)) {
    const matcher = matcherOf(route, wanted, name, key);
    if (matcher === undefined) continue;
    const named: JsonObject = { name, ...matcher };
    route.context.derived.markEntry(named, "name", wanted, name);
    made.push(route.context.derived.mark(named, wanted, name));
  }
  return made;
}

const texts = ["exact", "prefix", "suffix", "contains"];

function matcherOf(
  route: Section,
  container: JsonObject,
  key: string,
  what: "headers" | "query" | "cookies",
): JsonObject | undefined {
  const { derived } = route.context;
  const value = container[key];
  const isHeader = what === "headers";
  if (typeof value === "boolean") {
    if (what !== "cookies") return { present_match: value };
    // Envoy has no word for it: any value, or not any value.
    return { string_match: { safe_regex: { regex: "(?s).*" } }, ...(value ? {} : { invert_match: true }) };
  }
  if (typeof value === "string") {
    const string = derived.mark<JsonObject>({ exact: value }, container, key);
    return { string_match: string };
  }
  if (!isMapping(value))
    return void route.context.wrongType(container, key, "a text, true, false, or a mapping as in { prefix: … }");
  const match = Section.at(route.context, "match", container, key);
  if (match === undefined) return undefined;
  const made: JsonObject = {};
  if (what !== "query" && match.flag("not") === true) match.put(made, "invert_match", true, "not");
  else if (match.has("not") && what === "query")
    match.error("not", {
      code: "ERR_CONFIG_UNKNOWN_FIELD",
      message: "query parameters cannot be matched by what they are not",
    });
  const which = match.onlyOne([...texts, "regex", "range"]);
  if (which === undefined) return void match.missing(isHeader ? [...texts, "regex", "range"] : [...texts, "regex"]);
  if (which === "range") return addRange(match, made, what);
  const string = match.make<JsonObject>({});
  if (which === "regex") match.put(string, "safe_regex", regex(match, match.value, "regex"), "regex");
  else match.copy(which, string);
  match.copy("ignore_case", string);
  return { ...made, string_match: string };
}

function addRange(match: Section, made: JsonObject, what: "headers" | "query" | "cookies"): JsonObject | undefined {
  if (what !== "headers")
    return void match.error(
      "range",
      { code: "ERR_CONFIG_UNKNOWN_FIELD", message: `${what === "query" ? "query parameters" : what} have no ranges` },
      "key",
    );
  const range = match.list("range") ?? [];
  const [start = null, end = null] = range;
  if (range.length !== 2)
    return void match.context.wrongType(match.value, "range", "two numbers, the first in and the last out");
  return { ...made, range_match: match.make({ start, end }, "range") };
}
