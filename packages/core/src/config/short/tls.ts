/** TLS of listeners and clusters in the short form. Unlike Envoy's form, an upstream is verified unless it is said not to. */
import { isIP } from "node:net";
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { Section } from "./section.ts";

const tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
const versions = { "1.0": "TLSv1_0", "1.1": "TLSv1_1", "1.2": "TLSv1_2", "1.3": "TLSv1_3" };

/** `protocols`: for ALPN, where nothing else is said; empty: none. */
export function adaptListenerTls(listener: Section, chain: JsonObject, protocols: readonly string[]): void {
  const section = listener.section("listener_tls", "tls");
  if (section === undefined) return;
  const common = commonContext(section);
  if (protocols.length > 0) common["alpn_protocols"] ??= [...protocols];
  const certificates = adaptCertificates(section);
  if (certificates.length > 0)
    common["tls_certificates"] = section.make(certificates, section.has("certificates") ? "certificates" : undefined);
  else if (!section.has("certificates")) section.missing("cert", "cert and key, or certificates");
  const made = section.make<JsonObject>({ "@type": `${tls}.DownstreamTlsContext`, common_tls_context: common });
  adaptClientCertificates(section, common, made);
  listener.put(
    chain,
    "transport_socket",
    section.make({ name: "envoy.transport_sockets.tls", typed_config: made }),
    "tls",
  );
  section.copy("handshake_timeout", chain, "transport_socket_connect_timeout");
}

function adaptCertificates(section: Section): Json[] {
  const list = section.list("certificates");
  if (list === undefined) return section.has("cert") || section.has("key") ? [adaptCertificate(section)] : [];
  section.onlyOne(["certificates", "cert"]);
  return [...list.keys()].flatMap((index) => {
    const entry = Section.at(section.context, "certificate", list, index);
    return entry === undefined ? [] : [adaptCertificate(entry)];
  });
}

function adaptCertificate(section: Section): JsonObject {
  const made = section.make<JsonObject>({});
  if (!section.has("cert")) section.missing("cert");
  if (!section.has("key")) section.missing("key");
  section.put(made, "certificate_chain", dataSource(section, "cert"), "cert");
  section.put(made, "private_key", dataSource(section, "key"), "key");
  section.put(made, "password", dataSource(section, "password_file"), "password_file");
  return made;
}

/** A file relative to the configuration, or PEM in place. */
function dataSource(section: Section, key: string): JsonObject | undefined {
  const text = section.text(key);
  if (text === undefined) return undefined;
  const made = section.make<JsonObject>({}, key);
  const isInline = text.trimStart().startsWith("-----BEGIN");
  section.put(made, isInline ? "inline_string" : "filename", isInline ? text : section.context.filePath(text), key);
  return made;
}

function adaptClientCertificates(section: Section, common: JsonObject, made: JsonObject): void {
  if (!section.has("client_ca")) {
    for (const key of ["client_names", "require_client_certificate"]) {
      if (section.has(key))
        section.error(key, { code: "ERR_CONFIG_CONFLICT", message: `"${key}" needs a client_ca beside it` }, "key");
    }
    return;
  }
  const validation = section.make<JsonObject>({}, "client_ca");
  section.put(validation, "trusted_ca", dataSource(section, "client_ca"), "client_ca");
  const names = section.list("client_names");
  if (names !== undefined)
    section.put(validation, "match_typed_subject_alt_names", sanMatchers(section, names, names), "client_names");
  section.put(common, "validation_context", validation, "client_ca");
  made["require_client_certificate"] = true;
  section.copy("require_client_certificate", made);
}

/** Typed by what they look like: an IP address, a URI, an e-mail address, else a DNS name. */
function sanMatchers(section: Section, names: readonly Json[], container: object): Json[] {
  return names.flatMap((name, index) => {
    if (typeof name !== "string" || name === "") return section.context.wrongType(container, index, "a name") ?? [];
    const type = isIP(name) !== 0 ? "IP_ADDRESS" : name.includes("://") ? "URI" : name.includes("@") ? "EMAIL" : "DNS";
    return [section.make({ san_type: type, matcher: section.make({ exact: name }) })];
  });
}

function commonContext(section: Section): JsonObject {
  const common = section.make<JsonObject>({});
  const params = section.make<JsonObject>({});
  section.put(params, "tls_minimum_protocol_version", section.choice("min_version", versions), "min_version");
  section.put(params, "tls_maximum_protocol_version", section.choice("max_version", versions), "max_version");
  section.copyAll({ ciphers: "cipher_suites", curves: "ecdh_curves" }, params);
  if (Object.keys(params).length > 0) common["tls_params"] = params;
  section.copy("alpn", common, "alpn_protocols");
  return common;
}

/** `hosts`: the names in the endpoints' addresses; undefined: nobody knows them yet. */
export function adaptClusterTls(cluster: Section, made: JsonObject, hosts: readonly string[] | undefined): void {
  const value = cluster.get("tls");
  if (value === undefined || value === false) return;
  const section =
    value === true ? Section.standIn(cluster.context, cluster.value, "tls") : cluster.section("cluster_tls", "tls");
  if (section === undefined) return;
  const common = commonContext(section);
  // Envoy's clients stop at 1.2 unless told; nothing new should.
  const params = (common["tls_params"] ??= section.make<JsonObject>({})) as JsonObject;
  params["tls_maximum_protocol_version"] ??= "TLSv1_3";
  if (section.has("cert") || section.has("key")) common["tls_certificates"] = section.make([adaptCertificate(section)]);
  const context = section.make<JsonObject>({ "@type": `${tls}.UpstreamTlsContext`, common_tls_context: common });
  const name = serverName(cluster, section, hosts);
  if (name !== undefined && isIP(name) === 0) context["sni"] = name;
  section.copy("sni", context);
  adaptVerification(section, common, name);
  cluster.put(
    made,
    "transport_socket",
    section.make({ name: "envoy.transport_sockets.tls", typed_config: context }),
    "tls",
  );
}

/** The name to ask for and to verify: what `sni` says, or the one host that all endpoints have. */
function serverName(cluster: Section, section: Section, hosts: readonly string[] | undefined): string | undefined {
  const sni = section.text("sni");
  if (sni !== undefined) return sni;
  const [only, another] = new Set(hosts);
  if (hosts !== undefined && another === undefined) return only;
  if (!section.has("verify")) {
    cluster.error("tls", {
      code: "ERR_CONFIG_REQUIRED",
      message: `the endpoints ${hosts === undefined ? "are found later" : "have different hosts"}, so that it is not known which name to verify`,
      expected: "tls with sni, or verify with names",
    });
  }
  return undefined;
}

function adaptVerification(section: Section, common: JsonObject, name: string | undefined): void {
  const verify = section.get("verify");
  if (verify === false) {
    if (section.has("ca"))
      section.error("ca", { code: "ERR_CONFIG_CONFLICT", message: "there is a ca, and verify is false" });
    return;
  }
  const validation = section.make<JsonObject>({});
  if (section.has("ca")) section.put(validation, "trusted_ca", dataSource(section, "ca"), "ca");
  else validation["system_root_certs"] = section.make<JsonObject>({});
  if (verify === undefined) {
    if (name !== undefined && name !== "")
      validation["match_typed_subject_alt_names"] = section.make(sanMatchers(section, [name], section.value));
  } else if (typeof verify === "string" || Array.isArray(verify)) {
    const names = Array.isArray(verify) ? verify : [verify];
    section.put(
      validation,
      "match_typed_subject_alt_names",
      section.make(sanMatchers(section, names, Array.isArray(verify) ? verify : section.value), "verify"),
      "verify",
    );
  } else section.context.wrongType(section.value, "verify", "a name, a list of names, or false");
  common["validation_context"] = validation;
}
