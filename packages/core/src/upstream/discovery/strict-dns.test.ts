import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClusterModel } from "../../config/model.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import type { HostModel } from "../host.ts";
import type { DnsAnswer } from "./dns-resolver.ts";
import { StrictDns } from "./strict-dns.ts";

const PLACE = { path: "", position: "" };

function cluster(
  names: string[],
  discovery: Partial<Extract<ClusterModel["discovery"], { kind: "strict_dns" }>> = {},
): ClusterModel {
  return {
    name: "web",
    statName: "web",
    discovery: { kind: "strict_dns", refreshMs: 5000, respectTtl: false, family: "auto", ...discovery },
    endpoints: names.map((host) => ({
      address: { kind: "ip", host, port: 80 },
      hostname: "",
      weight: 1,
      health: "healthy",
      place: PLACE,
    })),
  } as unknown as ClusterModel;
}

class Names {
  answers = new Map<string, DnsAnswer | Error>();
  late = new Map<string, Promise<DnsAnswer>>();
  asked: string[] = [];
  readonly resolve = async (name: string): Promise<DnsAnswer> => {
    this.asked.push(name);
    const late = this.late.get(name);
    if (late !== undefined) return late;
    const answer = this.answers.get(name);
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error("ENOTFOUND");
    return answer;
  };
  set(name: string, addresses: string[], ttlMs = -1): void {
    this.answers.set(name, { addresses, ttlMs });
  }
}

function setup(): { names: Names; dns: StrictDns; told: (readonly HostModel[])[]; log: string[] } {
  const names = new Names();
  const told: (readonly HostModel[])[] = [];
  const log: string[] = [];
  const dns = new StrictDns({
    log: { enabled: () => true, write: (_l, _c, message) => log.push(message) },
    stats: new StatsStore({ addSlab() {}, add() {}, remove() {} }),
    onHosts: (_name, hosts) => told.push(hosts),
    resolve: names.resolve,
    random: () => 0,
  });
  return { names, dns, told, log };
}

const ips = (hosts: readonly HostModel[] | undefined): string[] =>
  (hosts ?? []).map((h) => (h.address.kind === "ip" ? h.address.host : ""));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("strict DNS", () => {
  it("gives every address what is said of its name", async () => {
    const { names, dns } = setup();
    names.set("a.test", ["10.0.0.1", "10.0.0.2"]);
    const model = cluster(["a.test"]);
    const locality = { region: "r", zone: "z", subZone: "", weight: 3 };
    const said = { priority: 1, locality, metadata: { "envoy.lb": { version: "1" } }, weight: 7 };
    const hosts = (await dns.resolve([{ ...model, endpoints: [{ ...model.endpoints[0]!, ...said }] }])).get("web")!;
    expect(hosts).toHaveLength(2);
    for (const host of hosts) expect(host).toMatchObject({ hostname: "a.test", ...said });
    dns.close();
  });

  it("makes a host of every address of every name, called after the name", async () => {
    const { names, dns } = setup();
    names.set("a.test", ["10.0.0.1", "10.0.0.2"]);
    names.set("b.test", ["10.0.0.3"]);
    const hosts = (await dns.resolve([cluster(["a.test", "b.test"])])).get("web")!;
    expect(ips(hosts)).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    expect(hosts.map((h) => h.hostname)).toEqual(["a.test", "a.test", "b.test"]);
    dns.close();
  });

  it("asks again after the refresh interval, and tells only of changes", async () => {
    const { names, dns, told } = setup();
    names.set("a.test", ["10.0.0.1"]);
    const models = [cluster(["a.test"])];
    await dns.resolve(models);
    dns.follow(models);
    await vi.advanceTimersByTimeAsync(5000);
    expect(told).toEqual([]);
    names.set("a.test", ["10.0.0.9"]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(told.map(ips)).toEqual([["10.0.0.9"]]);
    dns.close();
  });

  it("tells what it learns while a configuration is being brought out, or later than that waits", async () => {
    const { names, dns, told } = setup();
    const { promise: late, resolve: answer } = Promise.withResolvers<DnsAnswer>();
    names.late.set("late.test", late);
    const slow = [cluster(["late.test"])];
    const first = dns.resolve(slow);
    await vi.advanceTimersByTimeAsync(5000);
    expect(ips((await first).get("web"))).toEqual([]);
    dns.follow(slow);
    answer({ addresses: ["10.0.0.1"], ttlMs: -1 });
    await vi.advanceTimersByTimeAsync(0);
    expect(told.map(ips)).toEqual([["10.0.0.1"]]);

    // Another version of the cluster gets the hosts of now, and those that are found before it serves.
    const next = [{ ...cluster(["late.test"]), connectTimeoutMs: 1 }];
    expect(ips((await dns.resolve(next)).get("web"))).toEqual(["10.0.0.1"]);
    names.late.clear();
    names.set("late.test", ["10.0.0.2"]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(told.map(ips)).toEqual([["10.0.0.1"], ["10.0.0.2"]]);
    dns.follow(next);
    expect(told.map(ips)).toEqual([["10.0.0.1"], ["10.0.0.2"], ["10.0.0.2"]]);
    dns.close();
  });

  it("never empties a cluster: a failing or empty answer leaves its hosts as they are", async () => {
    const { names, dns, told, log } = setup();
    names.set("a.test", ["10.0.0.1"]);
    const models = [cluster(["a.test"])];
    await dns.resolve(models);
    dns.follow(models);
    names.answers.set("a.test", new Error("SERVFAIL"));
    await vi.advanceTimersByTimeAsync(5000);
    names.set("a.test", []);
    await vi.advanceTimersByTimeAsync(5000);
    expect(told).toEqual([]);
    expect(ips(dns.hosts.get("web"))).toEqual(["10.0.0.1"]);
    expect(log[0]).toContain("its hosts stay as they are");
    dns.close();
  });

  it("follows the time to live where it is told to", async () => {
    const { names, dns } = setup();
    names.set("a.test", ["10.0.0.1"], 60_000);
    const models = [cluster(["a.test"], { respectTtl: true })];
    await dns.resolve(models);
    dns.follow(models);
    await vi.advanceTimersByTimeAsync(5000);
    expect(names.asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(59_000);
    expect(names.asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(names.asked).toHaveLength(3);
    dns.close();
  });

  it("keeps what it knows over a new version of the configuration", async () => {
    const { names, dns } = setup();
    names.set("a.test", ["10.0.0.1"]);
    const models = [cluster(["a.test"])];
    await dns.resolve(models);
    dns.follow(models);
    names.answers.clear();
    expect(ips((await dns.resolve([cluster(["a.test"], { refreshMs: 9000 })])).get("web"))).toEqual(["10.0.0.1"]);
    dns.close();
  });

  it("does not wait for a name that nobody answers", async () => {
    const slow = new StrictDns({
      log: { enabled: () => true, write() {} },
      stats: new StatsStore({ addSlab() {}, add() {}, remove() {} }),
      onHosts() {},
      resolve: () => new Promise(() => {}),
    });
    const answer = slow.resolve([cluster(["slow.test"])]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(ips((await answer).get("web"))).toEqual([]);
    slow.close();
  });

  it("is silent after close", async () => {
    const { names, dns, told } = setup();
    names.set("a.test", ["10.0.0.1"]);
    const models = [cluster(["a.test"])];
    await dns.resolve(models);
    dns.follow(models);
    dns.close();
    names.set("a.test", ["10.0.0.2"]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toEqual([]);
  });
});
