import type { HashKey } from "@sluice/sdk";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import type { Host } from "../host.ts";
import { MaglevTable } from "./maglev.ts";
import { MersenneTwister } from "./mersenne-twister.ts";
import { murmurHash2 } from "./murmur-hash2.ts";
import { RequestHash } from "./request-hash.ts";
import { Ring } from "./ring-hash.ts";
import { fits, TestHosts } from "./test-hosts.ts";

const xx = {
  kind: "ring_hash",
  hash: "xx_hash",
  minSize: 1024,
  maxSize: 8_388_608,
  useHostname: false,
  balanceFactor: 0,
} as const;
const maglev = { kind: "maglev", tableSize: 65_537, useHostname: false, balanceFactor: 0 } as const;

function equalShares(hosts: readonly Host[]) {
  return hosts.map((host) => ({ host, share: 1 / hosts.length }));
}

function shares(hosts: readonly Host[]) {
  const total = hosts.reduce((sum, { weight }) => sum + weight, 0);
  return hosts.map((host) => ({ host, share: host.weight / total }));
}

function ports(from: number, to: number, hostnames = false): Host[] {
  const world = new TestHosts();
  return Array.from({ length: to - from + 1 }, (_, i) =>
    world.host({ port: from + i, hostname: hostnames ? String(from + i) : "" }),
  );
}

function hashOf(value: bigint): RequestHash {
  const hash = new RequestHash();
  hash.high = Number(value >> 32n) | 0;
  hash.low = Number(value & 0xffff_ffffn) | 0;
  hash.isSet = true;
  return hash;
}

function portOf(host: Host): number {
  return Number(host.address.split(":")[1]);
}

function described(ring: Ring): string {
  return Array.from(ring.entries(), ([hash, host]) => `${portOf(host)}@${hash}`).join(" ");
}

// Published test values of Envoy.
describe("reference vectors", () => {
  it("a ring over xxHash64", () => {
    const ring = new Ring(equalShares(ports(90, 95)), { ...xx, minSize: 12 });
    expect(described(ring)).toBe(
      "94@833437586790550860 92@928266305478181108 90@1033482794131418490 95@3551244743356806947 93@3851675632748031481 " +
        "91@5583722120771150861 91@6311230543546372928 93@7700377290971790572 95@13144177310400110813 92@13444792449719432967 " +
        "94@15516499411664133160 90@16117243373044804889",
    );
    expect(portOf(ring.at(hashOf(0n)))).toBe(94);
    expect(portOf(ring.at(hashOf((1n << 64n) - 1n)))).toBe(94);
    expect(portOf(ring.at(hashOf(3_551_244_743_356_806_947n)))).toBe(95);
    expect(portOf(ring.at(hashOf(3_551_244_743_356_806_948n)))).toBe(93);
    expect(ring.sizes).toEqual({ size: 12, fewest: 2, most: 2 });
  });

  it("a ring of host names", () => {
    const ring = new Ring(equalShares(ports(90, 95, true)), { ...xx, minSize: 12, useHostname: true });
    expect(described(ring)).toBe(
      "95@1975508444536362413 95@2376063919839173711 93@2386806903309390596 94@6749904478991551885 93@6803900775736438537 " +
        "92@7225015537174310577 90@8787465352164086522 92@11282020843382717940 91@13723418369486627818 90@13776502110861797421 " +
        "91@14338313586354474791 94@15364271037087512980",
    );
  });

  it("a ring over MurmurHash2", () => {
    const ring = new Ring(equalShares(ports(80, 85)), { ...xx, minSize: 12, hash: "murmur_hash_2" });
    expect(described(ring)).toBe(
      "85@1358027074129602068 83@4361834613929391114 84@7224494972555149682 81@7701421856454313576 82@8649315368077433379 " +
        "84@8739448859063030639 81@9887544217113020895 82@10150910876324007731 83@15168472011420622455 80@15427156902705414897 " +
        "85@16375050414328759093 80@17613279263364193813",
    );
  });

  it("Maglev tables", () => {
    const table = (hosts: readonly Host[], tableSize: number, useHostname = false) =>
      new MaglevTable(shares(hosts), { ...maglev, tableSize, useHostname }).entries().map(portOf);
    expect(table(ports(90, 95), 7)).toEqual([92, 94, 90, 91, 95, 90, 93]);
    expect(table(ports(90, 95, true), 7, true)).toEqual([92, 95, 90, 93, 94, 91, 90]);
    const world = new TestHosts();
    const weighted = [world.host({ port: 90, weight: 1 }), world.host({ port: 91, weight: 2 })];
    expect(table(weighted, 17).map((port) => port - 90)).toEqual([1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1]);
  });

  it("numbers of MT19937", () => {
    const twister = new MersenneTwister();
    twister.seed(5489);
    let number = 0;
    for (let i = 0; i < 10_000; i++) number = twister.next();
    // ISO C++ [rand.predef]: the 10 000th of a default-constructed mt19937.
    expect(number).toBe(4_123_659_995);
    twister.seed(5489);
    expect(twister.next()).toBe(3_499_211_612);
  });

  it("MurmurHash2 of every length of tail", () => {
    const hashes = new Set(Array.from({ length: 20 }, (_, length) => murmurHash2("x".repeat(length))));
    expect(hashes.size).toBe(20);
  });
});

describe.each([
  // A ring keeps its size: those that are left share the places of the one that is gone, and take as many keys from each other as it had.
  ["ring", 1.5, (hosts: readonly Host[]) => new Ring(shares(hosts), xx)],
  ["Maglev", 0.2, (hosts: readonly Host[]) => new MaglevTable(shares(hosts), maglev)],
] as const)("%s", (_name, mostMoved, make) => {
  const keys = Array.from({ length: 5000 }, (_, i) => {
    const hash = new RequestHash();
    hash.add(`key ${i}`);
    return hash;
  });

  it("gives a key the same host each time, in whatever order the hosts were named", () => {
    const hosts = ports(1, 20);
    const one = make(hosts);
    const other = make([...hosts].reverse());
    for (const key of keys) expect(other.at(key)).toBe(one.at(key));
  });

  it("spreads keys by weight", () => {
    const world = new TestHosts();
    const weights = [1, 1, 2, 4];
    const hosts = weights.map((weight, i) => world.host({ port: i + 1, weight }));
    const table = make(hosts);
    const counts = hosts.map((host) => keys.filter((key) => table.at(key) === host).length);
    for (const [i, weight] of weights.entries()) {
      const expected = (keys.length * weight) / 8;
      expect(Math.abs(counts[i]! - expected)).toBeLessThan(expected * 0.3);
    }
  });

  it("moves the keys of a host that goes, and few besides", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 30 }), fc.nat(), (count, which) => {
        const hosts = ports(1, count);
        const gone = hosts[which % count]!;
        const before = make(hosts);
        const after = make(hosts.filter((host) => host !== gone));
        let moved = 0;
        for (const key of keys) {
          const host = before.at(key);
          if (host !== gone && after.at(key) !== host) moved++;
        }
        expect(moved / keys.length).toBeLessThanOrEqual(mostMoved / count);
      }),
      { numRuns: 20 },
    );
  });
});

test("a ring is as large as its smallest share needs, within bounds", () => {
  const world = new TestHosts();
  const hosts = [world.host({ port: 1, weight: 1 }), world.host({ port: 2, weight: 1000 })];
  expect(new Ring(shares(hosts), { ...xx, minSize: 10 }).sizes).toEqual({ size: 1001, fewest: 1, most: 1000 });
  expect(new Ring(shares(hosts), { ...xx, minSize: 10, maxSize: 100 }).sizes.size).toBe(100);
});

test("large rings and tables are sorted right and complete", () => {
  const ring = new Ring(equalShares(ports(1, 100)), { ...xx, minSize: 100_000 });
  let before = -1n;
  for (const [hash] of ring.entries()) {
    expect(hash >= before).toBe(true);
    before = hash;
  }
  const table = new MaglevTable(equalShares(ports(1, 300)), maglev);
  expect(new Set(table.entries()).size).toBe(300);
  expect(table.sizes.most - table.sizes.fewest).toBeLessThanOrEqual(1);
});

test("the keys of hosts may stand in their metadata", () => {
  const world = new TestHosts();
  const named = [1, 2, 3].map((port) => world.host({ port, metadata: { "envoy.lb": { hash_key: `node-${port}` } } }));
  const moved = [4, 5, 6].map((port, i) =>
    world.host({ port, metadata: { "envoy.lb": { hash_key: `node-${i + 1}` } } }),
  );
  const one = new Ring(equalShares(named), xx);
  const other = new Ring(equalShares(moved), xx);
  for (let i = 0; i < 200; i++) {
    const hash = new RequestHash();
    hash.add(String(i));
    expect(moved.indexOf(other.at(hash))).toBe(named.indexOf(one.at(hash)));
  }
});

describe("the hash of a request", () => {
  it("of several parts depends on their order, and equal ones do not cancel out", () => {
    const of = (...texts: string[]) => {
      const hash = new RequestHash();
      for (const text of texts) hash.add(text);
      return `${hash.high} ${hash.low}`;
    };
    expect(of("a", "b")).not.toBe(of("b", "a"));
    expect(of("a", "a")).not.toBe(of("b", "b"));
    expect(of("a")).toBe(`${0xd24e_c4f1 | 0} ${0xa98c_6e5b | 0}`);
  });

  it("rotates by one bit what was there, then mixes in", () => {
    const a = 0xd24ec4f1a98c6e5bn;
    const hash = new RequestHash();
    hash.add("a");
    hash.add("a");
    const rotated = ((a << 1n) | (a >> 63n)) & ((1n << 64n) - 1n);
    expect((BigInt(hash.high >>> 0) << 32n) | BigInt(hash.low >>> 0)).toBe(rotated ^ a);
  });

  it("has the exact modulus", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        fc.integer({ min: 1, max: 5_000_011 }),
        (value, divisor) => {
          expect(BigInt(hashOf(value).modulo(divisor))).toBe(value % BigInt(divisor));
        },
      ),
    );
  });
});

describe("the balancer", () => {
  const choice = (text: string) => ({ hashKey: (key: HashKey) => key.add(text) });

  it("sends equal requests to one host, and those without a hash anywhere", () => {
    const world = new TestHosts();
    const hosts = world.list(5);
    const balancer = world.balancer(hosts, xx);
    const host = balancer.pick(choice("alice"));
    for (let i = 0; i < 20; i++) expect(balancer.pick(choice("alice"))).toBe(host);
    const seen = new Set(Array.from({ length: 200 }, () => balancer.pick(null)));
    expect(seen.size).toBe(5);
    expect(new Set(Array.from({ length: 200 }, () => balancer.pick({ hashKey() {} }))).size).toBe(5);
  });

  it("leaves hosts out that are not healthy, and goes by all in panic", () => {
    const world = new TestHosts();
    const hosts = [world.host(), world.host(), world.host({ health: "unhealthy" })];
    const picks = (list: readonly Host[]) =>
      new Set(Array.from({ length: 300 }, (_, i) => world.balancer(list, maglev).pick(choice(String(i)))));
    expect(picks(hosts)).toEqual(new Set(hosts.slice(0, 2)));
    const ill = [world.host(), world.host({ health: "unhealthy" }), world.host({ health: "unhealthy" })];
    expect(picks(ill)).toEqual(new Set(ill));
    expect(world.count("lb_healthy_panic")).toBe(300);
  });

  it("spills to the next priority by the hash: the same request goes the same way", () => {
    const world = new TestHosts();
    const hosts = [world.host(), world.host({ health: "unhealthy" }), ...world.list(2, { priority: 1 })];
    const balancer = world.balancer(hosts, xx);
    const counts = [0, 0];
    for (let i = 0; i < 5000; i++) {
      const host = balancer.pick(choice(`user ${i}`))!;
      expect(balancer.pick(choice(`user ${i}`))).toBe(host);
      counts[host.priority]!++;
    }
    expect(fits(counts, [70, 30])).toBe(true);
  });

  it("uses degraded hosts where none is healthy", () => {
    const world = new TestHosts();
    const hosts = [world.host({ health: "degraded" }), world.host({ health: "unhealthy" })];
    expect(world.balancer(hosts, xx).pick(choice("a"))).toBe(hosts[0]);
  });

  it("goes by the weights of localities where these count", () => {
    const world = new TestHosts();
    const near = { region: "", zone: "near", subZone: "", weight: 8 };
    const far = { region: "", zone: "far", subZone: "", weight: 2 };
    const hosts = [world.host({ locality: near }), ...world.list(4, { locality: far })];
    const balancer = world.balancer(hosts, maglev, { locality: { kind: "weighted" } });
    let count = 0;
    for (let i = 0; i < 5000; i++) if (balancer.pick(choice(`k${i}`)) === hosts[0]) count++;
    expect(count / 5000).toBeCloseTo(0.8, 1);
  });

  it("tells how large its ring is", () => {
    const world = new TestHosts();
    world.balancer(world.list(4), xx);
    expect(world.gauge("ring_hash_lb.size").value).toBe(1024);
    expect(world.gauge("ring_hash_lb.min_hashes_per_host").value).toBe(256);
    world.balancer(world.list(3), maglev);
    expect(world.gauge("maglev_lb.max_entries_per_host").value).toBe(21_846);
  });
});

describe("bounded loads", () => {
  const choice = (text: string) => ({ hashKey: (key: HashKey) => key.add(text) });

  it("lets no host have more than its part of the average, and keeps a request with its second host too", () => {
    const world = new TestHosts();
    const hosts = world.list(5);
    const balancer = world.balancer(hosts, { ...xx, balanceFactor: 150 });
    for (let i = 0; i < 500; i++) balancer.pick(choice("everybody's favourite"))!.rqActive.inc();
    const loads = hosts.map((host) => host.rqActive.value).sort((a, b) => b - a);
    expect(loads[0]).toBeLessThanOrEqual(Math.ceil((500 * 1.5) / 5) + 1);
    expect(loads[0]! + loads[1]! + loads[2]! + loads[3]!).toBe(500);
    expect(balancer.pick(choice("everybody's favourite"))).toBe(balancer.pick(choice("everybody's favourite")));
  });

  it("changes nothing while no host is full", () => {
    const world = new TestHosts();
    const hosts = world.list(5);
    const plain = world.balancer(hosts, xx);
    const bounded = world.balancer(hosts, { ...xx, balanceFactor: 125 });
    for (let i = 0; i < 300; i++) expect(bounded.pick(choice(`${i}`))).toBe(plain.pick(choice(`${i}`)));
  });

  it("takes the least overloaded where all are", () => {
    const world = new TestHosts();
    const hosts = world.list(3);
    const balancer = world.balancer(hosts, { ...maglev, balanceFactor: 100 });
    world.hosts = [];
    for (const [i, host] of hosts.entries()) host.rqActive.set(10 - i);
    for (let i = 0; i < 20; i++) expect(balancer.pick(choice(`${i}`))).toBe(hosts[2]);
  });
});
