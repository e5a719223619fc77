/** Where a cluster's hosts come from, in the short form: `dns`, `logical_dns`, `srv` and `endpoints_file` in place of `endpoints`, and how names are asked for. */
import { isIP } from "node:net";
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { srvType } from "../compile/discovery/srv.ts";
import { caresType } from "../compile/discovery/resolver.ts";
import { longAddress, readAddress } from "./address.ts";
import type { Section } from "./section.ts";

/** One of them says where hosts are. */
export const hostKeys = ["endpoints", "dns", "logical_dns", "srv", "endpoints_file"] as const;

const families = { auto: "AUTO", v4_only: "V4_ONLY", v6_only: "V6_ONLY", v4_preferred: "V4_PREFERRED", all: "ALL" };

/** Whether the cluster's own configuration says nothing of its hosts. */
export function isFoundElsewhere(section: Section): boolean {
  return section.has("srv") || section.has("endpoints_file");
}

/** Sets the type and what belongs to it. `hosts`: of the endpoints' addresses. */
export function adaptDiscovery(section: Section, made: JsonObject, hosts: readonly string[]): void {
  if (section.has("endpoints_file")) adaptFile(section, made);
  else if (section.has("srv")) adaptSrv(section, made);
  else if (section.has("logical_dns")) section.put(made, "type", "LOGICAL_DNS", "logical_dns");
  else if (section.has("dns") || hosts.some((host) => host !== "" && isIP(host) === 0)) made["type"] = "STRICT_DNS";
  else made["type"] = "STATIC";
  if (section.has("srv") || made["type"] === "STRICT_DNS" || made["type"] === "LOGICAL_DNS") adaptNames(section, made);
  else tellUnused(section);
}

function adaptNames(section: Section, made: JsonObject): void {
  section.copyAll({ dns_refresh: "dns_refresh_rate", dns_ttl: "respect_dns_ttl", dns_jitter: "dns_jitter" }, made);
  section.put(made, "dns_lookup_family", section.choice("dns_family", families), "dns_family");
  if (section.has("dns_failure_refresh")) {
    const rate = section.make<JsonObject>({}, "dns_failure_refresh");
    section.copy("dns_failure_refresh", rate, "base_interval");
    section.put(made, "dns_failure_refresh_rate", rate, "dns_failure_refresh");
  }
  adaptServers(section, made);
}

const dnsKeys = ["dns_refresh", "dns_ttl", "dns_jitter", "dns_family", "dns_failure_refresh", "dns_servers"] as const;

/** Where no name is looked up. */
function tellUnused(section: Section): void {
  for (const key of dnsKeys)
    if (section.has(key))
      section.error(
        key,
        { code: "ERR_CONFIG_CONFLICT", message: `"${key}" has no effect: no endpoint of the cluster is a name` },
        "key",
      );
}

function adaptSrv(section: Section, made: JsonObject): void {
  const value = section.make<JsonObject>({}, "srv");
  section.copy("srv", value, "service");
  const type = "type.googleapis.com/xds.type.v3.TypedStruct";
  const typed = section.make({ "@type": type, type_url: `type.googleapis.com/${srvType}`, value }, "srv");
  section.put(made, "cluster_type", section.make({ name: srvType, typed_config: typed }, "srv"), "srv");
}

function adaptFile(section: Section, made: JsonObject): void {
  const path = section.text("endpoints_file");
  made["type"] = "EDS";
  if (path === undefined) return;
  const source = section.make<JsonObject>({}, "endpoints_file");
  section.put(source, "path", section.context.filePath(path), "endpoints_file");
  const config = section.make({ path_config_source: source }, "endpoints_file");
  section.put(made, "eds_cluster_config", section.make({ eds_config: config }, "endpoints_file"), "endpoints_file");
}

function adaptServers(section: Section, made: JsonObject): void {
  const list = section.list("dns_servers");
  if (list === undefined) return;
  const resolvers = section.make<Json[]>([], "dns_servers");
  for (const index of list.keys()) {
    const address = readAddress(section.context, list, index);
    if (address !== undefined) resolvers.push(longAddress(section.context, address, list, index));
  }
  const cares = section.make({ "@type": `type.googleapis.com/${caresType}`, resolvers }, "dns_servers");
  const typed = section.make({ name: "envoy.network.dns_resolver.cares", typed_config: cares }, "dns_servers");
  section.put(made, "typed_dns_resolver_config", typed, "dns_servers");
}
