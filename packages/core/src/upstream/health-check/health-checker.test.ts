// The checks of one cluster under a virtual clock: what hosts answer is said by the test.
import { describe, expect, test } from "vitest";
import type { HealthCheckModel } from "../../config/model.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import { VirtualTime } from "../../timing/virtual.ts";
import { flagWords } from "../health/health-flags.ts";
import { addressKey, type HostModel } from "../host.ts";
import { CheckStats } from "./check-stats.ts";
import { HealthChecker } from "./health-checker.ts";
import { FAILED, NO_ANSWER, PASSED, type Probe, type ProbeOutcome } from "./probe.ts";

const MODEL: HealthCheckModel = {
  probe: { kind: "tcp", send: "", receive: [] },
  timeoutMs: 1000,
  intervalMs: 5000,
  initialJitterMs: 0,
  intervalJitterMs: 0,
  intervalJitterPercent: 0,
  unhealthyThreshold: 3,
  healthyThreshold: 2,
  noTrafficIntervalMs: 60_000,
  noTrafficHealthyIntervalMs: 60_000,
  unhealthyIntervalMs: 5000,
  unhealthyEdgeIntervalMs: 5000,
  healthyEdgeIntervalMs: 5000,
  reuseConnection: true,
  logsAllFailures: false,
  logsAllSuccesses: false,
  eventLogs: [],
  alpn: [],
  place: { path: "", position: "" },
};

const RETRIABLE: ProbeOutcome = { kind: "failed", isRetriable: true, excludes: false };
const DEGRADED: ProbeOutcome = { kind: "passed", isDegraded: true };

/** Asks nobody: the question stays open until the test answers it. */
class ScriptedProbe implements Probe {
  asked = 0;
  closed = false;
  /** Which of its calls throw. */
  broken: "" | "run" | "cancel" | "close" = "";
  #done: ((outcome: ProbeOutcome) => void) | null = null;

  run(done: (outcome: ProbeOutcome) => void): void {
    if (this.broken === "run") throw new Error("run");
    if (this.#done !== null) throw new Error("asked twice");
    this.asked++;
    this.#done = done;
  }
  cancel(): void {
    this.#done = null;
    if (this.broken === "cancel") throw new Error("cancel");
  }
  close(): void {
    this.closed = true;
    if (this.broken === "close") throw new Error("close");
  }
  answer(outcome: ProbeOutcome): void {
    const done = this.#done;
    if (done === null) throw new Error("nobody asks");
    this.#done = null;
    done(outcome);
  }
  get isOpen(): boolean {
    return this.#done !== null;
  }
}

function host(port: number, more: Partial<HostModel> = {}): HostModel {
  return { address: { kind: "ip", host: "10.0.0.1", port }, hostname: "", weight: 1, health: "healthy", ...more };
}

function setup(model: Partial<HealthCheckModel> = {}, hosts: readonly HostModel[] = [host(80)]) {
  const time = new VirtualTime();
  const store = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  const scope = store.scope("");
  const probes = new Map<string, ScriptedProbe>();
  const lines: string[] = [];
  const checked: string[] = [];
  const errors: string[] = [];
  const world = { hasTraffic: true, runtime: {} as Record<string, string>, draw: 0, onCheckedThrows: false };
  const checker = new HealthChecker({
    cluster: "c",
    model: { ...MODEL, ...model },
    stats: new CheckStats(scope),
    clock: time.clock,
    timers: time.timers,
    random: { next: () => world.draw, below: (bound) => Math.floor(bound * world.draw) },
    runtime: () => world.runtime,
    hasTraffic: () => world.hasTraffic,
    makeProbe: ({ address }) => {
      const probe = new ScriptedProbe();
      probes.set(addressKey(address), probe);
      return probe;
    },
    logs: [{ write: (line) => void lines.push(line) }],
    onChecked: (address, isHealthy, changed) => {
      if (world.onCheckedThrows) throw new Error("onChecked");
      checked.push(`${address} ${isHealthy}${changed ? " changed" : ""}`);
    },
    onError: (address, error) => void errors.push(`${address} ${(error as Error).message}`),
  });
  checker.show();
  checker.setHosts(hosts);
  const address = "10.0.0.1:80";
  const probe = () => probes.get(address)!;
  const flags = (of = address) => flagWords("healthy", checker.flagsOf(of));
  const count = (name: string) => scope.counter(`health_check.${name}`).value;
  const gauge = (name: string) => scope.gauge(`health_check.${name}`).value;
  /** Answers, and says how long it is until the next question, by steps of 100 ms. */
  const pauseAfter = (outcome: ProbeOutcome): number => {
    probe().answer(outcome);
    for (let ms = 0; ms <= 200_000; ms += 100) {
      if (probe().isOpen) return ms;
      time.advance(100);
    }
    return -1;
  };
  return { time, checker, probes, probe, flags, lines, checked, errors, count, gauge, world, pauseAfter };
}

describe("what becomes of a host", () => {
  test("unhealthy until its first check passes, and healthy at once then", () => {
    const { probe, flags, checked, gauge } = setup({ healthyThreshold: 10 });
    expect([flags(), gauge("healthy")]).toEqual(["/failed_active_hc", 0]);
    probe().answer(PASSED);
    expect([flags(), checked, gauge("healthy")]).toEqual(["healthy", ["10.0.0.1:80 true changed"], 1]);
  });

  test("network failures count towards the threshold, a check that passes begins anew", () => {
    const { pauseAfter, flags } = setup();
    pauseAfter(PASSED);
    for (const outcome of [NO_ANSWER, NO_ANSWER, PASSED, NO_ANSWER, RETRIABLE]) pauseAfter(outcome);
    expect(flags()).toBe("healthy");
    pauseAfter(NO_ANSWER);
    expect(flags()).toBe("/failed_active_hc");
  });

  test("a bad answer is believed at once, a retriable one is not", () => {
    const { pauseAfter, flags } = setup();
    pauseAfter(PASSED);
    pauseAfter(RETRIABLE);
    expect(flags()).toBe("healthy");
    pauseAfter(FAILED);
    expect(flags()).toBe("/failed_active_hc");
  });

  test("healthy again after as many passes as the threshold says", () => {
    const { pauseAfter, flags } = setup({ healthyThreshold: 3 });
    for (const outcome of [FAILED, PASSED, PASSED, NO_ANSWER, PASSED, PASSED]) pauseAfter(outcome);
    expect(flags()).toBe("/failed_active_hc");
    pauseAfter(PASSED);
    expect(flags()).toBe("healthy");
  });

  test("a time-out is a network failure with a flag of its own, which another failure takes away", () => {
    const { time, probe, flags, count } = setup({ unhealthyThreshold: 1 });
    probe().answer(PASSED);
    time.advance(5000);
    time.advance(999);
    expect(flags()).toBe("healthy");
    time.advance(11);
    expect([flags(), count("network_failure")]).toEqual(["/failed_active_hc/active_hc_timeout", 1]);
    time.advance(5010);
    probe().answer(NO_ANSWER);
    expect(flags()).toBe("/failed_active_hc");
  });

  test("degraded while it says so, which costs it no health", () => {
    const { pauseAfter, flags, gauge, checked } = setup();
    pauseAfter(DEGRADED);
    expect([flags(), gauge("degraded")]).toEqual(["/degraded_active_hc", 1]);
    pauseAfter(DEGRADED);
    pauseAfter(PASSED);
    expect([flags(), gauge("degraded")]).toEqual(["healthy", 0]);
    expect(checked.map((line) => line.endsWith("changed"))).toEqual([true, false, true]);
  });

  test("an answer to ordinary traffic may fail it at once; checks bring it back", () => {
    const { checker, pauseAfter, flags, count } = setup();
    pauseAfter(PASSED);
    checker.failPassively("10.0.0.1:80");
    checker.failPassively("10.0.0.1:80");
    expect(flags()).toBe("/failed_active_hc/excluded_via_immediate_hc_fail");
    expect(count("passive_failure")).toBe(1);
    pauseAfter(PASSED);
    pauseAfter(PASSED);
    expect(flags()).toBe("healthy");
  });
});

describe("when it is asked again", () => {
  const intervals = {
    intervalMs: 1000,
    unhealthyIntervalMs: 2000,
    unhealthyEdgeIntervalMs: 3000,
    healthyEdgeIntervalMs: 4000,
    noTrafficIntervalMs: 5000,
    noTrafficHealthyIntervalMs: 6000,
  };

  test("each state has its interval", () => {
    const { pauseAfter } = setup(intervals);
    const pauses = [PASSED, PASSED, NO_ANSWER, NO_ANSWER, NO_ANSWER, NO_ANSWER, PASSED, PASSED].map(pauseAfter);
    expect(pauses.map((ms) => Math.floor(ms / 1000) * 1000)).toEqual([1000, 1000, 3000, 3000, 2000, 2000, 4000, 1000]);
  });

  test("without traffic there are two", () => {
    const { pauseAfter, world } = setup(intervals);
    world.hasTraffic = false;
    const pauses = [FAILED, PASSED, PASSED, PASSED].map(pauseAfter);
    expect(pauses.map((ms) => Math.floor(ms / 1000) * 1000)).toEqual([5000, 5000, 6000, 6000]);
  });

  test("jitter is added: a share of the interval, and a time", () => {
    const { pauseAfter, world } = setup({ intervalMs: 1000, intervalJitterPercent: 50, intervalJitterMs: 2000 });
    world.draw = 0.999;
    const pause = pauseAfter(PASSED);
    expect(pause).toBeGreaterThanOrEqual(3400);
    expect(pause).toBeLessThanOrEqual(3600);
  });

  test("the runtime bounds it", () => {
    const { pauseAfter, world } = setup(intervals);
    world.runtime = { "health_check.min_interval": "10000" };
    expect(pauseAfter(PASSED)).toBeGreaterThanOrEqual(10_000);
    world.runtime = { "health_check.max_interval": "500" };
    expect(pauseAfter(PASSED)).toBeLessThanOrEqual(600);
  });

  test("the first question waits for the initial jitter", () => {
    const { time, checker, probes, world } = setup({ initialJitterMs: 10_000 }, []);
    world.draw = 0.5;
    checker.setHosts([host(80)]);
    expect(probes.get("10.0.0.1:80")!.asked).toBe(0);
    time.advance(4990);
    expect(probes.get("10.0.0.1:80")!.asked).toBe(0);
    time.advance(20);
    expect(probes.get("10.0.0.1:80")!.asked).toBe(1);
  });
});

describe("hosts that come and go", () => {
  test("those that stay keep what is known of them, those that go are asked no more", () => {
    const { checker, probes, flags, time } = setup({}, [host(80), host(81)]);
    for (const probe of probes.values()) probe.answer(PASSED);
    checker.setHosts([host(81), host(82)]);
    expect(["10.0.0.1:80", "10.0.0.1:81", "10.0.0.1:82"].map((address) => flags(address))).toEqual([
      "healthy",
      "healthy",
      "/failed_active_hc",
    ]);
    const gone = probes.get("10.0.0.1:80")!;
    time.advance(60_000);
    expect([gone.closed, gone.asked]).toEqual([true, 1]);
  });

  test("a logical one that stands elsewhere is asked there, and is what it was until that answers", () => {
    const logical = (port: number) => host(port, { logicalName: "web.test:80" });
    const { checker, probes, checked, flags } = setup({ unhealthyThreshold: 2 }, [logical(80)]);
    const name = "web.test:80";
    const answer = (port: number, outcome: ProbeOutcome) => probes.get(`10.0.0.1:${port}`)!.answer(outcome);
    checker.setHosts([logical(81)]);
    expect(flags(name)).toBe("/failed_active_hc");
    answer(81, PASSED);
    expect([flags(name), checked.splice(0)]).toEqual(["healthy", [`${name} true changed`]]);
    checker.setHosts([logical(82)]);
    expect([flags(name), probes.get("10.0.0.1:81")!.closed, probes.get("10.0.0.1:82")!.asked]).toEqual([
      "healthy",
      true,
      1,
    ]);
    answer(82, FAILED);
    expect([flags(name), checked]).toEqual(["/failed_active_hc", [`${name} false changed`]]);
    checker.setHosts([logical(83)]);
    expect(flags(name)).toBe("/failed_active_hc");
  });

  test("one that is not to be checked is asked nothing, and is healthy", () => {
    const healthCheck = { port: 0, address: null, hostname: "", disabled: true };
    const { probes, flags } = setup({}, [host(80, { healthCheck })]);
    expect([probes.size, flags()]).toEqual([0, "healthy"]);
  });

  test("the first round is over when all have an outcome, and at once where there is nobody", async () => {
    const { checker, probes, time } = setup({}, [host(80), host(81)]);
    let isOver = false;
    void checker.firstRound.then(() => (isOver = true));
    probes.get("10.0.0.1:80")!.answer(PASSED);
    await time.advanceAsync(500);
    expect(isOver).toBe(false);
    await time.advanceAsync(600);
    expect(isOver).toBe(true);
    await setup({}, []).checker.firstRound;
  });

  test("an answer that comes after the end is nobody's", () => {
    const { checker, probe, checked, time } = setup();
    checker.close();
    probe().answer(PASSED);
    time.advance(100_000);
    expect(checked).toEqual([]);
  });
});

test("events are Envoy's, in its JSON", () => {
  const { pauseAfter, lines } = setup({ unhealthyThreshold: 1, healthyThreshold: 1, logsAllSuccesses: true });
  for (const outcome of [NO_ANSWER, PASSED, FAILED, DEGRADED]) pauseAfter(outcome);
  const seen = lines.map((line) => {
    const { host: _host, timestamp: _timestamp, ...event } = JSON.parse(line) as Record<string, unknown>;
    return event;
  });
  const common = { health_checker_type: "TCP", cluster_name: "c" };
  expect(seen).toEqual([
    { ...common, health_check_failure_event: { failure_type: "NETWORK", first_check: true } },
    { ...common, add_healthy_event: { first_check: false } },
    { ...common, successful_health_check_event: {} },
    { ...common, eject_unhealthy_event: { failure_type: "ACTIVE" } },
    { ...common, add_healthy_event: { first_check: false } },
    { ...common, degraded_healthy_host: {} },
    { ...common, successful_health_check_event: {} },
  ]);
  expect(lines[0]).toBe(
    '{"health_checker_type":"TCP","host":{"socket_address":{"protocol":"TCP","address":"10.0.0.1","port_value":80,"resolver_name":"","ipv4_compat":false}},"cluster_name":"c","health_check_failure_event":{"failure_type":"NETWORK","first_check":true},"timestamp":"2026-01-01T00:00:00.000Z"}\n',
  );
});

test("all failures are logged where that is on", () => {
  const { pauseAfter, lines } = setup({ logsAllFailures: true });
  for (const outcome of [PASSED, NO_ANSWER, NO_ANSWER]) pauseAfter(outcome);
  expect(lines.filter((line) => line.includes("health_check_failure_event"))).toHaveLength(2);
});

describe("an error of the proxy's own", () => {
  const MS_TO_TIMEOUT = MODEL.timeoutMs;

  test("in a question is a failed check, and the next one is asked", () => {
    const { probe, time, errors, flags, count, pauseAfter } = setup({ unhealthyThreshold: 2 });
    pauseAfter(PASSED);
    probe().answer(PASSED);
    probe().broken = "run";
    time.advance(2 * MODEL.intervalMs);
    expect(errors).toEqual(["10.0.0.1:80 run", "10.0.0.1:80 run"]);
    expect([flags(), count("failure"), count("network_failure")]).toEqual(["/failed_active_hc", 2, 2]);
    probe().broken = "";
    time.advance(MODEL.intervalMs);
    expect(probe().isOpen).toBe(true);
  });

  test("in what is made of an answer is too", () => {
    const { pauseAfter, errors, count } = setup();
    expect(pauseAfter({ kind: "error", error: new Error("judge") })).toBe(MODEL.intervalMs);
    expect([errors, count("network_failure")]).toEqual([["10.0.0.1:80 judge"], 1]);
  });

  test.each(["cancel", "onChecked"] as const)(
    "where a check is given up or told of (%s) does not end the checks",
    (what) => {
      const { probe, time, errors, world, count } = setup();
      if (what === "cancel") probe().broken = "cancel";
      else world.onCheckedThrows = true;
      time.advance(MS_TO_TIMEOUT);
      expect([errors, count("failure")]).toEqual([[`10.0.0.1:80 ${what}`], 1]);
      time.advance(MODEL.intervalMs);
      expect(probe().isOpen).toBe(true);
    },
  );

  test("of one host does not keep others from being closed", () => {
    const { checker, probes, errors } = setup({}, [host(80), host(81)]);
    probes.get("10.0.0.1:80")!.broken = "close";
    checker.close();
    expect([[...probes.values()].map(({ closed }) => closed), errors]).toEqual([[true, true], ["10.0.0.1:80 close"]]);
  });
});
