/** The compiler: a bound bootstrap in, the model that the run-time parts are built from out. */
import type { Admin, Bootstrap, Watchdog } from "../envoy/generated/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type {
  AdminModel,
  ClusterModel,
  CompiledConfig,
  ExtensionModule,
  ListenerModel,
  WatchdogModel,
} from "../model.ts";
import { compileCluster } from "./cluster.ts";
import type { CompileContext } from "./context.ts";
import { Uniqueness } from "./lists.ts";
import { compileListener } from "./listener.ts";
import { compileObserve } from "./observe.ts";
import { linkAggregates } from "./link-aggregates.ts";
import { checkOriginalDestinations } from "./original-dst.ts";
import { compileRuntime } from "./runtime.ts";
import { addressText, compileAddress, milliseconds } from "./values.ts";

/** The model; parts that were wrong are left out, and the problems tell which. */
export function compileBootstrap(
  context: CompileContext,
  bootstrap: Bootstrap,
  extensions: readonly ExtensionModule[],
): CompiledConfig {
  context.observe = compileObserve(context, bootstrap);
  context.node = { cluster: bootstrap.node?.cluster ?? "", node: bootstrap.node?.id ?? "" };
  const eventLog = bootstrap.clusterManager?.outlierDetection?.eventLogPath ?? "";
  if (eventLog !== "") context.outlierEventLog = context.resolvePath(eventLog);
  context.local = compileLocal(context, bootstrap);
  const clusters = compileClusters(context, bootstrap);
  checkOriginalDestinations(context, bootstrap);
  const listeners = compileListeners(context, bootstrap);
  return {
    node: { id: bootstrap.node?.id ?? "", cluster: bootstrap.node?.cluster ?? "" },
    listeners,
    clusters,
    admin: bootstrap.admin === undefined ? null : compileAdmin(context, bootstrap.admin),
    watchdog: compileWatchdog(context, bootstrap),
    runtime: compileRuntime(context, bootstrap.layeredRuntime),
    extensions,
    bootstrap: context.tree.toJson(bootstrap),
  };
}

function compileLocal(
  context: CompileContext,
  { clusterManager, node, staticResources }: Bootstrap,
): CompileContext["local"] {
  const cluster = clusterManager?.localClusterName ?? "";
  if (clusterManager === undefined || cluster === "") return null;
  const names = (staticResources?.clusters ?? []).map(({ name }) => name);
  if (!names.includes(cluster))
    context.dangling({ message: clusterManager, field: "local_cluster_name" }, "the cluster", cluster, names);
  const { region = "", zone = "", subZone = "" } = node?.locality ?? {};
  return { cluster, locality: { region, zone, subZone } };
}

function compileClusters(context: CompileContext, bootstrap: Bootstrap): ClusterModel[] {
  const clusters: ClusterModel[] = [];
  const names = new Uniqueness(context, "the cluster");
  for (const cluster of bootstrap.staticResources?.clusters ?? []) {
    if (cluster.name !== "" && names.add(cluster.name, { message: cluster, field: "name" }))
      context.clusterNames.add(cluster.name);
    const compiled = compileCluster(context, cluster);
    if (compiled !== undefined) clusters.push(compiled);
  }
  return linkAggregates(context, bootstrap.staticResources?.clusters ?? [], clusters);
}

function compileListeners(context: CompileContext, bootstrap: Bootstrap): ListenerModel[] {
  const listeners: ListenerModel[] = [];
  const names = new Uniqueness(context, "the listener");
  const addresses = new Uniqueness(context, "a listener on");
  for (const listener of bootstrap.staticResources?.listeners ?? []) {
    if (listener.name !== "") names.add(listener.name, { message: listener, field: "name" });
    const compiled = compileListener(context, listener);
    if (compiled === undefined) continue;
    const { address } = compiled;
    const isAnyPort = address.kind === "ip" && address.port === 0;
    if (!isAnyPort) addresses.add(addressText(address), { message: listener, field: "address" });
    listeners.push(compiled);
  }
  return listeners;
}

function compileAdmin(context: CompileContext, admin: Admin): AdminModel | null {
  if (admin.accessLogPath !== "" && admin.accessLogPath !== "/dev/null") {
    context.unsupported(
      { message: admin, field: "access_log_path" },
      "an access log of the admin interface",
      "/dev/null",
    );
  }
  if (admin.address === undefined) return null;
  const address = compileAddress(context, admin, admin.address, false);
  return address === undefined ? null : { address };
}

function compileWatchdog(context: CompileContext, bootstrap: Bootstrap): WatchdogModel {
  const { watchdog: old, watchdogs } = bootstrap;
  if (old !== undefined && watchdogs !== undefined) {
    context.error(
      { message: bootstrap, field: "watchdog" },
      "ERR_CONFIG_CONFLICT",
      "watchdog and watchdogs are both set",
      { expected: "watchdogs alone" },
    );
  }
  const set: Watchdog | undefined = watchdogs?.workerWatchdog ?? old;
  if (set === undefined) return { missMs: 200, megamissMs: 1000, killMs: 10_000 };
  return {
    missMs: milliseconds(context, set, "miss_timeout", set.missTimeout, 200),
    megamissMs: milliseconds(context, set, "megamiss_timeout", set.megamissTimeout, 1000),
    killMs: milliseconds(context, set, "kill_timeout", set.killTimeout, 10_000),
  };
}
