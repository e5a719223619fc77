/** Type EDS: the file that has the endpoints. Control planes (ads, api_config_source) are refused by name, as fields that are not supported. */
import { extname } from "node:path";
import type { Cluster } from "../../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { FileDiscoveryModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { milliseconds } from "../values.ts";

const DEFAULT_FETCH_TIMEOUT_MS = 15_000;

export function compileFileDiscovery(context: CompileContext, cluster: Cluster): FileDiscoveryModel {
  const { edsClusterConfig: eds } = cluster;
  const service = eds === undefined || eds.serviceName === "" ? cluster.name : eds.serviceName;
  const nothing: FileDiscoveryModel = {
    kind: "file",
    path: "",
    watchedDirectory: "",
    service,
    initialFetchTimeoutMs: DEFAULT_FETCH_TIMEOUT_MS,
  };
  if ((cluster.loadAssignment?.endpoints.length ?? 0) > 0)
    context.error(
      { message: cluster, field: "load_assignment" },
      "ERR_CONFIG_CONFLICT",
      "a cluster of type EDS lists endpoints",
      { expected: "them in the file that eds_cluster_config names" },
    );
  const source = eds?.edsConfig;
  if (eds === undefined || source === undefined) {
    context.missing({ message: eds ?? cluster }, eds === undefined ? "eds_cluster_config" : "eds_config");
    return nothing;
  }
  const { configSourceSpecifier: from } = source;
  if (from.case !== "path" && from.case !== "pathConfigSource") {
    context.missing({ message: source }, "path_config_source");
    return nothing;
  }
  const path = from.case === "path" ? from.value : from.value.path;
  const at = from.case === "path" ? { message: source, field: "path" } : { message: from.value, field: "path" };
  if ([".pb", ".pb_text", ".pbtxt"].includes(extname(path)))
    context.unsupported(at, `a file of endpoints in ${extname(path)}`, "JSON or YAML");
  const directory = from.case === "path" ? "" : (from.value.watchedDirectory?.path ?? "");
  const initialFetchTimeoutMs = milliseconds(
    context,
    source,
    "initial_fetch_timeout",
    source.initialFetchTimeout,
    DEFAULT_FETCH_TIMEOUT_MS,
  );
  if (initialFetchTimeoutMs === 0)
    context.unsupported(
      { message: source, field: "initial_fetch_timeout" },
      "waiting for a file without end",
      "a time, as in 15s",
    );
  return {
    kind: "file",
    path: path === "" ? "" : context.resolvePath(path),
    watchedDirectory: directory === "" ? "" : context.resolvePath(directory),
    service,
    initialFetchTimeoutMs,
  };
}
