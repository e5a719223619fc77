/** Where a cluster's hosts come from, in words for `/clusters`. */
import type { DiscoveryModel, DnsModel } from "../../config/model.ts";

/** As in `strict_dns`, `srv _http._tcp.web.internal, servers 10.0.0.2:53`, `file /etc/eds.yaml, assignment web`. */
export function discoveryText(model: DiscoveryModel): string {
  switch (model.kind) {
    case "file":
      return `file ${model.path}, assignment ${model.service}`;
    case "srv":
      return withServers(`srv ${model.service}`, model);
    case "strict_dns":
    case "logical_dns":
      return withServers(model.kind, model);
    case "aggregate":
      return `aggregate of ${model.clusters.join(" ")}`;
    case "extension":
      return `extension ${model.id}`;
    case "forward_proxy":
      return `forward_proxy, cache ${model.cache.name}`;
    default:
      return model.kind;
  }
}

function withServers(what: string, { resolver }: DnsModel): string {
  return resolver?.kind === "servers" ? `${what}, servers ${resolver.servers.join(" ")}` : what;
}
