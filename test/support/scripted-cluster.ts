// For tests of clusters: one whose servers are played.
import type { UpstreamRequest, UpstreamStream } from "@sluice/sdk";
import { virtualServices } from "./services.ts";
import { cluster } from "./plain-config.ts";
import type { ClusterModel, EndpointModel } from "../../packages/core/src/config/model.ts";
import { RequestHeaderMap, field } from "../../packages/core/src/http/headers/header-map.ts";
import { Cluster } from "../../packages/core/src/upstream/cluster.ts";
import type { WorkerServices } from "../../packages/core/src/worker/services.ts";
import { ScriptedServers, StreamRecorder } from "../../packages/core/src/upstream/pool/scripted-pool.ts";

export const base = cluster("c");

export function endpoints(...ports: number[]): EndpointModel[] {
  return ports.map((port) => ({
    address: { kind: "ip", host: "10.0.0.1", port },
    hostname: "",
    weight: 1,
    health: "healthy",
    place: base.place,
  }));
}

export interface ClusterOptions extends Partial<Omit<ClusterModel, "http">> {
  readonly http?: Partial<ClusterModel["http"]>;
}

export function setup({ http, ...model }: ClusterOptions = {}, overrides: Partial<WorkerServices> = {}) {
  const { services, time } = virtualServices(overrides);
  const servers = new ScriptedServers(services.flushQueue);
  const made = new Cluster(
    { ...base, endpoints: endpoints(1), http: { ...base.http, protocol: "http2", ...http }, ...model },
    servers,
    services,
  );
  const send = (request?: UpstreamRequest) => {
    const recorder = new StreamRecorder();
    services.flushQueue.enter();
    const opened = made.openStream(recorder, request);
    if (typeof opened !== "string") opened.sendHeaders(new RequestHeaderMap("GET", "/", "a.test", "http"), true);
    services.flushQueue.leave();
    return { recorder, opened, stream: opened as UpstreamStream };
  };
  const turn = (run: () => void) => {
    services.flushQueue.enter();
    run();
    services.flushQueue.leave();
  };
  const ports = () => servers.attempts.map(({ host }) => host.address.split(":")[1]);
  return {
    cluster: made,
    servers,
    send,
    turn,
    ports,
    time,
    count: (name: string) => services.count(`cluster.c.${name}`),
  };
}

export function request(
  protocol: string,
  authority = "a.test",
  more: readonly [string, string][] = [],
): UpstreamRequest {
  const map = new RequestHeaderMap("GET", "/", authority, "http");
  for (const [name, value] of more) map.fields.push(field(name, value));
  return { protocol, headers: map, client: null };
}

export type ScriptedCluster = ReturnType<typeof setup>;
