// One cluster's outlier detection under a virtual clock: workers are played by host watches on the real shared counts.
import { describe, expect, test } from "vitest";
import type { OutlierModel } from "../../config/model.ts";
import { ResponseHeaderMap } from "../../http/headers/header-map.ts";
import { EJECTION_TYPES } from "./outlier-stats.ts";
import { HostWatch } from "./host-watch.ts";
import { playedOutliers as setup } from "./played-outliers.ts";

describe("errors in a row", () => {
  test("the fifth ejects, whichever workers they came to; a good answer begins anew", () => {
    const { watch, put, isOut, count, active, changes, addresses } = setup(10);
    const others = [watch(0), watch(0), watch(0)];
    put(0, 500, 4);
    put(0, 200);
    put(0, 500, 2);
    for (const other of others.slice(0, 2)) other.count(500);
    expect(isOut(0)).toBe(false);
    others[2]!.count(503);
    expect([isOut(0), count("ejections_enforced_consecutive_5xx"), active()]).toEqual([true, 1, 1]);
    expect(changes).toEqual([addresses[0]]);
  });

  test("what 4xx and 1xx to 3xx say is good", () => {
    const { put, isOut } = setup(10);
    for (const status of [200, 302, 404, 429, 499, 600]) {
      put(0, 500, 4);
      put(0, status);
    }
    expect(isOut(0)).toBe(false);
  });

  test("gateway errors have a row of their own, which another 5xx breaks, and which ejects only where it is enforced", () => {
    const seen = setup(10, { consecutive5xx: 1000 });
    seen.put(0, 502, 4);
    seen.put(0, 500);
    seen.put(0, 504, 4);
    expect(seen.count("ejections_detected_consecutive_gateway_failure")).toBe(0);
    seen.put(0, 503);
    expect([seen.count("ejections_detected_consecutive_gateway_failure"), seen.isOut(0)]).toEqual([1, false]);
    const enforced = setup(10, { consecutive5xx: 1000, enforcingConsecutiveGatewayFailure: 100 });
    enforced.put(0, 502, 5);
    expect(enforced.isOut(0)).toBe(true);
  });

  test("local failures count as 503 and 504, unless they are counted apart", () => {
    const together = setup(10);
    together.watches[0]!.failed();
    together.watches[0]!.timedOut();
    // That a connection stands is no answer yet.
    together.watches[0]!.connected();
    together.watches[0]!.failed();
    together.put(0, 500, 2);
    expect(together.isOut(0)).toBe(true);

    const apart = setup(10, { splitsLocalOrigin: true });
    for (let i = 0; i < 4; i++) apart.watches[0]!.failed();
    apart.watches[0]!.connected();
    for (let i = 0; i < 4; i++) apart.watches[0]!.timedOut();
    apart.put(0, 500, 4);
    expect(apart.isOut(0)).toBe(false);
    apart.watches[0]!.failed();
    expect([apart.isOut(0), apart.count("ejections_enforced_consecutive_local_origin_failure")]).toEqual([true, 1]);
  });

  test("a TCP connection that stands is a good answer", () => {
    const { watches, put, isOut } = setup(10);
    put(0, 503, 4);
    watches[0]!.connectedAll();
    watches[0]!.failed();
    expect(isOut(0)).toBe(false);
  });

  test("a gRPC status that is the whole answer counts as its HTTP status", () => {
    const { watches, isOut } = setup(10);
    const trailersOnly = (status: string) => {
      const headers = new ResponseHeaderMap(200);
      headers.set("content-type", "application/grpc");
      headers.set("grpc-status", status);
      return headers;
    };
    for (let i = 0; i < 4; i++) watches[0]!.answered(trailersOnly("14"));
    watches[0]!.answered(trailersOnly("5"));
    for (let i = 0; i < 4; i++) watches[0]!.answered(trailersOnly("13"));
    expect(isOut(0)).toBe(false);
    watches[0]!.answered(trailersOnly("4"));
    expect(isOut(0)).toBe(true);
  });

  test("thresholds follow the runtime at once, in all workers", () => {
    const { put, isOut, useRuntime } = setup(10);
    useRuntime({ "outlier_detection.consecutive_5xx": "2" });
    put(0, 500, 2);
    expect(isOut(0)).toBe(true);
  });

  test("a row that is past a threshold which has become smaller counts at the next tick; one of 0 is never reached", () => {
    const { put, isOut, useRuntime, time } = setup(10);
    put(0, 500, 4);
    useRuntime({ "outlier_detection.consecutive_5xx": "2", "outlier_detection.consecutive_gateway_failure": "0" });
    put(0, 503);
    expect(isOut(0)).toBe(false);
    time.advance(10_000);
    expect(isOut(0)).toBe(true);
    const never = setup(10, { consecutive5xx: 0 });
    never.put(0, 500, 9);
    never.time.advance(10_000);
    expect([never.out(), never.count("ejections_detected_consecutive_5xx")]).toEqual([[], 0]);
  });

  test("a row of which nobody told main, since its worker died, counts at the next tick", () => {
    const { detector, addresses, isOut, time } = setup(10);
    const dying = new HostWatch({ report() {} }, "c", addresses[0]!, false, detector.countsOf(addresses[0]!)!);
    for (let i = 0; i < 6; i++) dying.count(500);
    expect(isOut(0)).toBe(false);
    time.advance(10_000);
    expect(isOut(0)).toBe(true);
  });
});

describe("how many, and whether at all", () => {
  test("with the 10 % that are the default nobody of nine goes; always_eject_one_host lets one", () => {
    const strict = setup(9, { maxEjectionPercent: 10 });
    strict.put(0, 500, 5);
    expect([strict.out(), strict.count("ejections_overflow")]).toEqual([[], 1]);
    const one = setup(9, { maxEjectionPercent: 10, alwaysEjectsOne: true });
    one.put(0, 500, 5);
    one.put(1, 500, 5);
    expect([one.out(), one.count("ejections_overflow")]).toEqual([[0], 1]);
  });

  test("of ten hosts 30 % are three", () => {
    const { put, out } = setup(10, { maxEjectionPercent: 30 });
    for (let i = 0; i < 5; i++) put(i, 500, 5);
    expect(out()).toEqual([0, 1, 2]);
  });

  test("what is enforced in half of the cases is detected in all, and logged", () => {
    const { put, out, count, draws, lines } = setup(10, { enforcingConsecutive5xx: 50 });
    draws.next = 0.5;
    put(0, 500, 5);
    draws.next = 0.49;
    put(1, 500, 5);
    expect(out()).toEqual([1]);
    expect([count("ejections_detected_consecutive_5xx"), count("ejections_enforced_consecutive_5xx")]).toEqual([2, 1]);
    expect(lines.map((line) => (JSON.parse(line) as { enforced: boolean }).enforced)).toEqual([false, true]);
  });

  test("the runtime may turn enforcement off", () => {
    const { put, out } = setup(10, {}, { "outlier_detection.enforcing_consecutive_5xx": "0" });
    put(0, 500, 5);
    expect(out()).toEqual([]);
  });
});

describe("the way back", () => {
  test("on the first tick after the base time, longer each time, shorter again with each good interval", () => {
    const { time, put, isOut } = setup(10);
    put(0, 500, 5);
    time.advance(30_000);
    // The tick of 30 s fires a hair after it: what is over then is over.
    expect(isOut(0)).toBe(false);
    put(0, 500, 5);
    time.advance(59_000);
    expect(isOut(0)).toBe(true);
    time.advance(1000);
    expect(isOut(0)).toBe(false);
    // Two ejections, two good intervals: as if nothing had been.
    time.advance(20_000);
    put(0, 500, 5);
    time.advance(30_000);
    expect(isOut(0)).toBe(false);
  });

  test("never longer than the longest time", () => {
    const { time, put, isOut, view } = setup(10, { baseEjectionMs: 100_000, maxEjectionMs: 150_000 });
    for (const expected of [100_000, 150_000, 150_000, 150_000]) {
      put(0, 500, 5);
      expect(view(0).leftMs).toBe(expected);
      time.advance(expected - 10_000);
      expect(isOut(0)).toBe(true);
      time.advance(10_000);
      expect(isOut(0)).toBe(false);
    }
  });

  test("with jitter, each host at another time", () => {
    const { time, put, out, draws } = setup(10, { maxEjectionJitterMs: 20_000 });
    put(0, 500, 5);
    draws.next = 0.99;
    put(1, 500, 5);
    time.advance(30_000);
    expect(out()).toEqual([1]);
    time.advance(20_000);
    expect(out()).toEqual([]);
  });

  test("at once where an active health check passes, unless that is off", () => {
    const on = setup(10);
    on.put(0, 500, 5);
    on.detector.checkPassed(on.addresses[0]!);
    expect([on.isOut(0), on.active()]).toEqual([false, 0]);
    const off = setup(10, { checkUnejects: false });
    off.put(0, 500, 5);
    off.detector.checkPassed(off.addresses[0]!);
    expect(off.isOut(0)).toBe(true);
  });

  test("a host that is taken out of the cluster and put in again is a new one", () => {
    const { detector, put, out, active, addresses } = setup(10);
    put(0, 500, 5);
    detector.setHosts(new Set(addresses.slice(1)));
    expect(active()).toBe(0);
    detector.setHosts(new Set(addresses));
    expect([out(), detector.view(addresses[0]!)!.ejections]).toEqual([[], 0]);
    // Whoever still counts for the old one counts for nobody.
    put(0, 500, 5);
    expect(detector.view(addresses[0]!)!.counts).toMatchObject({ answers: 0 });
  });
});

describe("rates of an interval", () => {
  /** Envoy's test of the success rate: five hosts, 200 answers each, one with half of them bad. */
  function published(model: Partial<OutlierModel> = {}) {
    const made = setup(5, { consecutive5xx: 1000, consecutiveGatewayFailure: 1000, ...model });
    for (let i = 0; i < 4; i++) made.put(i, 200, 200);
    for (let n = 0; n < 100; n++) {
      made.put(4, 200);
      made.put(4, 503);
    }
    return made;
  }

  test("the published case: average 90, threshold 52, out at 10 s, back at 50 s", () => {
    const { time, out, view, lines, count } = published();
    time.advance(9_999);
    expect(out()).toEqual([]);
    time.advance(1);
    expect(out()).toEqual([4]);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      type: "SUCCESS_RATE",
      eject_success_rate_event: {
        host_success_rate: 50,
        cluster_average_success_rate: 90,
        cluster_success_rate_ejection_threshold: 52,
      },
    });
    expect([view(0).successRate, view(4).successRate, view(4).localSuccessRate]).toEqual([100, 50, -1]);
    expect(count("ejections_enforced_success_rate")).toBe(1);
    time.advance(9_999);
    expect(out()).toEqual([4]);
    time.advance(30_002);
    expect(out()).toEqual([]);
  });

  test("counts are those of the last interval alone", () => {
    const { time, out } = published({ enforcingSuccessRate: 0 });
    time.advance(10_000);
    expect(out()).toEqual([]);
    time.advance(10_000);
    expect(out()).toEqual([]);
  });

  test("too few hosts, or too few answers: nobody is judged", () => {
    const few = setup(4, { consecutive5xx: 1000, consecutiveGatewayFailure: 1000 });
    for (let i = 0; i < 3; i++) few.put(i, 200, 200);
    few.put(3, 500, 200);
    few.time.advance(10_000);
    expect([few.out(), few.view(0).successRate]).toEqual([[], -1]);
    const calm = published({ successRateRequestVolume: 201 });
    calm.time.advance(10_000);
    expect(calm.out()).toEqual([]);
    // What failure percentage has enough of is shown nevertheless.
    expect(calm.view(4).successRate).toBe(50);
  });

  test("failure percentage: at the threshold and above, where it is enforced", () => {
    const { time, out, count } = published({
      enforcingSuccessRate: 0,
      failurePercentageThreshold: 50,
      enforcingFailurePercentage: 100,
    });
    time.advance(10_000);
    expect([out(), count("ejections_enforced_failure_percentage")]).toEqual([[4], 1]);
  });

  test("local failures apart have rates of their own", () => {
    const { time, watches, out, count, view } = setup(5, {
      splitsLocalOrigin: true,
      consecutiveLocalOriginFailure: 1000,
    });
    for (let n = 0; n < 200; n++)
      for (const [i, each] of watches.entries()) {
        if (i === 2 && n % 2 === 0) each.failed();
        else each.connected();
      }
    time.advance(10_000);
    expect([out(), count("ejections_enforced_local_origin_success_rate")]).toEqual([[2], 1]);
    expect([view(2).localSuccessRate, view(2).successRate]).toEqual([50, -1]);
  });
});

test("lines of the event log are Envoy's", () => {
  const { time, put, lines } = setup(10);
  put(0, 500, 5);
  time.advance(30_000);
  put(0, 500, 5);
  expect(lines).toEqual([
    '{"type":"CONSECUTIVE_5XX","cluster_name":"c","upstream_url":"10.0.0.1:80","action":"EJECT","num_ejections":1,"enforced":true,"eject_consecutive_event":{},"timestamp":"2026-01-01T00:00:00Z"}\n',
    '{"type":"CONSECUTIVE_5XX","cluster_name":"c","upstream_url":"10.0.0.1:80","action":"UNEJECT","num_ejections":1,"enforced":false,"timestamp":"2026-01-01T00:00:30Z","secs_since_last_action":"30"}\n',
    '{"type":"CONSECUTIVE_5XX","cluster_name":"c","upstream_url":"10.0.0.1:80","action":"EJECT","num_ejections":2,"enforced":true,"eject_consecutive_event":{},"timestamp":"2026-01-01T00:00:30Z","secs_since_last_action":"0"}\n',
  ]);
});

test("five hundred hosts take two slabs, and each has counts of its own", () => {
  const { put, out, detector, addresses } = setup(500);
  put(3, 500, 5);
  put(300, 500, 5);
  expect(out()).toEqual([3, 300]);
  expect(new Set(addresses.map((address) => detector.countsOf(address)!.memory)).size).toBe(2);
});

test("every kind of ejection has its counters", () => {
  const { count } = setup(1);
  for (const type of EJECTION_TYPES)
    expect([count(`ejections_detected_${type}`), count(`ejections_enforced_${type}`)]).toEqual([0, 0]);
});
