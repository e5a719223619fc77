import type { HostLookup } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { virtualServices } from "../../../../../test/support/services.ts";
import type { DnsCacheModel } from "../../config/discovery-model.ts";
import type { DnsAnswer } from "../discovery/dns-resolver.ts";
import { addressKey, type HostModel } from "../host.ts";
import { DnsCache } from "./dns-cache.ts";
import { isPrivateAddress } from "./private-addresses.ts";
import { requestedAuthority } from "./requested-authority.ts";

const MODEL: DnsCacheModel = {
  name: "c",
  family: "auto",
  refreshMs: 60_000,
  minRefreshMs: 5000,
  failureRefresh: null,
  hostTtlMs: 300_000,
  maxHosts: 1024,
  maxPending: 1024,
  queryTimeoutMs: 5000,
  preresolve: [],
  denyPrivate: false,
};

function setup(model: Partial<DnsCacheModel> = {}) {
  const { services, time } = virtualServices();
  const asked: { name: string; answer: (answer: DnsAnswer | Error) => void }[] = [];
  const told: string[] = [];
  const cache = new DnsCache({
    model: { ...MODEL, ...model },
    defaultPort: 80,
    clock: services.clock,
    timers: services.timers,
    random: services.random,
    scope: services.stats.scope("dns_cache.c."),
    onHosts: (hosts: readonly HostModel[]) => void told.push(hosts.map(({ address }) => addressKey(address)).join(",")),
    resolve: (name) =>
      new Promise((resolve, reject) => {
        asked.push({ name, answer: (answer) => (answer instanceof Error ? reject(answer) : resolve(answer)) });
      }),
  });
  /** Answers the question that was put last, and lets everybody hear of it. */
  const answer = async (...addresses: string[]): Promise<void> => {
    asked.at(-1)!.answer({ addresses, ttlMs: -1 });
    await settled();
  };
  const fail = async (code = "ENOTFOUND"): Promise<void> => {
    asked.at(-1)!.answer(Object.assign(new Error("no"), { code }));
    await settled();
  };
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  const known = async (authority: string, ...addresses: string[]): Promise<HostLookup> => {
    const found = cache.lookUp(authority);
    await answer(...addresses);
    return found;
  };
  const pass = async (ms: number): Promise<void> => {
    time.advance(ms);
    await settled();
  };
  const count = (name: string): number => services.count(`dns_cache.c.${name}`);
  const gauge = (name: string): number => services.stats.scope("dns_cache.c.").gauge(name).value;
  return { cache, gauge, asked, told, answer, fail, known, pass, count };
}

describe("a name", () => {
  test("is asked for once, however many requests wait for it", async () => {
    const { cache, asked, answer, told } = setup();
    const both = [cache.lookUp("A.test"), cache.lookUp("a.test:80")];
    await answer("10.0.0.1", "10.0.0.2");
    expect([await both[0], await both[1]]).toEqual([
      { failure: null, address: "10.0.0.1:80" },
      { failure: null, address: "10.0.0.1:80" },
    ]);
    expect(asked.map(({ name }) => name)).toEqual(["a.test"]);
    expect(told).toEqual(["10.0.0.1:80"]);
    expect(cache.lookUp("a.test")).toEqual({ failure: null, address: "10.0.0.1:80" });
    expect(cache.find("a.test")).toMatchObject({ hostname: "a.test" });
  });

  test("with another port is another host", async () => {
    const { cache, known } = setup();
    await known("a.test", "10.0.0.1");
    expect(await known("a.test:8080", "10.0.0.1")).toEqual({ failure: null, address: "10.0.0.1:8080" });
    expect(cache.find("a.test:81")).toBeNull();
  });

  test("is asked for again while it is used, and forgotten when it is not", async () => {
    const { cache, known, pass, asked, answer, told, count } = setup();
    await known("a.test", "10.0.0.1");
    await pass(60_020);
    expect(asked.length).toBe(2);
    await answer("10.0.0.2");
    expect(told).toEqual(["10.0.0.1:80", "10.0.0.2:80"]);
    expect(count("host_address_changed")).toBe(1);
    for (let i = 0; i < 6; i++) {
      await pass(60_020);
      await answer("10.0.0.2");
    }
    expect(cache.find("a.test")).toBeNull();
    expect(told.at(-1)).toBe("");
    expect(count("host_removed")).toBe(1);
  });

  test("keeps its address while that is among those that are told", async () => {
    const { known, pass, answer, told } = setup();
    await known("a.test", "10.0.0.1", "10.0.0.2");
    await pass(60_020);
    await answer("10.0.0.2", "10.0.0.1");
    expect(told).toEqual(["10.0.0.1:80"]);
  });

  test("that fails keeps the address that it had", async () => {
    const { cache, known, pass, fail, count } = setup();
    await known("a.test", "10.0.0.1");
    await pass(60_020);
    await fail();
    expect(cache.lookUp("a.test")).toEqual({ failure: null, address: "10.0.0.1:80" });
    expect(count("dns_query_failure")).toBe(1);
  });

  test("that is not found is answered so at once, until it is asked for again", async () => {
    const { cache, asked, fail, pass, answer } = setup({ failureRefresh: { baseMs: 1000, maxMs: 8000 } });
    const first = cache.lookUp("a.test");
    await fail();
    const failure = { failure: "not_found", reason: "enotfound" };
    expect(await first).toEqual(failure);
    expect(cache.lookUp("a.test")).toEqual(failure);
    expect(asked.length).toBe(1);
    await pass(1020);
    await answer("10.0.0.1");
    expect(cache.lookUp("a.test")).toEqual({ failure: null, address: "10.0.0.1:80" });
  });

  test("that nobody answers for is given up, and a late answer counts for nothing", async () => {
    const { cache, asked, pass, count } = setup();
    const first = cache.lookUp("a.test");
    await pass(5020);
    expect(await first).toEqual({ failure: "not_found", reason: "timeout" });
    asked[0]!.answer({ addresses: ["10.0.0.1"], ttlMs: -1 });
    await Promise.resolve();
    expect(cache.find("a.test")).toBeNull();
    expect(count("dns_query_timeout")).toBe(1);
  });

  test("an answer's time to live counts, but not below the least", async () => {
    const { cache, asked, pass } = setup();
    const first = cache.lookUp("a.test");
    asked[0]!.answer({ addresses: ["10.0.0.1"], ttlMs: 1000 });
    await first;
    await pass(4000);
    expect(asked.length).toBe(1);
    await pass(1020);
    expect(asked.length).toBe(2);
  });
});

describe("limits", () => {
  test("as many hosts as are allowed", async () => {
    const { cache, known, count, gauge } = setup({ maxHosts: 2 });
    await known("a.test", "10.0.0.1");
    void cache.lookUp("b.test");
    expect(cache.lookUp("c.test")).toMatchObject({ failure: "overflow" });
    expect(cache.lookUp("10.0.0.9")).toMatchObject({ failure: "overflow" });
    expect(count("host_overflow")).toBe(2);
    expect(gauge("num_hosts")).toBe(2);
  });

  test("names that do not exist make room", async () => {
    const { cache, fail } = setup({ maxHosts: 1 });
    const first = cache.lookUp("nope.test");
    await fail();
    await first;
    expect(cache.lookUp("a.test")).toBeInstanceOf(Promise);
    expect(cache.find("nope.test")).toBeNull();
  });

  test("as many requests as may wait", async () => {
    const { cache, count } = setup({ maxPending: 1 });
    void cache.lookUp("a.test");
    expect(await cache.lookUp("a.test")).toMatchObject({ failure: "pending_overflow" });
    expect(cache.lookUp("b.test")).toMatchObject({ failure: "pending_overflow" });
    expect(count("dns_rq_pending_overflow")).toBe(2);
  });

  test("as many questions as may be open, also those that are given up", async () => {
    const { cache, asked, pass, fail } = setup({ maxPending: 2 });
    void cache.lookUp("a.test");
    void cache.lookUp("b.test");
    await pass(5020);
    expect(cache.lookUp("c.test")).toMatchObject({ failure: "pending_overflow" });
    expect(asked.length).toBe(2);
    await fail();
    expect(cache.lookUp("c.test")).toBeInstanceOf(Promise);
  });
});

describe("private addresses", () => {
  test("are denied where that is configured, whether they are written or named", async () => {
    const { cache, known, count, told } = setup({ denyPrivate: true });
    expect(cache.lookUp("169.254.169.254")).toMatchObject({ failure: "denied" });
    expect(cache.lookUp("[::ffff:127.0.0.1]:80")).toMatchObject({ failure: "denied" });
    expect(await known("inner.test", "192.168.0.1")).toMatchObject({ failure: "denied" });
    expect(await known("both.test", "10.0.0.1", "1.1.1.1")).toEqual({ failure: null, address: "1.1.1.1:80" });
    expect([count("host_denied"), told]).toEqual([3, ["1.1.1.1:80"]]);
  });

  test("a name that turns into one is taken away", async () => {
    const { cache, known, pass, answer, told } = setup({ denyPrivate: true });
    await known("a.test", "1.1.1.1");
    await pass(60_020);
    await answer("127.0.0.1");
    expect([cache.find("a.test"), told.at(-1)]).toEqual([null, ""]);
  });

  test.each([
    ["127.0.0.1", true],
    ["10.255.0.1", true],
    ["172.31.0.1", true],
    ["172.32.0.1", false],
    ["169.254.169.254", true],
    ["100.64.0.1", true],
    ["0.0.0.0", true],
    ["255.255.255.255", true],
    ["8.8.8.8", false],
    ["::", true],
    ["::1", true],
    ["::ffff:10.0.0.1", true],
    ["::ffff:7f00:1", true],
    ["::ffff:0:127.0.0.1", true],
    ["::127.0.0.1", true],
    ["2002:7f00:1::", true],
    ["2001:0:1::1", true],
    ["64:ff9b::a00:1", true],
    ["fe80::1%lo", true],
    ["fe80::1", true],
    ["fd00::1", true],
    ["2606:4700::1111", false],
  ])("%s: %s", (ip, isPrivate) => {
    expect(isPrivateAddress(ip)).toBe(isPrivate);
  });
});

describe("what a client may name", () => {
  test.each([
    ["a.test", "a.test 80"],
    ["A_b.Test:443", "a_b.test 443"],
    ["127.0.0.1:1", "127.0.0.1 1"],
    ["[::1]:8080", "::1 8080"],
    ["a.test.", "a.test. 80"],
  ])("%s", (authority, key) => {
    expect(requestedAuthority(authority, 80)?.key).toBe(key);
  });

  test.each([
    "",
    ":80",
    "a.test:0",
    "a.test:65536",
    "a.test:",
    "a b",
    "a/b",
    "u@a.test",
    "a..b",
    "-a.test",
    "[a.test]",
    "::1",
    "[::1",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "a\u0000b",
    `${"a".repeat(64)}.test`,
    `${"a.".repeat(127)}ab`,
  ])("not %j", (authority) => {
    expect(requestedAuthority(authority, 80)).toBeNull();
  });
});

test("the end stops all timers and tells nobody", async () => {
  const { cache, known, asked, pass } = setup();
  await known("a.test", "10.0.0.1");
  cache.close();
  await pass(1_000_000);
  expect(asked.length).toBe(1);
});

test("the end answers those who wait, and nothing is counted or asked after it", async () => {
  const { cache, asked, pass, count } = setup();
  const waiting = cache.lookUp("a.test");
  cache.close();
  expect(await waiting).toEqual({ failure: "closed", reason: "closed" });
  expect(cache.lookUp("b.test")).toEqual({ failure: "closed", reason: "closed" });
  await pass(1_000_000);
  expect([asked.length, count("dns_query_timeout"), count("host_added")]).toEqual([1, 0, 0]);
});
