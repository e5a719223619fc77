/** What a route of the short form does: forward, redirect, respond. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { edgeRoute } from "./edge.ts";
import { adaptHash, adaptSubset } from "./hash.ts";
import { adaptInternalRedirect } from "./internal-redirect.ts";
import { adaptMirrors, adaptRetry } from "./retry.ts";
import type { Section } from "./section.ts";
import { adaptTermination } from "./tunnel.ts";
import { adaptWeights } from "./weights.ts";

const actions = ["cluster", "clusters", "cluster_header", "redirect", "respond"];
const forwardOnly = [
  "timeout",
  "idle_timeout",
  "max_stream_duration",
  "grpc_timeout_max",
  "internal_redirect",
  "body_buffer_limit",
  "stat_prefix",
  "rate_limits",
  "rewrite",
  "append_x_forwarded_host",
  "cluster_not_found",
  "hash",
  "subset",
  "upgrades",
  "tunnel",
  "retry",
  "mirror",
  "priority",
];

export function adaptAction(route: Section, into: JsonObject, isEdge: boolean): void {
  const which = route.onlyOne(actions);
  if (which === undefined) return route.missing(actions);
  if (which === "cluster" || which === "clusters" || which === "cluster_header") {
    route.copyAll({ body_buffer_limit: "per_request_buffer_limit_bytes", stat_prefix: "stat_prefix" }, into);
    return route.put(into, "route", adaptForward(route, which, isEdge), which);
  }
  for (const key of forwardOnly) {
    if (route.has(key))
      route.error(key, { code: "ERR_CONFIG_CONFLICT", message: `"${key}" means nothing beside "${which}"` }, "key");
  }
  if (which === "redirect") route.put(into, "redirect", adaptRedirect(route), "redirect");
  else route.put(into, "direct_response", adaptRespond(route), "respond");
}

const notFound: Readonly<Record<string, string>> = {
  503: "SERVICE_UNAVAILABLE",
  404: "NOT_FOUND",
  500: "INTERNAL_SERVER_ERROR",
};

function adaptForward(route: Section, which: "cluster" | "clusters" | "cluster_header", isEdge: boolean): JsonObject {
  const action = route.make<JsonObject>({});
  if (which !== "clusters") route.copy(which, action);
  else route.put(action, "weighted_clusters", adaptWeights(route), "clusters");
  route.copyAll(
    {
      timeout: "timeout",
      idle_timeout: "idle_timeout",
      append_x_forwarded_host: "append_x_forwarded_host",
      rate_limits: "rate_limits",
    },
    action,
  );
  if (route.has("max_stream_duration") || route.has("grpc_timeout_max")) {
    const duration = route.make<JsonObject>({});
    route.copyAll(
      { max_stream_duration: "max_stream_duration", grpc_timeout_max: "grpc_timeout_header_max" },
      duration,
    );
    action["max_stream_duration"] = duration;
  }
  route.put(action, "internal_redirect_policy", adaptInternalRedirect(route), "internal_redirect");
  route.put(
    action,
    "cluster_not_found_response_code",
    route.choice("cluster_not_found", notFound),
    "cluster_not_found",
  );
  adaptRetry(route, action);
  adaptMirrors(route, action);
  route.put(action, "priority", route.choice("priority", priorities), "priority");
  adaptHash(route, action);
  adaptSubset(route, action);
  adaptRewrite(route, action);
  adaptUpgrades(route, action);
  if (isEdge) edgeRoute(action);
  return action;
}

const priorities = { default: "DEFAULT", high: "HIGH" };

function adaptUpgrades(route: Section, action: JsonObject): void {
  const upgrades = route.mapping("upgrades");
  const configs: Json[] = Object.entries(upgrades ?? {}).map(([type, enabled]) =>
    route.context.derived.mark({ upgrade_type: type, enabled }, upgrades as JsonObject, type),
  );
  const termination = adaptTermination(route);
  if (termination !== undefined) configs.push(termination);
  const key = upgrades === undefined ? "tunnel" : "upgrades";
  if (configs.length > 0) route.put(action, "upgrade_configs", route.make(configs, key), key);
}

function adaptRewrite(route: Section, action: JsonObject): void {
  const value = route.get("rewrite");
  if (value === undefined) return;
  if (typeof value === "string") return route.put(action, "prefix_rewrite", value, "rewrite");
  const rewrite = route.section("rewrite", "rewrite");
  if (rewrite === undefined) return;
  rewrite.onlyOne(["prefix", "regex", "template"]);
  rewrite.onlyOne(["host", "auto_host", "host_from_header", "host_from_path"]);
  rewrite.copyAll(
    {
      prefix: "prefix_rewrite",
      host: "host_rewrite_literal",
      auto_host: "auto_host_rewrite",
      host_from_header: "host_rewrite_header",
    },
    action,
  );
  rewrite.put(action, "regex_rewrite", adaptRegexRewrite(rewrite, "regex"), "regex");
  rewrite.put(action, "host_rewrite_path_regex", adaptRegexRewrite(rewrite, "host_from_path"), "host_from_path");
  if (!rewrite.has("template")) return;
  const config = rewrite.make<JsonObject>({ "@type": templateRewrite }, "template");
  rewrite.copy("template", config, "path_template_rewrite");
  const policy: JsonObject = { name: "envoy.path.rewrite.uri_template.uri_template_rewriter", typed_config: config };
  rewrite.put(action, "path_rewrite_policy", rewrite.make(policy, "template"), "template");
}

const templateRewrite = "type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig";

function adaptRegexRewrite(holder: Section, key: string): JsonObject | undefined {
  const rewrite = holder.section("regex_rewrite", key);
  if (rewrite === undefined) return undefined;
  const made = rewrite.make<JsonObject>({});
  const pattern = rewrite.make<JsonObject>({});
  rewrite.copy("pattern", pattern, "regex");
  rewrite.put(made, "pattern", pattern, "pattern");
  rewrite.copy("substitution", made);
  return made;
}

const statuses: Readonly<Record<string, string>> = {
  301: "MOVED_PERMANENTLY",
  302: "FOUND",
  303: "SEE_OTHER",
  307: "TEMPORARY_REDIRECT",
  308: "PERMANENT_REDIRECT",
};

/** As a text: `https`, a path, or a URL whose parts take the place of the request's. */
function adaptRedirect(route: Section): JsonObject | undefined {
  const value = route.get("redirect");
  const made = route.make<JsonObject>({}, "redirect");
  if (typeof value === "string") {
    const parts = redirectParts(value);
    if (parts === undefined)
      return void route.context.wrongType(route.value, "redirect", "https, a path, a URL without query, or a mapping");
    return Object.assign(made, parts);
  }
  const redirect = route.section("redirect", "redirect");
  if (redirect === undefined) return undefined;
  redirect.onlyOne(["https", "scheme"]);
  redirect.onlyOne(["path", "prefix", "regex"]);
  redirect.copyAll(
    {
      https: "https_redirect",
      scheme: "scheme_redirect",
      host: "host_redirect",
      port: "port_redirect",
      path: "path_redirect",
      prefix: "prefix_rewrite",
      strip_query: "strip_query",
    },
    made,
  );
  redirect.put(made, "regex_rewrite", adaptRegexRewrite(redirect, "regex"), "regex");
  redirect.put(made, "response_code", redirect.choice("status", statuses), "status");
  return made;
}

function redirectParts(text: string): JsonObject | undefined {
  if (text === "https") return { https_redirect: true };
  if (/^\/(?!\/)\S*$/.test(text)) return { path_redirect: text };
  const match = /^(https?):\/\/([^/:?#\s]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?(\/[^?#\s]*)?$/.exec(text);
  if (match === null) return undefined;
  const [, scheme = "", host = "", port, path] = match;
  const parts: JsonObject = { scheme_redirect: scheme, host_redirect: host };
  if (port !== undefined) parts["port_redirect"] = Number(port);
  if (path !== undefined && path !== "/") parts["path_redirect"] = path;
  return parts;
}

function adaptRespond(route: Section): JsonObject | undefined {
  const value = route.get("respond");
  const made = route.make<JsonObject>({}, "respond");
  if (typeof value === "number") {
    route.put(made, "status", value, "respond");
    return made;
  }
  const respond = route.section("respond", "respond");
  if (respond === undefined) return undefined;
  if (!respond.has("status")) respond.missing("status", "a status as in 200");
  respond.copy("status", made);
  const which = respond.onlyOne(["body", "file"]);
  if (which === undefined) return made;
  const body = respond.make<JsonObject>({}, which);
  if (which === "body") respond.copy("body", body, "inline_string");
  else {
    const file = respond.text("file");
    if (file !== undefined) respond.put(body, "filename", respond.context.filePath(file), "file");
  }
  respond.put(made, "body", body, which);
  return made;
}
