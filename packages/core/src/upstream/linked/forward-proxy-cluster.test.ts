import type { UpstreamRequest } from "@sluice/sdk";
import { expect, test } from "vitest";
import { cluster } from "../../../../../test/support/plain-config.ts";
import { virtualServices } from "../../../../../test/support/services.ts";
import { upstreamTls } from "../../../../../test/support/tls.ts";
import { PLAIN_ROUND_ROBIN } from "../../config/balancing-model.ts";
import type { ClusterModel, ForwardProxyModel } from "../../config/model.ts";
import { DEFAULT_CIRCUIT_BREAKERS, DEFAULT_THRESHOLDS } from "../../config/retry-model.ts";
import { OK, goaway, headers } from "../../http/codec/h2/scripted-wire.ts";
import { RequestHeaderMap } from "../../http/headers/header-map.ts";
import { ScriptedServers, StreamRecorder } from "../pool/scripted-pool.ts";
import { ForwardProxyCluster } from "./forward-proxy-cluster.ts";

const discovery: ForwardProxyModel = {
  kind: "forward_proxy",
  cache: {
    name: "c",
    family: "auto",
    refreshMs: 60_000,
    minRefreshMs: 5000,
    failureRefresh: null,
    hostTtlMs: 300_000,
    maxHosts: 16,
    maxPending: 16,
    queryTimeoutMs: 5000,
    preresolve: [],
    denyPrivate: false,
  },
};

const NOTHING = { ...DEFAULT_THRESHOLDS, maxRequests: 0 };

function setup(names: Readonly<Record<string, string>>, model: Partial<ClusterModel> = {}) {
  const { services } = virtualServices();
  const servers = new ScriptedServers(services.flushQueue);
  const made = new ForwardProxyCluster(
    cluster("dfp", { discovery, lb: { ...PLAIN_ROUND_ROBIN, policy: { kind: "provided" } }, ...model }),
    discovery,
    servers,
    services,
    async (name) => {
      const address = names[name];
      if (address === undefined) throw Object.assign(new Error("no"), { code: "ENOTFOUND" });
      return { addresses: [address], ttlMs: -1 };
    },
  );
  const send = (authority: string) => {
    const recorder = new StreamRecorder();
    const head = new RequestHeaderMap("GET", "/", authority, "http");
    const request: UpstreamRequest = { protocol: "HTTP/1.1", headers: head, client: null };
    services.flushQueue.enter();
    const opened = made.openStream(recorder, request);
    if (typeof opened !== "string") opened.sendHeaders(head, true);
    services.flushQueue.leave();
    return { opened, recorder };
  };
  const to = () => servers.attempts.map(({ host }) => host.address);
  return { made, servers, services, send, to };
}

test("a request goes to the host that it names, once that was looked up", async () => {
  const { made, send, to } = setup({ "a.test": "10.0.0.1", "b.test": "10.0.0.2" });
  expect(send("a.test").opened).toBe("no_healthy_upstream");
  await made.lookUp("a.test");
  await made.lookUp("b.test");
  send("b.test");
  send("a.test");
  expect(to()).toEqual(["10.0.0.2:80", "10.0.0.1:80"]);
  expect(send("c.test").opened).toBe("no_healthy_upstream");
});

test("a name that is not found is told so", async () => {
  const { made } = setup({});
  expect(await made.lookUp("a.test")).toEqual({ failure: "not_found", reason: "enotfound" });
});

test("over TLS the port is 443, and a server is asked for the name of the request", async () => {
  const http = { ...cluster("x").http, autoSni: true, autoSanValidation: true };
  const { made, send, servers, to } = setup(
    { "a.test": "10.0.0.1", "b.test": "10.0.0.1" },
    { tls: upstreamTls(), http },
  );
  await made.lookUp("a.test");
  await made.lookUp("b.test");
  send("a.test");
  send("b.test");
  expect(to()).toEqual(["10.0.0.1:443", "10.0.0.1:443"]);
  expect(servers.attempts.map(({ target }) => [target?.serverName, target?.certificateName])).toEqual([
    ["a.test", "a.test"],
    ["b.test", "b.test"],
  ]);
});

test("a request that a host refuses goes to no other one", async () => {
  const http = { ...cluster("x").http, protocol: "http2" as const };
  const { made, servers, send, to } = setup({ "a.test": "10.0.0.1", "b.test": "10.0.0.2" }, { http });
  await made.lookUp("a.test");
  await made.lookUp("b.test");
  const { recorder } = send("a.test");
  servers.greet().receive(goaway(0, 0));
  expect(to()).toEqual(["10.0.0.1:80"]);
  servers.greet().receive(headers(1, OK));
  expect(recorder.last).toBe("headers 200 end");
});

test("neither an override nor a call without a request finds a host", async () => {
  const { made, services } = setup({ "a.test": "10.0.0.1" });
  await made.lookUp("a.test");
  services.flushQueue.enter();
  const head = new RequestHeaderMap("GET", "/", "other.test", "http");
  const request = { protocol: "", headers: head, client: null, override: { address: "10.0.0.1:80" } };
  expect(made.openStream(new StreamRecorder(), request)).toBe("no_healthy_upstream");
  expect(made.openStream(new StreamRecorder())).toBe("no_healthy_upstream");
  services.flushQueue.leave();
});

test("the end ends the cache", async () => {
  const { made, send } = setup({ "a.test": "10.0.0.1" });
  await made.lookUp("a.test");
  made.close();
  expect(send("a.test").opened).toBe("no_healthy_upstream");
});

test("it is not said to have no host before a request has brought one", () => {
  const { made } = setup({ "a.test": "10.0.0.1" });
  expect(made.refusal(false)).toBeNull();
  const { made: full } = setup({}, { circuitBreakers: { ...DEFAULT_CIRCUIT_BREAKERS, default: NOTHING } });
  expect(full.refusal(false)).toBe("overflow");
});
