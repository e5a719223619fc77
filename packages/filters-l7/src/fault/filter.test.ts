import { describe, expect, it, test } from "vitest";
import { L7Chain, type L7Options } from "../../../../test/support/l7-chain.ts";
import { SharedTable } from "../../../core/src/stats/shared-table.ts";
import { fault } from "./index.ts";

const ALL = { numerator: 100 };
const DELAY = { fixed_delay: "1s", percentage: ALL };
const ABORT = { http_status: 418, percentage: ALL };

const chainOf = (config: object, options: L7Options = {}) => new L7Chain(fault, config, options);
const count = (chain: L7Chain, name: string) => chain.count(`http.test.fault.${name}`);
const active = (chain: L7Chain) => chain.services.gaugeValue("http.test.fault.active_faults");

describe("delay", () => {
  it("holds a request back, its body too, and lets it go on", async () => {
    const chain = chainOf({ delay: DELAY });
    const client = chain.harness.open().headers({ ":method": "POST" }, false).data("one");
    await chain.harness.settle();
    chain.harness.advance(990);
    await chain.harness.settle();
    expect(chain.terminal.frames).toEqual([]);
    expect([active(chain), count(chain, "delays_injected")]).toEqual([1, 1]);
    chain.harness.advance(20);
    await chain.harness.settle();
    client.data("two", true);
    await chain.harness.settle();
    expect(chain.terminal.body).toBe("onetwo");
    chain.terminal.respond(200);
    expect(client.sent.status).toBe(200);
    expect(client.stream.flags).toEqual(["DI"]);
    expect(active(chain)).toBe(0);
  });

  it("is as long as a header says, where it may", async () => {
    for (const [header, isDelayed] of [
      ["500", true],
      ["0", false],
      ["long", false],
    ] as const) {
      const chain = chainOf({ delay: { header_delay: {}, percentage: ALL } });
      await chain.harness.request({ "x-envoy-fault-delay-request": header });
      expect(chain.terminal.frames.length === 0).toBe(isDelayed);
      chain.harness.advance(520);
      await chain.harness.settle();
      expect(chain.terminal.frames.length).toBeGreaterThan(0);
    }
  });

  it("ends with the client", async () => {
    const chain = chainOf({ delay: DELAY });
    const client = await chain.harness.request();
    client.abort();
    expect(active(chain)).toBe(0);
    chain.harness.advance(2000);
    await chain.harness.settle();
    expect(chain.terminal.frames).toEqual([]);
  });
});

describe("abort", () => {
  it("answers in the place of the upstream", async () => {
    const chain = chainOf({ abort: ABORT });
    const client = await chain.harness.request({ "x-envoy-downstream-service-cluster": "shop" });
    expect(client.sent).toMatchObject({ status: 418, body: "fault filter abort" });
    expect(client.stream).toMatchObject({ flags: ["FI"], details: "fault_filter_abort" });
    expect(["aborts_injected", "shop.aborts_injected"].map((name) => count(chain, name))).toEqual([1, 1]);
    expect([chain.terminal.frames, active(chain)]).toEqual([[], 0]);
  });

  it("comes behind a delay", async () => {
    const chain = chainOf({ delay: DELAY, abort: ABORT });
    const client = await chain.harness.request();
    expect(client.sent.status).toBe(0);
    chain.harness.advance(1020);
    await chain.harness.settle();
    expect(client.sent.status).toBe(418);
    expect(client.stream.flags.toSorted()).toEqual(["DI", "FI"]);
  });

  it("has a gRPC status", async () => {
    const chain = chainOf({ abort: { grpc_status: 14, percentage: ALL } });
    const { sent } = await chain.harness.request({ "content-type": "application/grpc" });
    expect([sent.status, sent.headers["grpc-status"]]).toEqual([200, "14"]);
  });

  it.each([
    [{ "x-envoy-fault-abort-request": "503" }, 503],
    [{ "x-envoy-fault-abort-request": "99" }, 0],
    [{ "x-envoy-fault-abort-request": "600" }, 0],
    [{ "x-envoy-fault-abort-request": "503", "x-envoy-fault-abort-request-percentage": "0" }, 0],
    [{ "x-envoy-fault-abort-request": "503", "x-envoy-fault-abort-request-percentage": "1000" }, 503],
    [{}, 0],
  ])("is what headers say, where they may: %j", async (headers, status) => {
    const chain = chainOf({ abort: { header_abort: {}, percentage: ALL } });
    expect((await chain.harness.request(headers)).sent.status).toBe(status);
  });

  test("headers say nothing where they may not", async () => {
    const chain = chainOf({ abort: { http_status: 500 } });
    expect((await chain.harness.request({ "x-envoy-fault-abort-request": "503" })).sent.status).toBe(0);
  });
});

describe("which requests", () => {
  const range = { range_match: { start: "1", end: "10" } };
  it.each([
    [{ headers: [{ name: "x-a", exact_match: "1" }] }, { "x-a": "1" }, true],
    [{ headers: [{ name: "x-a", exact_match: "1" }] }, { "x-a": "2" }, false],
    [{ headers: [{ name: "x-a", exact_match: "1", invert_match: true }] }, {}, false],
    [{ headers: [{ name: "x-a", exact_match: "", treat_missing_header_as_empty: true }] }, {}, true],
    [{ headers: [{ name: "x-a", present_match: false }] }, {}, true],
    [{ headers: [{ name: "x-a" }, { name: ":method", string_match: { exact: "GET" } }] }, { "x-a": "" }, true],
    [{ headers: [{ name: "x-a" }, { name: ":method", string_match: { exact: "POST" } }] }, { "x-a": "" }, false],
    [{ headers: [{ name: "x-a", string_match: { prefix: "AB", ignore_case: true } }] }, { "x-a": "abc" }, true],
    [{ headers: [{ name: "x-a", suffix_match: "c" }] }, { "x-a": "abc" }, true],
    [{ headers: [{ name: "x-a", contains_match: "b" }] }, { "x-a": "abc" }, true],
    [{ headers: [{ name: "x-a", safe_regex_match: { regex: "a.c" } }] }, { "x-a": "abc" }, true],
    [{ headers: [{ name: "x-a", safe_regex_match: { regex: "a." } }] }, { "x-a": "abc" }, false],
    [{ headers: [{ name: "x-a", ...range }] }, { "x-a": "9" }, true],
    [{ headers: [{ name: "x-a", ...range }] }, { "x-a": "10" }, false],
    [{ downstream_nodes: ["n1"] }, { "x-envoy-downstream-service-node": "n1" }, true],
    [{ downstream_nodes: ["n1"] }, { "x-envoy-downstream-service-node": "n2" }, false],
    [{ upstream_cluster: "test" }, {}, true],
    [{ upstream_cluster: "other" }, {}, false],
  ])("%j with %j: %s", async (config, headers, isConcerned) => {
    const chain = chainOf({ abort: ABORT, ...config });
    const { sent } = await chain.harness.request(headers as Record<string, string>);
    expect(sent.status).toBe(isConcerned ? 418 : 0);
  });

  it("a share of them, which the runtime may change", async () => {
    const chain = chainOf({ abort: { http_status: 500, percentage: { numerator: 0 } } });
    expect((await chain.harness.request()).sent.status).toBe(0);
    chain.services.runtime.update({ "fault.http.abort.abort_percent": "100", "fault.http.abort.http_status": "404" });
    expect((await chain.harness.request()).sent.status).toBe(404);
  });

  it("as many as may have faults at a time", async () => {
    const chain = chainOf({ delay: DELAY, max_active_faults: 1 });
    const first = await chain.harness.request();
    await chain.harness.request();
    expect([chain.terminal.frames.length > 0, count(chain, "faults_overflow")]).toEqual([true, 1]);
    first.abort();
    await chain.harness.request();
    expect(count(chain, "delays_injected")).toBe(2);
  });

  it("of all workers, those not that died with theirs", async () => {
    const memory = SharedTable.allocate(64);
    const worker = (thread: number) =>
      chainOf({ delay: DELAY, max_active_faults: 1 }, { services: { shared: new SharedTable(memory, thread) } });
    const [one, two] = [worker(1), worker(2)];
    await two.harness.request();
    await one.harness.request();
    expect(count(one, "faults_overflow")).toBe(1);
    new SharedTable(memory, 0).forget(2);
    await one.harness.request();
    expect([count(one, "faults_overflow"), active(one)]).toEqual([1, 1]);
  });

  it("those of a route, as the route says", async () => {
    const chain = chainOf({ abort: ABORT }, { route: [{ abort: { http_status: 500, percentage: ALL } }] });
    expect((await chain.harness.request()).sent.status).toBe(500);
  });
});

describe("response_rate_limit", () => {
  const slow = { response_rate_limit: { fixed_limit: { limit_kbps: 1 }, percentage: ALL } };

  it("lets the body go on so fast, whole and in order", async () => {
    const chain = chainOf(slow);
    const client = await chain.harness.request();
    const body = Array.from({ length: 2048 }, (_, i) => String.fromCharCode(97 + (i % 26))).join("");
    chain.terminal.respond(200, {}, false).data(body, true);
    await chain.harness.settle();
    // 1 KiB a second, in twenty fills.
    expect(client.sent.body.length).toBeLessThanOrEqual(52);
    for (let i = 0; i < 100 && !client.sent.ended; i++) {
      chain.harness.advance(50);
      await chain.harness.settle();
      expect(client.sent.body.length).toBeLessThanOrEqual(52 * (i + 2));
    }
    expect([client.sent.body, client.sent.ended]).toEqual([body, true]);
    expect(count(chain, "response_rl_injected")).toBe(1);
    expect(active(chain)).toBe(0);
  });

  it("keeps trailers behind the body", async () => {
    const chain = chainOf(slow);
    const client = await chain.harness.request();
    chain.terminal.respond(200, {}, false).data("x".repeat(200)).sendTrailers({ "x-t": "1" });
    await chain.harness.settle();
    expect(client.sent.ended).toBe(false);
    for (let i = 0; i < 10; i++) {
      chain.harness.advance(50);
      await chain.harness.settle();
    }
    expect(client.sent).toMatchObject({ body: "x".repeat(200), ended: true, trailers: { "x-t": "1" } });
  });
});
