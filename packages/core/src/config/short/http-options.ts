/** Keys of `http` that become one field of the connection manager each. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { headerOptions } from "./headers.ts";
import { adaptLocalReplies } from "./local-replies.ts";
import type { Section } from "./section.ts";

const http = "type.googleapis.com/envoy.extensions.http";
const modes = {
  sanitize: "SANITIZE",
  forward_only: "FORWARD_ONLY",
  append_forward: "APPEND_FORWARD",
  sanitize_set: "SANITIZE_SET",
  always_forward_only: "ALWAYS_FORWARD_ONLY",
};
const details: ReadonlySet<Json> = new Set(["subject", "uri", "dns", "cert", "chain"]);

export function adaptHttpOptions(section: Section, manager: JsonObject): void {
  adaptClientCert(section, manager);
  adaptLogTimes(section, manager);
  adaptLocalReplies(section, manager);
  adaptEarlyHeaders(section, manager);
  adaptClientIp(section, manager);
  const scheme = section.choice("scheme", { http: "http", https: "https" });
  if (scheme !== undefined)
    section.put(
      manager,
      "scheme_header_transformation",
      section.make({ scheme_to_overwrite: scheme }, "scheme"),
      "scheme",
    );
  section.copy("strip_trailing_dot", manager, "strip_trailing_host_dot");
  section.copy("user_agent", manager, "add_user_agent");
  adaptProxyStatus(section, manager);
}

function adaptClientCert(section: Section, manager: JsonObject): void {
  if (typeof section.get("client_cert") === "string") {
    section.put(manager, "forward_client_cert_details", section.choice("client_cert", modes), "client_cert");
    return;
  }
  const given = section.section("client_cert", "client_cert");
  if (given === undefined) return;
  given.put(manager, "forward_client_cert_details", given.choice("forward", modes) ?? "SANITIZE_SET", "forward");
  const tell = given.list("tell");
  if (tell === undefined) return;
  const made = given.make<JsonObject>({}, "tell");
  for (const [index, detail] of tell.entries()) {
    if (typeof detail === "string" && details.has(detail)) made[detail] = true;
    else given.context.wrongType(tell, index, "subject, uri, dns, cert or chain");
  }
  given.put(manager, "set_current_client_cert_details", made, "tell");
}

function adaptLogTimes(section: Section, manager: JsonObject): void {
  const times = section.section("access_log_times", "access_log_times");
  if (times === undefined) return;
  const made = times.make<JsonObject>({});
  times.copyAll(
    {
      every: "access_log_flush_interval",
      at_start: "flush_access_log_on_new_request",
      at_tunnel: "flush_log_on_tunnel_successfully_established",
    },
    made,
  );
  section.put(manager, "access_log_options", made, "access_log_times");
}

function adaptEarlyHeaders(section: Section, manager: JsonObject): void {
  const changes = section.section("early_headers", "early_headers");
  if (changes === undefined) return;
  const mutations: Json[] = [];
  const names = changes.list("remove") ?? [];
  for (const [index, name] of names.entries()) {
    const step: JsonObject = { remove: name };
    changes.context.derived.markEntry(step, "remove", names, index);
    mutations.push(changes.context.derived.mark(step, names, index));
  }
  for (const [key, action] of [
    ["set", "OVERWRITE_IF_EXISTS_OR_ADD"],
    ["add", "APPEND_IF_EXISTS_OR_ADD"],
  ] as const) {
    const texts = changes.mapping(key);
    if (texts === undefined) continue;
    for (const option of headerOptions(changes.context, texts, action))
      mutations.push(changes.make({ append: option }, key));
  }
  if (mutations.length === 0) return void changes.missing(["set", "add", "remove"]);
  const typed = { "@type": `${http}.early_header_mutation.header_mutation.v3.HeaderMutation`, mutations };
  const extension = { name: "envoy.http.early_header_mutation.header_mutation", typed_config: changes.make(typed) };
  section.put(
    manager,
    "early_header_mutation_extensions",
    section.make([changes.make(extension)], "early_headers"),
    "early_headers",
  );
}

function adaptClientIp(section: Section, manager: JsonObject): void {
  const value = section.get("client_ip");
  if (value === undefined) return;
  const typed = section.make<JsonObject>(
    { "@type": `${http}.original_ip_detection.custom_header.v3.CustomHeaderConfig` },
    "client_ip",
  );
  if (typeof value === "string") section.put(typed, "header_name", value, "client_ip");
  else {
    const given = section.section("client_ip", "client_ip");
    if (given === undefined) return;
    if (!given.has("header")) return given.missing("header");
    given.copyAll({ header: "header_name", trusted: "allow_extension_to_set_address_as_trusted" }, typed);
    if (given.has("reject")) {
      const status = given.make<JsonObject>({}, "reject");
      given.copy("reject", status, "code");
      typed["reject_with_status"] = status;
    }
  }
  const extension = { name: "envoy.http.original_ip_detection.custom_header", typed_config: typed };
  section.put(
    manager,
    "original_ip_detection_extensions",
    section.make([section.make(extension, "client_ip")], "client_ip"),
    "client_ip",
  );
}

function adaptProxyStatus(section: Section, manager: JsonObject): void {
  const value = section.get("proxy_status");
  if (value === undefined || value === false) return;
  const made = section.make<JsonObject>({}, "proxy_status");
  if (typeof value === "string") section.put(made, "literal_proxy_name", value, "proxy_status");
  else if (value !== true) return section.context.wrongType(section.value, "proxy_status", "true, or the proxy's name");
  section.put(manager, "proxy_status_config", made, "proxy_status");
}

const preserveCase =
  "type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig";

/** Of clusters too: into HTTP/1 options. */
export function adaptHeaderCase(section: Section, options: JsonObject): void {
  const style = section.choice("header_case", { proper: "proper", preserve: "preserve" });
  if (style === undefined) return;
  const key = "header_case";
  const format: JsonObject =
    style === "proper"
      ? { proper_case_words: section.make({}, key) }
      : {
          stateful_formatter: section.make(
            { name: "preserve_case", typed_config: section.make({ "@type": preserveCase }, key) },
            key,
          ),
        };
  section.put(options, "header_key_format", section.make(format, key), key);
}
