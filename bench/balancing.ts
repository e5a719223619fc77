/**
 * What a pick costs: `node --expose-gc --conditions=sluice-source bench/balancing.ts`, some ten seconds. Every policy with 100 hosts that are as busy as in practice: nanoseconds
 * a pick, the least of many short rounds, since others use the machine too (target: at most 300), and bytes of garbage (target: none but the clock's); how long it takes to
 * make rings and tables anew.
 */
import { performance } from "node:perf_hooks";
import type { HashKey, HostChoice, RequestHeaders } from "@sluice/sdk";
import type { BalancerModel, BalancingModel, LocalityModel } from "../packages/core/src/config/balancing-model.ts";
import { field, HeaderMap } from "../packages/core/src/http/headers/header-map.ts";
import { HostLatency } from "../packages/core/src/upstream/load-balancing/host-latency.ts";
import { HostLoad, LoadReports } from "../packages/core/src/upstream/load-balancing/host-load.ts";
import type { LoadBalancer } from "../packages/core/src/upstream/load-balancing/load-balancer.ts";
import { TestHosts } from "../packages/core/src/upstream/load-balancing/test-hosts.ts";
import { systemRandom } from "../packages/core/src/worker/random.ts";

const HOSTS = 100;
const PICKS = 100_000;
const ROUNDS = 60;
const LIMIT_NS = 300;
const LIMIT_BYTES = 2;
/** A number on the heap for each time that the clock is read. */
const LIMIT_BYTES_WITH_CLOCK = 34;

const slowStart = { windowMs: 1e9, aggression: { value: 1, key: "" }, minWeight: 0.1 };
const hashing = { useHostname: false, balanceFactor: 0 };
const ring = { kind: "ring_hash", hash: "xx_hash", minSize: 1024, maxSize: 8_388_608, ...hashing } as const;
const maglev = { kind: "maglev", tableSize: 65_537, ...hashing } as const;
const least = {
  kind: "least_request",
  choices: 2,
  fullScan: false,
  bias: { value: 1, key: "" },
  slowStart: null,
} as const;
const reported = {
  kind: "client_side_weighted_round_robin",
  blackoutMs: 0,
  expirationMs: 1e9,
  updateMs: 1000,
  errorPenalty: 1,
  metrics: [],
  slowStart: null,
} as const;
const rotation = { kind: "round_robin", slowStart: null } as const;
const subset = {
  fallback: "none",
  defaultSubset: {},
  selectors: [{ keys: ["version"], fallback: "inherit", fallbackKeys: [], singleHost: false }],
  localityWeightAware: false,
  scaleLocalityWeight: false,
  panicModeAny: false,
  listAsAny: false,
  fallbackList: false,
  allowRedundantKeys: false,
} as const;

/** As a route's: nothing is made for each request. */
class Request implements HostChoice {
  readonly subset = { version: "1" };
  readonly headers = { get: () => "127.0.0.1:77" } as unknown as RequestHeaders;
  user = 0;

  hashKey(key: HashKey): void {
    key.add(USERS[this.user++ & 1023]!);
  }
}
/** As they come from the network: one piece of memory each. */
const USERS = Array.from({ length: 1024 }, (_, i) => Buffer.from(`user-${i}-of-a-certain-length`).toString("latin1"));

interface Case {
  readonly name: string;
  readonly policy: BalancerModel;
  readonly model?: Partial<BalancingModel>;
  readonly weighted?: boolean;
  readonly localities?: number;
  readonly spills?: boolean;
}

const cases: readonly Case[] = [
  { name: "round robin", policy: rotation },
  { name: "round robin, weights", policy: rotation, weighted: true },
  { name: "round robin, slow start", policy: { ...rotation, slowStart } },
  {
    name: "round robin, 5 weighted localities",
    policy: rotation,
    localities: 5,
    model: { locality: { kind: "weighted" } },
  },
  { name: "round robin, two priorities", policy: rotation, spills: true },
  { name: "least request", policy: least },
  { name: "least request, weights", policy: least, weighted: true },
  { name: "least request, full scan", policy: { ...least, fullScan: true } },
  { name: "client-side weights", policy: reported },
  { name: "random", policy: { kind: "random" } },
  { name: "peak EWMA", policy: { kind: "peak_ewma", decayMs: 10_000, defaultRttMs: 10 } },
  { name: "ring hash", policy: ring },
  { name: "ring hash, bounded load", policy: { ...ring, balanceFactor: 150 } },
  { name: "Maglev", policy: maglev },
  { name: "pick first", policy: { kind: "pick_first", shuffle: true } },
  {
    name: "host of a header",
    policy: { kind: "override_host", sources: [{ kind: "header", name: "x-host" }], policy: rotation },
  },
  { name: "subset of a route", policy: { kind: "subset", subset, policy: rotation } },
];

function setup({ policy, model, weighted, localities = 1, spills }: Case): LoadBalancer {
  const world = new TestHosts(7, systemRandom);
  const reports =
    policy.kind === "client_side_weighted_round_robin" ? new LoadReports(policy, world.stats.scope("c.")) : null;
  const places: LocalityModel[] = Array.from({ length: localities }, (_, i) => ({
    region: "",
    zone: String(i),
    subZone: "",
    weight: i + 1,
  }));
  const hosts = Array.from({ length: HOSTS }, (_, i) => {
    const host = world.host({
      port: i,
      weight: weighted === true ? 1 + (i % 7) : 1,
      priority: spills === true ? i % 2 : 0,
      health: spills === true && i % 4 === 0 ? "unhealthy" : "healthy",
      locality: places[i % localities]!,
      metadata: { "envoy.lb": { version: "1" } },
    });
    host.rqActive.set(i % 5);
    if (policy.kind === "peak_ewma") host.latency = new HostLatency(10_000, 10, 0, world.stats.scope(`l${i}.`));
    if (reports !== null) {
      host.load = new HostLoad(reports, world.stats.scope(`l${i}.`));
      host.load.observe(reportOf(100 + (i % 7)), 0);
    }
    return host;
  });
  const balancer = world.balancer(hosts, policy, model);
  const active = world.active();
  world.active = () => active;
  return balancer;
}

function reportOf(rate: number): HeaderMap {
  return new HeaderMap([field("endpoint-load-metrics", `TEXT cpu_utilization=1,rps_fractional=${rate}`)]);
}

function run(balancer: LoadBalancer, request: Request): number {
  const startMs = performance.now();
  for (let i = 0; i < PICKS; i++) if (balancer.pick(request) === null) throw new Error("no host");
  return ((performance.now() - startMs) * 1e6) / PICKS;
}

function garbage(balancer: LoadBalancer, request: Request): number {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const picks = 100_000;
  for (let i = 0; i < picks; i++) balancer.pick(request);
  return (process.memoryUsage().heapUsed - before) / picks;
}

let failures = 0;
for (const each of cases) {
  const balancer = setup(each);
  const request = new Request();
  run(balancer, request);
  const leastNs = Math.min(...Array.from({ length: ROUNDS }, () => run(balancer, request)));
  const bytes = Math.max(0, Math.min(...Array.from({ length: 5 }, () => garbage(balancer, request))));
  const readsClock =
    each.policy.kind === "peak_ewma" ||
    each.policy.kind === "client_side_weighted_round_robin" ||
    ("slowStart" in each.policy && each.policy.slowStart !== null);
  const isOver = leastNs > LIMIT_NS || bytes > (readsClock ? LIMIT_BYTES_WITH_CLOCK : LIMIT_BYTES);
  if (isOver) failures++;
  process.stdout.write(
    `${each.name.padEnd(38)} ${leastNs.toFixed(0).padStart(5)} ns  ${bytes.toFixed(2)} bytes${isOver ? "  OVER" : ""}\n`,
  );
}

for (const [name, policy] of [
  ["a ring of 1024", ring],
  ["a ring of 1,000,000", { ...ring, minSize: 1_000_000 }],
  ["a Maglev table of 65,537", maglev],
] as const) {
  const world = new TestHosts(7);
  const hosts = world.list(HOSTS);
  const startMs = performance.now();
  world.balancer(hosts, policy);
  process.stdout.write(`${`to make ${name}`.padEnd(38)} ${(performance.now() - startMs).toFixed(1)} ms\n`);
}
{
  const world = new TestHosts(7, systemRandom);
  const reports = new LoadReports(reported, world.stats.scope("c."));
  const hosts = world.list(HOSTS);
  for (const [i, host] of hosts.entries()) host.load = new HostLoad(reports, world.stats.scope(`l${i}.`));
  const balancer = world.balancer(hosts, reported);
  const texts = [101, 203, 307].map(reportOf);
  let readMs = 0;
  let weighMs = 0;
  const rounds = 300;
  for (let round = 0; round < rounds; round++) {
    world.time.advance(1000);
    const startMs = performance.now();
    for (const [i, host] of hosts.entries()) host.load!.observe(texts[(i + round) % 3]!, round);
    const readyMs = performance.now();
    balancer.pick(null);
    readMs += readyMs - startMs;
    weighMs += performance.now() - readyMs;
  }
  process.stdout.write(`${"to read a load report".padEnd(38)} ${((readMs * 1e6) / rounds / HOSTS).toFixed(0)} ns\n`);
  process.stdout.write(`${"to weigh 100 hosts anew".padEnd(38)} ${((weighMs * 1e3) / rounds).toFixed(1)} us\n`);
}
process.exitCode = failures === 0 ? 0 : 1;
