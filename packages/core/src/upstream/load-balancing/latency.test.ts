import { describe, expect, it } from "vitest";
import { ResponseHeaderMap, field } from "../../http/headers/header-map.ts";
import type { Host } from "../host.ts";
import { HostLatency } from "./host-latency.ts";
import { TestHosts, tally } from "./test-hosts.ts";

const policy = { kind: "peak_ewma", decayMs: 10_000, defaultRttMs: 10 } as const;

function setup(count: number, seed = 1) {
  const world = new TestHosts(seed);
  const hosts = world.list(count);
  for (const [i, host] of hosts.entries())
    host.latency = new HostLatency(policy.decayMs, policy.defaultRttMs, world.clock.now(), world.stats.scope(`l${i}.`));
  return { world, hosts, balancer: world.balancer(hosts, policy) };
}

function answer(status: number, more: readonly (readonly [string, string])[] = []): ResponseHeaderMap {
  const headers = new ResponseHeaderMap(status);
  for (const [name, value] of more) headers.fields.push(field(name, value));
  return headers;
}

describe("the latency of a host", () => {
  const latencyOf = (world: TestHosts) => new HostLatency(10_000, 10, world.clock.now(), world.stats.scope("l."));

  it("jumps to a peak at once, and comes down as time goes by", () => {
    const world = new TestHosts();
    const latency = latencyOf(world);
    latency.observe(500, false, world.clock.now());
    expect(latency.averageMs(world.clock.now())).toBe(500);
    world.time.advance(10_000);
    expect(latency.averageMs(world.clock.now())).toBeCloseTo(500 / Math.E, 6);
    latency.observe(20, false, world.clock.now());
    expect(latency.averageMs(world.clock.now())).toBeCloseTo(500 / Math.E + 20 * (1 - 1 / Math.E), 6);
  });

  it("hardly moves by many fast answers at one time", () => {
    const world = new TestHosts();
    const latency = latencyOf(world);
    latency.observe(500, false, world.clock.now());
    for (let i = 0; i < 1000; i++) latency.observe(1, false, world.clock.now());
    expect(latency.averageMs(world.clock.now())).toBe(500);
  });

  it.each([
    ["429", answer(429), true],
    ["503", answer(503), true],
    ["500", answer(500), true],
    ["UNAVAILABLE of gRPC", answer(200, [["grpc-status", "14"]]), true],
    ["404", answer(404), false],
    ["200", answer(200), false],
    ["OK of gRPC", answer(200, [["grpc-status", "0"]]), false],
  ])("counts %s for what it is, however fast it came", (_title, headers, isFailure) => {
    const world = new TestHosts();
    const latency = latencyOf(world);
    latency.observeResponse(headers, 1, world.clock);
    expect(latency.averageMs(world.clock.now())).toBe(isFailure ? 1000 : 10);
    expect(world.stats.counter("l.#lb.penalties").value).toBe(isFailure ? 1 : 0);
  });

  it("rises with every failure, up to a minute", () => {
    const world = new TestHosts();
    const latency = latencyOf(world);
    const values = Array.from({ length: 8 }, () => {
      latency.observe(0, true, world.clock.now());
      return latency.averageMs(world.clock.now());
    });
    expect(values).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });

  it("knows that whoever was given up would have taken longer", () => {
    const world = new TestHosts();
    const latency = latencyOf(world);
    latency.gaveUp(3, world.clock.now());
    expect(latency.averageMs(world.clock.now())).toBe(10);
    latency.gaveUp(3000, world.clock.now());
    expect(latency.averageMs(world.clock.now())).toBe(3000);
  });

  it.each([
    ["seconds", "7", 7000],
    ["a date", "Thu, 01 Jan 2026 00:00:09 GMT", 9000],
    ["more than five minutes", "86400", 300_000],
    ["a date that is over", "Wed, 31 Dec 2025 00:00:00 GMT", -1],
    ["nonsense", "soon", -1],
    ["a negative number", "-5", -1],
  ])("keeps to Retry-After: %s", (_title, text, expected) => {
    const world = new TestHosts();
    const latency = latencyOf(world);
    latency.observeResponse(answer(503, [["retry-after", text]]), 1, world.clock);
    expect(latency.heldUntilMs).toBe(expected < 0 ? -1 : world.clock.now() + expected);
  });
});

describe("peak EWMA", () => {
  it("prefers the faster of two, by requests that it has", () => {
    const { world, hosts, balancer } = setup(2);
    hosts[0]!.latency!.observe(100, false, world.clock.now());
    hosts[1]!.latency!.observe(20, false, world.clock.now());
    expect(tally(balancer, hosts, 100)).toEqual([0, 100]);
    hosts[1]!.rqActive.set(5);
    expect(tally(balancer, hosts, 100)).toEqual([100, 0]);
  });

  it("gives a slow host what it can do, under load", () => {
    const { world, hosts, balancer } = setup(4, 9);
    const served = simulate(world, hosts, (host) => ({ ms: host === hosts[0] ? 100 : 10, failed: false }), balancer);
    // By latency × requests a host of a tenth of the speed gets about a tenth.
    expect(served[0]! / (served[1]! + served[2]! + served[3]!)).toBeLessThan(0.08);
    expect(served[0]).toBeGreaterThan(0);
  });

  it("does not reward failing fast: least request would send nearly everything there", () => {
    const failing = (hosts: readonly Host[]) => (host: Host) =>
      host === hosts[0] ? { ms: 1, failed: true } : { ms: 50, failed: false };
    const ewma = setup(4, 9);
    const served = simulate(ewma.world, ewma.hosts, failing(ewma.hosts), ewma.balancer);
    expect(served[0]! / served.reduce((a, b) => a + b)).toBeLessThan(0.02);
    const least = setup(4, 9);
    const model = {
      kind: "least_request",
      choices: 2,
      fullScan: false,
      bias: { value: 1, key: "" },
      slowStart: null,
    } as const;
    const badly = simulate(least.world, least.hosts, failing(least.hosts), least.world.balancer(least.hosts, model));
    expect(badly[0]! / badly.reduce((a, b) => a + b)).toBeGreaterThan(0.4);
  });

  it("comes back to a host that has recovered", () => {
    const { world, hosts, balancer } = setup(3, 4);
    for (let i = 0; i < 10; i++) hosts[0]!.latency!.observe(1, true, world.clock.now());
    const answers = () => ({ ms: 10, failed: false });
    expect(simulate(world, hosts, answers, balancer)[0]).toBe(0);
    world.time.advance(100_000);
    expect(simulate(world, hosts, answers, balancer)[0]).toBeGreaterThan(100);
  });

  it("leaves a host alone that asked for it, as long as there is another", () => {
    const { world, hosts, balancer } = setup(3);
    hosts[0]!.latency!.hold("5", world.clock.now(), world.clock.wallNow());
    hosts[1]!.latency!.hold("5", world.clock.now(), world.clock.wallNow());
    expect(tally(balancer, hosts, 100)).toEqual([0, 0, 100]);
    hosts[2]!.latency!.hold("5", world.clock.now(), world.clock.wallNow());
    expect(tally(balancer, hosts, 300).every((count) => count > 0)).toBe(true);
    world.time.advance(5001);
    expect(tally(balancer, hosts, 300).every((count) => count > 0)).toBe(true);
  });
});

/** A request every millisecond for four seconds; how many each host got. */
function simulate(
  world: TestHosts,
  hosts: readonly Host[],
  serve: (host: Host) => { ms: number; failed: boolean },
  balancer: { pick(choice: null): Host | null },
): number[] {
  const served = new Map<Host, number>(hosts.map((host) => [host, 0]));
  const due = new Map<number, (() => void)[]>();
  for (let ms = 0; ms < 4000; ms++) {
    for (const done of due.get(ms) ?? []) done();
    const host = balancer.pick(null)!;
    const outcome = serve(host);
    host.rqActive.inc();
    served.set(host, served.get(host)! + 1);
    const end = ms + outcome.ms;
    due.set(end, [
      ...(due.get(end) ?? []),
      () => {
        host.rqActive.dec();
        host.latency!.observe(outcome.ms, outcome.failed, world.clock.now());
      },
    ]);
    world.time.advance(1);
  }
  return hosts.map((host) => served.get(host)!);
}
