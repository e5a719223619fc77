// Statistics in Envoy's formats, chosen by Envoy's parameters.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AdminFixture } from "../../../../../test/support/admin-fixture.ts";

let admin: AdminFixture;

beforeEach(async () => {
  admin = await AdminFixture.start();
});

afterEach(() => admin.admin.close());

describe("statistics", () => {
  beforeEach(async () => {
    admin.store.counter("http.in.downstream_rq_2xx").inc(7);
    admin.store.counter("http.in.downstream_rq_5xx");
    admin.store.gauge("http.in.downstream_cx_active").set(2);
    const histogram = admin.store.histogram("http.in.downstream_rq_time", [1, 10, 100]);
    for (const value of [0.5, 5, 5, 50]) histogram.record(value);
    admin.store.histogram("http.in.empty", [1]);
    admin.store.counter("#host.api#10.0.0.1:80#cx_total").inc();
    await Promise.resolve();
  });

  test("as text: counters and gauges by name, then histograms", async () => {
    expect((await admin.ask("/stats")).body).toBe(
      [
        "http.in.downstream_cx_active: 2",
        "http.in.downstream_rq_2xx: 7",
        "http.in.downstream_rq_5xx: 0",
        "server.live: 1",
        "http.in.downstream_rq_time: P0(nan,0) P25(nan,1) P50(nan,5.5) P75(nan,10) P90(nan,64) P95(nan,82) P99(nan,96.4) P99.5(nan,98.2) P99.9(nan,99.64) P100(nan,100)",
        "http.in.empty: No recorded values",
        "",
      ].join("\n"),
    );
  });

  test.each([
    [
      "usedonly&filter=^http",
      ["http.in.downstream_cx_active", "http.in.downstream_rq_2xx", "http.in.downstream_rq_time"],
    ],
    ["filter=rq_.xx", ["http.in.downstream_rq_2xx", "http.in.downstream_rq_5xx"]],
    ["type=Counters", ["http.in.downstream_rq_2xx", "http.in.downstream_rq_5xx"]],
    ["type=Gauges", ["http.in.downstream_cx_active", "server.live"]],
    ["type=Histograms", ["http.in.downstream_rq_time", "http.in.empty"]],
    ["type=TextReadouts", []],
    ["filter=no_such", []],
  ])("are chosen by %s", async (query, names) => {
    const { body } = await admin.ask(`/stats?${query}`);
    expect(
      body
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.slice(0, line.indexOf(":"))),
    ).toEqual(names);
  });

  test.each([
    ["filter=(", "Invalid re2 regex"],
    ["filter=(a)\\1", "Invalid re2 regex"],
    ["format=xml", "usage: /stats?format="],
    ["type=Things", "invalid &type= param"],
    ["histogram_buckets=many", "usage: /stats?histogram_buckets="],
  ])("%s is refused", async (query, message) => {
    expect(await admin.ask(`/stats?${encodeURI(query)}`)).toMatchObject({
      status: 400,
      body: expect.stringContaining(message),
    });
  });

  test("a pattern that would backtrack for ever answers at once", async () => {
    admin.store.counter(`a.${"a".repeat(200)}`).inc();
    await Promise.resolve();
    const started = performance.now();
    await admin.ask(`/stats?filter=${encodeURIComponent("(a+)+$x")}`);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test("as JSON", async () => {
    const { stats } = (await admin.json("/stats?format=json&filter=http")) as { stats: unknown[] };
    expect(stats.slice(0, 2)).toEqual([
      { name: "http.in.downstream_cx_active", value: 2 },
      { name: "http.in.downstream_rq_2xx", value: 7 },
    ]);
    expect(stats.at(-1)).toMatchObject({
      histograms: {
        supported_quantiles: [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100],
        computed_quantiles: [{ name: "http.in.downstream_rq_time" }, { name: "http.in.empty" }],
      },
    });
  });

  test("histograms by buckets", async () => {
    expect((await admin.ask("/stats?type=Histograms&usedonly&histogram_buckets=cumulative")).body).toBe(
      "http.in.downstream_rq_time: B1(nan,1) B10(nan,3) B100(nan,4)\n",
    );
    expect((await admin.ask("/stats?type=Histograms&usedonly&histogram_buckets=disjoint")).body).toBe(
      "http.in.downstream_rq_time: B1(nan,1) B10(nan,2) B100(nan,1)\n",
    );
  });

  test("for Prometheus, with the process's own", async () => {
    const { body, contentType } = await admin.ask("/stats/prometheus");
    expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(body).toContain(
      'envoy_http_downstream_rq_xx{envoy_http_conn_manager_prefix="in",envoy_response_code_class="2"} 7\n',
    );
    expect(body).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(body).not.toContain("#host");
    for (const line of body.split("\n").filter((each) => each !== "" && !each.startsWith("#"))) {
      expect(line).toMatch(/^[a-zA-Z_:][\w:]*(\{([a-z_]\w*="([^"\\\n]|\\.)*",?)*\})? \S+$/);
    }
    expect((await admin.ask("/stats?format=prometheus&filter=2xx")).body).not.toContain("process_");
  });

  test("/reset_counters begins again, for counters alone", async () => {
    await admin.ask("/reset_counters", "POST");
    const { body } = await admin.ask("/stats?type=Counters&usedonly");
    expect(body).toBe("");
    expect((await admin.ask("/stats?filter=cx_active")).body).toBe("http.in.downstream_cx_active: 2\n");
  });
});
