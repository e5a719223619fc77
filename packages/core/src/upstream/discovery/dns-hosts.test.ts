import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClusterModel } from "../../config/model.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import { type HostModel, hostKey } from "../host.ts";
import type { DnsAnswer } from "./dns-resolver.ts";
import { Discovery, type DiscoveryOptions } from "./discovery.ts";

const PLACE = { path: "", position: "" };

function cluster(
  names: string[],
  discovery: Partial<Extract<ClusterModel["discovery"], { kind: "strict_dns" | "logical_dns" }>> = {},
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

function setup(): { names: Names; dns: Discovery; told: (readonly HostModel[])[]; log: string[] } {
  const names = new Names();
  const told: (readonly HostModel[])[] = [];
  const log: string[] = [];
  const dns = new Discovery({
    log: { enabled: () => true, write: (_l, _c, message) => log.push(message) },
    stats: new StatsStore({ addSlab() {}, add() {}, remove() {} }),
    onHosts: (_name, hosts) => told.push(hosts),
    resolve: names.resolve,
    random: () => 0,
  });
  return { names, dns, told, log };
}

function discovery(options: Pick<DiscoveryOptions, "resolve" | "random">): Discovery {
  return new Discovery({
    log: { enabled: () => true, write() {} },
    stats: new StatsStore({ addSlab() {}, add() {}, remove() {} }),
    onHosts() {},
    ...options,
  });
}

const ips = (hosts: readonly HostModel[] | undefined): string[] =>
  (hosts ?? []).map((h) => (h.address.kind === "ip" ? h.address.host : ""));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("discovery by DNS", () => {
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

  it("follows the time to live of each name where it is told to", async () => {
    const { names, dns } = setup();
    names.set("a.test", ["10.0.0.1"], 60_000);
    names.set("b.test", ["10.0.0.2"], 30_000);
    names.set("none.test", ["10.0.0.3"], 0);
    const models = [cluster(["a.test", "b.test", "none.test"], { respectTtl: true, refreshMs: 50_000 })];
    await dns.resolve(models);
    dns.follow(models);
    names.asked = [];
    await vi.advanceTimersByTimeAsync(29_999);
    expect(names.asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(names.asked).toEqual(["b.test"]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(names.asked).toEqual(["b.test", "none.test"]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(names.asked.sort()).toEqual(["a.test", "b.test", "b.test", "none.test"]);
    dns.close();
  });

  it("does not ask all the time where a time to live is longer than a timer can wait", async () => {
    const { names, dns } = setup();
    names.set("a.test", ["10.0.0.1"], 0xffff_ffff * 1000);
    const models = [cluster(["a.test"], { respectTtl: true })];
    await dns.resolve(models);
    dns.follow(models);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(names.asked).toHaveLength(1);
    dns.close();
  });

  it("asks later by chance, less than dns_jitter", async () => {
    const names = new Names();
    names.set("a.test", ["10.0.0.1"]);
    const dns = discovery({ resolve: names.resolve, random: () => 0.5 });
    const models = [cluster(["a.test"], { jitterMs: 2000 })];
    await dns.resolve(models);
    dns.follow(models);
    await vi.advanceTimersByTimeAsync(5999);
    expect(names.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(names.asked).toHaveLength(2);
    dns.close();
  });

  it("asks for a name that fails after pauses that double up to a limit, and as ever once it is answered", async () => {
    const names = new Names();
    names.set("good.test", ["10.0.0.1"]);
    const dns = discovery({ resolve: names.resolve, random: () => 0.999_999 });
    const failure = { baseMs: 100, maxMs: 400 };
    const models = [cluster(["bad.test", "good.test"], { failure, jitterMs: 0, refreshMs: 60_000 })];
    await dns.resolve(models);
    dns.follow(models);
    const asked = (): number => names.asked.filter((name) => name === "bad.test").length;
    expect(asked()).toBe(1);
    for (const [pause, times] of [
      [100, 2],
      [200, 3],
      [400, 4],
      [400, 5],
    ] as const) {
      await vi.advanceTimersByTimeAsync(pause - 1);
      expect(asked()).toBe(times - 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(asked()).toBe(times);
    }
    names.set("bad.test", ["10.0.0.2"]);
    await vi.advanceTimersByTimeAsync(400);
    expect(asked()).toBe(6);
    names.answers.delete("bad.test");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked()).toBe(7);
    await vi.advanceTimersByTimeAsync(100);
    expect(asked()).toBe(8);
    expect(names.asked.filter((name) => name === "good.test").length).toBeLessThan(4);
    dns.close();
  });

  it("says once that a name fails, and that it is answered again", async () => {
    const { names, dns, log } = setup();
    const models = [cluster(["a.test"])];
    await dns.resolve(models);
    dns.follow(models);
    await vi.advanceTimersByTimeAsync(20_000);
    names.set("a.test", ["10.0.0.1"]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(log).toEqual([
      "a.test of cluster web could not be resolved; its hosts stay as they are",
      "a.test of cluster web is resolved again",
    ]);
    dns.close();
  });

  it("takes the first address of the newest answer for a logical host, under the same key", async () => {
    const { names, dns, told } = setup();
    names.set("a.test", ["10.0.0.1", "10.0.0.2"]);
    const models = [cluster(["a.test"], { kind: "logical_dns" })];
    const first = (await dns.resolve(models)).get("web")!;
    expect(ips(first)).toEqual(["10.0.0.1"]);
    expect(first[0]).toMatchObject({ hostname: "a.test", logicalName: "a.test:80" });
    dns.follow(models);
    names.set("a.test", ["10.0.0.2", "10.0.0.1"]);
    await vi.advanceTimersByTimeAsync(5000);
    names.set("a.test", []);
    await vi.advanceTimersByTimeAsync(5000);
    expect(told.map(ips)).toEqual([["10.0.0.2"]]);
    expect(hostKey(told[0]![0]!)).toBe(hostKey(first[0]!));
    dns.close();
  });

  it("does not keep a configuration waiting where wait_for_warm_on_init is false", async () => {
    const { names, dns, told } = setup();
    const { promise: late, resolve: answer } = Promise.withResolvers<DnsAnswer>();
    names.late.set("a.test", late);
    const models = [cluster(["a.test"], { waits: false })];
    expect(ips((await dns.resolve(models)).get("web"))).toEqual([]);
    dns.follow(models);
    answer({ addresses: ["10.0.0.1"], ttlMs: -1 });
    await vi.advanceTimersByTimeAsync(0);
    expect(told.map(ips)).toEqual([["10.0.0.1"]]);
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

  it("keeps what it knows of a name when others stand beside it, though nobody answers now", async () => {
    const { names, dns } = setup();
    names.set("a", ["10.0.0.1"]);
    await dns.resolve([cluster(["a"])]);
    dns.follow([cluster(["a"])]);
    names.answers.clear();
    names.set("b", ["10.0.0.2"]);
    expect(ips((await dns.resolve([cluster(["b", "a"])])).get("web"))).toEqual(["10.0.0.2", "10.0.0.1"]);
    dns.follow([cluster(["b", "a"])]);
    names.set("a", ["10.0.0.3"]);
    expect(ips((await dns.resolve([cluster(["a", "c"])])).get("web"))).toEqual(["10.0.0.3"]);
    dns.follow([cluster(["a", "c"])]);
    expect(ips(dns.hosts.get("web"))).toEqual(["10.0.0.3"]);
    dns.close();
  });

  it("does not wait for a name that nobody answers", async () => {
    const slow = new Discovery({
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

  it("counts nothing for an answer that comes when it is closed", async () => {
    const names = new Names();
    const { promise: late, resolve: answer } = Promise.withResolvers<DnsAnswer>();
    names.late.set("a.test", late);
    const stats = new StatsStore({ addSlab() {}, add() {}, remove() {} });
    const log = { enabled: () => true, write() {} };
    const dns = new Discovery({ log, stats, onHosts() {}, resolve: names.resolve });
    const models = [cluster(["a.test"], { waits: false })];
    await dns.resolve(models);
    dns.follow(models);
    const counted = stats.scope("cluster.web.").counter("update_success");
    dns.close();
    answer({ addresses: ["10.0.0.1"], ttlMs: -1 });
    await vi.advanceTimersByTimeAsync(0);
    expect(counted.value).toBe(0);
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
