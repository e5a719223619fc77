/** `cluster_type` with `sluice.clusters.srv`, which Envoy has no message for: `{ service }`; when and how names are asked for is the cluster's own. */
import type { Cluster } from "../../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import { didYouMean } from "../../did-you-mean.ts";
import type { SrvDiscoveryModel } from "../../model.ts";
import type { JsonObject } from "../../source/source.ts";
import type { CompileContext } from "../context.ts";
import { isHostName } from "../values.ts";
import { dnsOfCluster } from "./dns.ts";

export const srvType = "sluice.clusters.srv";

const keys = ["service"];

export function compileSrv(context: CompileContext, cluster: Cluster, value: JsonObject): SrvDiscoveryModel {
  for (const key of Object.keys(value)) {
    if (!keys.includes(key))
      context.errorAt(value, [key], "ERR_CONFIG_UNKNOWN_FIELD", `unknown field "${key}"`, {
        suggestion: didYouMean(key, keys),
      });
  }
  if ((cluster.loadAssignment?.endpoints.length ?? 0) > 0)
    context.error(
      { message: cluster, field: "load_assignment" },
      "ERR_CONFIG_CONFLICT",
      "a cluster whose hosts come from SRV records lists endpoints",
    );
  const service = value["service"];
  const expected = "the name of SRV records, as in _http._tcp.web.internal";
  if (service === undefined) context.errorAt(value, [], "ERR_CONFIG_REQUIRED", "service is missing", { expected });
  else if (typeof service !== "string" || !isHostName(service))
    context.errorAt(value, ["service"], "ERR_CONFIG_TYPE", `${JSON.stringify(service)} is no name`, { expected });
  return { kind: "srv", service: typeof service === "string" ? service : "", ...dnsOfCluster(context, cluster) };
}
