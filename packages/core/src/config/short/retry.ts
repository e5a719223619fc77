/** `retry` and `mirror` of a route. What may have been served is sent again only where doing it twice is harmless, unless told. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { matchers } from "./route-match.ts";
import { isMapping } from "../is-mapping.ts";
import { Section } from "./section.ts";

const CONDITIONS = ["gateway-error", "reset", "connect-failure", "refused-stream"];
/** RFC 9110 section 9.2.2. */
const IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];
/** A host that has had the request is passed over so often: enough for policies that draw hosts at random. */
const HOST_ATTEMPTS = 32;
const previousHosts = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";

/** Envoy's retry_policy, and hedge_policy beside it. */
export function adaptRetry(route: Section, action: JsonObject): void {
  const value = route.get("retry");
  if (value === undefined || value === false) return;
  route.context.hasRetries = true;
  const isShort = value === true || typeof value === "number";
  const retry = isShort ? Section.standIn(route.context, route.value, "retry") : route.section("retry", "retry");
  if (retry === undefined) return;
  const policy = route.make<JsonObject>({}, "retry");
  if (typeof value === "number") route.put(policy, "num_retries", value, "retry");
  adaptConditions(retry, policy);
  retry.copyAll(
    {
      attempts: "num_retries",
      per_try_timeout: "per_try_timeout",
      per_try_idle_timeout: "per_try_idle_timeout",
      statuses: "retriable_status_codes",
    },
    policy,
  );
  retry.put(policy, "retry_back_off", adaptBackOff(retry), "back_off");
  adaptRetryAfter(retry, policy);
  adaptMethods(retry, policy);
  if (retry.flag("same_host") !== true) {
    const typed = retry.make({ "@type": previousHosts });
    const predicate = retry.make({ name: "envoy.retry_host_predicates.previous_hosts", typed_config: typed });
    policy["retry_host_predicate"] = retry.make([predicate]);
    policy["host_selection_retry_max_attempts"] = HOST_ATTEMPTS;
  }
  route.put(action, "retry_policy", policy, "retry");
  if (retry.flag("hedge") !== true) return;
  if (!retry.has("per_try_timeout"))
    retry.error("hedge", {
      code: "ERR_CONFIG_CONFLICT",
      message: "nothing says when an attempt is slow",
      expected: "per_try_timeout",
    });
  retry.put(action, "hedge_policy", retry.make({ hedge_on_per_try_timeout: true }, "hedge"), "hedge");
}

function adaptConditions(retry: Section, policy: JsonObject): void {
  const on = retry.get("on") ?? CONDITIONS;
  const written = typeof on === "string" ? [on] : on;
  if (!Array.isArray(written) || !written.every((word) => typeof word === "string"))
    return void retry.context.wrongType(retry.value, "on", "a condition, or a list of them");
  const words = [...written];
  if (retry.has("statuses")) words.push("retriable-status-codes");
  if (retry.has("headers")) {
    words.push("retriable-headers");
    policy["retriable_headers"] = retry.make(matchers(retry, "headers"), "headers");
  }
  const list = [...new Set(words)].join(",");
  if (retry.has("on")) retry.put(policy, "retry_on", list, "on");
  else policy["retry_on"] = list;
}

function adaptBackOff(retry: Section): Json | undefined {
  const value = retry.get("back_off");
  if (value === undefined) return undefined;
  const made = retry.make<JsonObject>({}, "back_off");
  if (!isMapping(value)) {
    retry.put(made, "base_interval", value, "back_off");
    return made;
  }
  const section = retry.section("retry_back_off", "back_off");
  section?.copyAll({ base: "base_interval", max: "max_interval" }, made);
  return made;
}

function adaptRetryAfter(retry: Section, policy: JsonObject): void {
  if (!retry.has("respect_retry_after")) return;
  const key = "respect_retry_after";
  const headers = [
    { name: "retry-after", format: "SECONDS" },
    { name: "x-ratelimit-reset", format: "SECONDS" },
  ].map((header) => retry.make(header, key));
  const backOff = retry.make<JsonObject>({ reset_headers: retry.make(headers, key) }, key);
  retry.copy(key, backOff, "max_interval");
  retry.put(policy, "rate_limited_retry_back_off", backOff, key);
}

function adaptMethods(retry: Section, policy: JsonObject): void {
  const methods = retry.get("methods") ?? IDEMPOTENT;
  if (methods === "any") return;
  const names = Array.isArray(methods) ? methods.filter((method) => typeof method === "string") : [];
  const areMethods = names.length !== 0 && names.every((name) => /^[A-Za-z-]+$/.test(name));
  if (!Array.isArray(methods) || names.length !== methods.length || !areMethods)
    return void retry.context.wrongType(retry.value, "methods", "any, or a list of methods");
  const key = retry.has("methods") ? "methods" : undefined;
  const regex = retry.make({ regex: names.join("|") }, key);
  const matcher = retry.make({ name: ":method", string_match: retry.make({ safe_regex: regex }, key) }, key);
  policy["retriable_request_headers"] = retry.make([matcher], key);
}

/** One, or a list: names, or more. */
export function adaptMirrors(route: Section, action: JsonObject): void {
  const value = route.get("mirror");
  if (value === undefined) return;
  const isList = Array.isArray(value);
  const container: object = isList ? value : route.value;
  const keys: (string | number)[] = isList ? [...value.keys()] : ["mirror"];
  const made = keys.flatMap((key) => {
    const entry = (container as Record<string | number, Json>)[key];
    if (typeof entry === "string") {
      const policy: JsonObject = { cluster: entry };
      route.context.derived.mark(policy, container, key);
      route.context.derived.markEntry(policy, "cluster", container, key);
      return policy;
    }
    const mirror = Section.at(route.context, "mirror", container, key);
    return mirror === undefined ? [] : adaptMirror(mirror);
  });
  route.put(action, "request_mirror_policies", route.make(made, "mirror"), "mirror");
}

function adaptMirror(mirror: Section): JsonObject {
  const made = mirror.make<JsonObject>({});
  mirror.copy("cluster", made);
  if (!mirror.has("cluster")) mirror.missing("cluster");
  if (mirror.flag("mark_host") === false) mirror.put(made, "disable_shadow_host_suffix_append", true, "mark_host");
  if (!mirror.has("percent") && !mirror.has("key")) return made;
  const percent = mirror.get("percent") ?? 100;
  if (typeof percent !== "number" || percent < 0 || percent > 100) {
    mirror.context.wrongType(mirror.value, "percent", "0 to 100");
    return made;
  }
  const share = mirror.make({ numerator: Math.round(percent * 10_000), denominator: "MILLION" }, "percent");
  const fraction = mirror.make<JsonObject>({ default_value: share });
  mirror.copy("key", fraction, "runtime_key");
  made["runtime_fraction"] = fraction;
  return made;
}
