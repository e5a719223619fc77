import { expect, test } from "vitest";
import { virtualServices } from "../../../../test/support/services.ts";
import { cluster } from "../../../../test/support/plain-config.ts";
import { RequestHeaderMap } from "../http/headers/header-map.ts";
import { Cluster } from "./cluster.ts";
import type { HostModel } from "./host.ts";
import { ScriptedServers, StreamRecorder } from "./pool/scripted-pool.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

function at(host: string): HostModel {
  return {
    address: { kind: "ip", host, port: 80 },
    hostname: "web.test",
    weight: 1,
    health: "healthy",
    logicalName: "web.test:80",
  };
}

test("a logical host keeps its connections when its address changes; new ones go to the new address", () => {
  const { services } = virtualServices();
  const servers = new ScriptedServers(services.flushQueue);
  const base = cluster("c");
  const discovery = { kind: "logical_dns", refreshMs: 5000, respectTtl: false, family: "auto" } as const;
  const made = new Cluster({ ...base, discovery, endpoints: [] }, servers, services);
  const send = (): StreamRecorder => {
    const recorder = new StreamRecorder();
    services.flushQueue.enter();
    const opened = made.openStream(recorder);
    if (typeof opened === "string") throw new Error(opened);
    opened.sendHeaders(new RequestHeaderMap("GET", "/", "a.test", "http"), true);
    services.flushQueue.leave();
    return recorder;
  };
  made.updateHosts([at("10.0.0.1")]);
  const [host] = made.hosts;
  expect(host!.address).toBe("10.0.0.1:80");

  send();
  expect(servers.attempts.map((attempt) => attempt.host.target)).toMatchObject([{ host: "10.0.0.1" }]);
  const old = servers.accept();
  old.receive(OK);
  old.takeText();

  made.updateHosts([at("10.0.0.2")]);
  expect(made.hosts).toEqual([host]);
  expect(host!.address).toBe("10.0.0.2:80");
  expect(services.count("cluster.c.membership_change")).toBe(1);

  // The connection to the old address serves on; only what finds it busy goes to the new one.
  send();
  expect(old.takeText()).toContain("GET / HTTP/1.1");
  expect(servers.attempts).toEqual([]);
  const second = send();
  expect(servers.attempts.map((attempt) => attempt.host.target)).toMatchObject([{ host: "10.0.0.2" }]);
  servers.accept().receive(OK);
  old.receive(OK);
  expect(second.last).toBe("headers 200 end");
  made.destroy();
});

test("who was at a logical host finds it by its address, strictly too", () => {
  const { services } = virtualServices();
  const made = new Cluster(cluster("c", { endpoints: [] }), new ScriptedServers(services.flushQueue), services);
  made.updateHosts([at("10.0.0.1")]);
  const pick = (address: string) =>
    made.balancing.pick({ headers: null, override: { address, strict: true } } as never)?.address;
  expect(pick("10.0.0.1:80")).toBe("10.0.0.1:80");
  made.updateHosts([at("10.0.0.2")]);
  expect([pick("10.0.0.2:80"), pick("10.0.0.1:80")]).toEqual(["10.0.0.2:80", undefined]);
  made.destroy();
});
