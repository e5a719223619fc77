// Discovery of a running proxy: names from a name server of the test's own, SRV records, a file of endpoints.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { SluiceConfig } from "../../packages/core/src/index.ts";
import { DnsServer } from "../support/dns-server.ts";
import { send } from "../support/http-request.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";

type ClusterConfig = Exclude<NonNullable<SluiceConfig["clusters"]>[string], string | readonly string[]>;

/** On one port of two addresses of loopback: each says which it is, and what name it was called by. */
class TwoAddresses {
  readonly servers: Server[] = [];
  port = 0;

  async start(): Promise<void> {
    // A port that is free on one address may be taken on the other.
    for (let left = 20; ; left--) {
      const first = await listen("127.0.0.1", 0);
      this.port = (first.address() as AddressInfo).port;
      try {
        this.servers.push(first, await listen("127.0.0.2", this.port));
        return;
      } catch (error) {
        first.close();
        if (left === 0) throw error;
      }
    }
  }

  stop(): void {
    for (const server of this.servers) server.closeAllConnections();
    for (const server of this.servers) server.close();
  }
}

function listen(address: string, port: number): Promise<Server> {
  const server = createServer((request, response) => void response.end(`${address} ${request.headers.host}`));
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, address, () => resolve(server));
  });
}

const origins = { current: new TwoAddresses() };
let dns: DnsServer;
let folder = "";

beforeEach(async () => {
  origins.current = new TwoAddresses();
  await origins.current.start();
  dns = await DnsServer.start();
  folder = mkdtempSync(join(tmpdir(), "sluice-discovery-"));
});
afterEach(async () => {
  origins.current.stop();
  await dns[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function config(cluster: ClusterConfig): SluiceConfig {
  const names: ClusterConfig = { dns_servers: [dns.address], dns_refresh: "0.02s", dns_family: "v4_only" };
  const web = "endpoints_file" in cluster ? cluster : { ...names, ...cluster };
  return forwardTo("", { config: { clusters: { web } } });
}

/** Asks until the answer comes from that address. */
async function comesFrom(port: number, address: string): Promise<void> {
  await vi.waitFor(async () => expect((await send(port, "/")).text).toContain(address), {
    timeout: 30_000,
    interval: 10,
  });
}

const a = (address: string): { type: "A"; address: string } => ({ type: "A", address });

describe("a running proxy", { timeout: 60_000 }, () => {
  test("follows a name from one address to another, and stays where it is while the server fails", async () => {
    dns.set("web.test", [a("127.0.0.1")]);
    await using proxy = await startProxy(config({ dns: `web.test:${origins.current.port}` }));
    await comesFrom(proxy.port, "127.0.0.1");
    dns.set("web.test", [a("127.0.0.2")]);
    await comesFrom(proxy.port, "127.0.0.2");
    for (const failure of ["nxdomain", "servfail", []] as const) {
      dns.set("web.test", failure);
      const asked = dns.asked.length;
      await vi.waitFor(() => expect(dns.asked.length).toBeGreaterThan(asked + 1), { timeout: 30_000, interval: 10 });
      expect((await send(proxy.port, "/")).text).toContain("127.0.0.2");
    }
  });

  test("goes where SRV records say, by priority", async () => {
    const { port } = origins.current;
    dns.set("a.test", [a("127.0.0.1")]);
    dns.set("b.test", [a("127.0.0.2")]);
    const srv = (target: string, priority: number) => ({ type: "SRV", target, port, priority, weight: 1 }) as const;
    dns.set("_http._tcp.web.test", [srv("a.test", 10), srv("b.test", 20)]);
    await using proxy = await startProxy(config({ srv: "_http._tcp.web.test" }));
    for (let i = 0; i < 5; i++) expect((await send(proxy.port, "/")).text).toContain("127.0.0.1");
    dns.set("_http._tcp.web.test", [srv("a.test", 20), srv("b.test", 10)]);
    await comesFrom(proxy.port, "127.0.0.2");
  });

  test("takes the endpoints of a file, and those of the file that takes its place", async () => {
    const path = join(folder, "web.json");
    const place = (address: string): void => {
      const endpoint = { address: { socket_address: { address, port_value: origins.current.port } } };
      const text = JSON.stringify({ cluster_name: "web", endpoints: [{ lb_endpoints: [{ endpoint }, { endpoint }] }] });
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    };
    place("127.0.0.1");
    await using proxy = await startProxy(config({ endpoints_file: path }));
    expect((await send(proxy.port, "/")).text).toContain("127.0.0.1");
    place("127.0.0.2");
    await comesFrom(proxy.port, "127.0.0.2");
    const { body } = await proxy.admin.get("/clusters");
    expect(body).toContain(`web::discovery::file ${path}, assignment web\n`);
    // Named twice, there once.
    expect(body.match(/::hostname::/g)).toHaveLength(1);
    expect(body).toContain(`web::127.0.0.2:${origins.current.port}::hostname::`);
    expect(await proxy.admin.stat("cluster.web.update_success")).toBeGreaterThanOrEqual(2);
  });

  test("keeps a logical host under one entry, and its name, while the address changes", async () => {
    const { port } = origins.current;
    dns.set("web.test", [a("127.0.0.1"), a("127.0.0.2")]);
    const cluster = { logical_dns: `web.test:${port}`, max_requests_per_connection: 1 };
    await using proxy = await startProxy(config(cluster));
    await comesFrom(proxy.port, "127.0.0.1");
    dns.set("web.test", [a("127.0.0.2"), a("127.0.0.1")]);
    await comesFrom(proxy.port, "127.0.0.2");
    expect(await proxy.admin.stat("cluster.web.membership_change")).toBe(1);
    const { body } = await proxy.admin.get("/clusters");
    expect(body).toContain("web::discovery::logical_dns, servers ");
    expect(body).toContain(`web::127.0.0.2:${port}::hostname::web.test\n`);
    expect(body).not.toContain(`web::127.0.0.1:${port}::`);
    expect(Number(/::rq_total::(\d+)/.exec(body)?.[1])).toBeGreaterThanOrEqual(2);
  });

  test("checks a logical host where it stands now, and workers hear of it", async () => {
    const { port } = origins.current;
    dns.set("web.test", [a("127.0.0.1")]);
    const check = {
      tcp: true,
      interval: "0.05s",
      timeout: "10s",
      unhealthy_threshold: 1,
      healthy_threshold: 1,
    } as const;
    await using proxy = await startProxy(
      config({
        logical_dns: `web.test:${port}`,
        health_check: check,
        load_balancing: { panic_threshold: 0 },
        max_requests_per_connection: 1,
      }),
    );
    expect((await send(proxy.port, "/")).text).toContain("127.0.0.1");
    const shows = async (line: string): Promise<void> => {
      await vi.waitFor(async () => expect((await proxy.admin.get("/clusters")).body).toContain(line), {
        timeout: 30_000,
        interval: 10,
      });
    };
    // Nobody listens there.
    dns.set("web.test", [a("127.0.0.3")]);
    await shows(`web::127.0.0.3:${port}::health_flags::/failed_active_hc\n`);
    await vi.waitFor(async () => expect((await send(proxy.port, "/")).text).toContain("no healthy upstream"), {
      timeout: 30_000,
      interval: 10,
    });
    dns.set("web.test", [a("127.0.0.2")]);
    await shows(`web::127.0.0.2:${port}::health_flags::healthy\n`);
    await comesFrom(proxy.port, "127.0.0.2");
    expect(await proxy.admin.stat("cluster.web.membership_change")).toBe(1);
  });
});
