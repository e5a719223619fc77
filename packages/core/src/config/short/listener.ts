/** Listeners of the short form. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { longAddress, readAddress } from "./address.ts";
import { edgeListener } from "./edge.ts";
import { adaptListenerFilters, adaptNetworkFilters } from "./filters.ts";
import { adaptHttp } from "./http.ts";
import { isMapping } from "../is-mapping.ts";
import type { Section } from "./section.ts";
import { adaptTcp } from "./tcp.ts";
import { adaptListenerTls } from "./tls.ts";

export function adaptListener(section: Section): JsonObject {
  const made = section.make<JsonObject>({});
  section.copyAll(
    { name: "name", buffer_limit: "per_connection_buffer_limit_bytes", stat_prefix: "stat_prefix" },
    made,
  );
  if (!section.has("address")) section.missing("address", "as in 0.0.0.0:10000");
  else {
    const address = readAddress(section.context, section.value, "address");
    if (address !== undefined)
      section.put(made, "address", longAddress(section.context, address, section.value, "address"), "address");
  }
  adaptListenerFilters(section, made);
  const chain = section.make<JsonObject>({});
  adaptListenerTls(section, chain, offeredProtocols(section));
  section.put(chain, "filters", section.make(adaptFilters(section, made)), terminalOf(section) ?? "filters");
  made["filter_chains"] = section.make([chain]);
  return made;
}

/** What clients may choose from in a TLS handshake where nothing else is said. */
function offeredProtocols(section: Section): readonly string[] {
  const http = section.get("http");
  if (!isMapping(http)) return [];
  return http["http2"] === false ? ["http/1.1"] : ["h2", "http/1.1"];
}

function terminalOf(section: Section): string | undefined {
  return section.onlyOne(["http", "tcp"]);
}

function adaptFilters(section: Section, listener: JsonObject): Json[] {
  const filters = adaptNetworkFilters(section);
  if (section.has("http")) {
    const http = section.section("http", "http");
    if (http !== undefined) {
      filters.push(adaptHttp(http, section.text("name") ?? ""));
      if (http.get("edge") === true) edgeListener(section, listener);
    }
  } else if (section.has("tcp")) {
    const tcp = adaptTcp(section);
    if (tcp !== undefined) filters.push(tcp);
  } else if (!section.has("filters")) section.missing(["http", "tcp", "filters"]);
  return filters;
}
