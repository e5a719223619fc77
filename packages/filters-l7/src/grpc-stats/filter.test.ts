import { describe, expect, it, test } from "vitest";
import { FakeClusters } from "../../../../test/support/fake-cluster.ts";
import { L7Chain } from "../../../../test/support/l7-chain.ts";
import type { RouteEntry } from "../../../core/src/http/route/types.ts";
import { grpcFrame } from "../shared/grpc-frames.ts";
import { grpcStats } from "./index.ts";

const CALL = { ":method": "POST", ":path": "/pkg.Echo/Say", "content-type": "application/grpc" };
const GRPC = { "content-type": "application/grpc+proto" };
const message = Buffer.from(grpcFrame(Buffer.from("hello"))).toString("latin1");

function chain(config: object = {}, entry: object | null = { clusterName: "web" }): L7Chain {
  return new L7Chain(grpcStats, config, {
    ...(entry === null ? { route: null } : { entry: entry as Partial<RouteEntry> }),
    services: { clusters: new FakeClusters() },
  });
}

/** A call of `requests` messages that is answered with `responses` and a status. */
function call(of: L7Chain, requests: number, responses: number, status: string, headers: object = CALL): void {
  const stream = of.harness.open().headers(headers as Record<string, string>, false);
  for (let i = 0; i < requests; i++) stream.data(message);
  stream.data("", true);
  of.terminal.respond(200, GRPC, false);
  for (let i = 0; i < responses; i++) of.terminal.data(message);
  of.terminal.sendTrailers({ "grpc-status": status });
}

const counts = (of: L7Chain, prefix: string, ...names: string[]): number[] =>
  names.map((name) => of.count(`cluster.web.grpc.${prefix}${name}`));
const ALL = ["0", "5", "success", "failure", "total", "request_message_count", "response_message_count"];

describe("calls", () => {
  it("are counted by cluster", () => {
    const all = chain();
    call(all, 1, 2, "0");
    call(all, 3, 0, "5");
    expect(counts(all, "", ...ALL)).toEqual([1, 1, 1, 1, 2, 4, 2]);
    expect(counts(all, "pkg.Echo.Say.", "total")).toEqual([0]);
  });

  it("are counted by method, where all methods are", () => {
    const all = chain({ stats_for_all_methods: true });
    call(all, 1, 1, "0");
    call(all, 1, 1, "0", { ...CALL, ":path": "/pkg.Echo/Say?query" });
    call(all, 1, 1, "0", { ...CALL, ":path": "/pkg.Echo/Shout" });
    expect(counts(all, "pkg.Echo.Say.", ...ALL)).toEqual([2, 0, 2, 0, 2, 2, 2]);
    expect(counts(all, "pkg.Echo.Shout.", "total")).toEqual([1]);
    expect(counts(all, "", "total")).toEqual([0]);
  });

  it("have services without dots, where that is asked for", () => {
    const all = chain({ stats_for_all_methods: true, replace_dots_in_grpc_service_name: true });
    call(all, 1, 1, "0");
    expect(counts(all, "pkg_Echo.Say.", "total")).toEqual([1]);
  });

  it("are counted by method where the method is listed, else by cluster", () => {
    const listed = chain({
      individual_method_stats_allowlist: { services: [{ name: "pkg.Echo", method_names: ["Say"] }] },
    });
    call(listed, 1, 1, "0");
    call(listed, 1, 1, "5", { ...CALL, ":path": "/pkg.Echo/Shout" });
    expect(counts(listed, "pkg.Echo.Say.", "total", "failure")).toEqual([1, 0]);
    expect(counts(listed, "", "total", "failure")).toEqual([1, 1]);
  });

  it("with a status that nobody knows are failures", () => {
    const all = chain();
    for (const status of ["17", "-1", "00", "ok", ""]) call(all, 0, 0, status);
    expect(counts(all, "", "failure", "total", "17", "0")).toEqual([5, 5, 0, 0]);
  });

  it("whose status is in the headers count, and so do those that the proxy answers", async () => {
    const all = chain();
    all.harness.open().headers(CALL);
    all.terminal.respond(200, { ...GRPC, "grpc-status": "5" });
    all.harness.open().headers(CALL);
    all.terminal.handle!.reply({ status: 503 });
    expect(counts(all, "", "5", "14", "failure", "total")).toEqual([1, 1, 2, 2]);
  });

  it("that are reset count in none", () => {
    const all = chain();
    all.harness.open().headers(CALL).abort();
    expect(counts(all, "", "total")).toEqual([0]);
  });

  test.each([
    [{ ...CALL, "content-type": "application/json" }],
    [{ ...CALL, "content-type": "application/grpc-web" }],
    [{ ...CALL, ":path": "/only" }],
    [{ ...CALL, ":path": "/a/b/c" }],
    [{ ...CALL, ":path": "//b" }],
    [{ ...CALL, ":path": "/a/" }],
  ])("with %j are none", (headers) => {
    const all = chain({ stats_for_all_methods: true });
    call(all, 1, 1, "0", headers);
    expect(counts(all, "", "total", "request_message_count")).toEqual([0, 0]);
  });

  it("without a cluster are not counted", () => {
    for (const entry of [null, { clusterName: "gone" }, { kind: "direct", status: 200, body: null }]) {
      const all = chain({}, entry);
      call(all, 1, 1, "0");
      expect(counts(all, "", "total")).toEqual([0]);
    }
  });

  it("of methods that clients make up do not pile up names", () => {
    const all = chain({ stats_for_all_methods: true });
    for (let i = 0; i < 1005; i++) call(all, 0, 0, "0", { ...CALL, ":path": `/made.Up/M${i}` });
    call(all, 0, 0, "0", { ...CALL, ":path": "/made.Up/M7" });
    expect(counts(all, "made.Up.", "M7.total", "M999.total", "M1000.total")).toEqual([2, 1, 0]);
    expect(counts(all, "", "total")).toEqual([5]);
  });

  it("of methods with names that are too long are counted without", () => {
    const all = chain({ stats_for_all_methods: true });
    const [long, longer] = ["m".repeat(247), "m".repeat(248)];
    for (const method of [long, longer]) call(all, 0, 0, "0", { ...CALL, ":path": `/made.Up/${method}` });
    expect(counts(all, "made.Up.", `${long}.total`, `${longer}.total`)).toEqual([1, 0]);
    expect(counts(all, "", "total")).toEqual([1]);
  });
});

describe("messages", () => {
  it("are counted in whatever pieces they come", () => {
    const all = chain();
    const stream = all.harness.open().headers(CALL, false);
    for (const char of message + message) stream.data(char);
    expect(counts(all, "", "request_message_count")).toEqual([2]);
    all.terminal.respond(200, GRPC, false).data(message + message + message, true);
    expect(counts(all, "", "response_message_count")).toEqual([3]);
  });

  it("of an answer that is no gRPC are none", () => {
    const all = chain();
    all.harness.open().headers(CALL);
    all.terminal.respond(502, { "content-type": "text/html" }, false).data("<html>", true);
    expect(counts(all, "", "response_message_count", "total")).toEqual([0, 0]);
  });
});

describe("the filter state", () => {
  const KEY = "envoy.filters.http.grpc_stats";

  it("has the numbers of messages, from the first on", () => {
    const all = chain({ emit_filter_state: true });
    const stream = all.harness.open().headers(CALL, false);
    const state = () => stream.stream.filterState.get(KEY);
    expect(state()).toBeUndefined();
    stream.data(message);
    expect(state()).toEqual({ request_message_count: 1, response_message_count: 0 });
    all.terminal.respond(200, GRPC, false).data(message + message);
    expect(state()).toEqual({ request_message_count: 1, response_message_count: 2 });
  });

  it("is not there unless it is asked for", () => {
    const all = chain();
    const stream = all.harness.open().headers(CALL, false).data(message);
    expect(stream.stream.filterState.has(KEY)).toBe(false);
  });
});

describe("the time of the upstream", () => {
  const NAME = "cluster.web.grpc.upstream_rq_time";
  const sumOf = (of: L7Chain): number => {
    const { slab, index, bounds } = of.services.stats.histogram(NAME);
    return slab[index + bounds.length + 1]!;
  };

  function timed(config: object): L7Chain {
    const all = chain(config);
    const stream = all.harness.open().headers(CALL, false);
    all.harness.advance(100);
    stream.data(message, true);
    all.harness.advance(50);
    all.terminal.respond(200, GRPC, false).data(message);
    all.harness.advance(20);
    all.terminal.sendTrailers({ "grpc-status": "0" });
    return all;
  }

  it("is from the end of the request to the end of the response", () => {
    expect(sumOf(timed({ enable_upstream_stats: true }))).toBe(70);
    expect(sumOf(timed({}))).toBe(0);
  });

  it("has no answer of the proxy in it, and no call whose request did not end", () => {
    const all = chain({ enable_upstream_stats: true });
    all.harness.open().headers(CALL);
    all.harness.advance(10);
    all.terminal.handle!.reply({ status: 503 });
    all.harness.open().headers(CALL, false);
    all.harness.advance(10);
    all.terminal.respond(200, { ...GRPC, "grpc-status": "0" });
    expect(sumOf(all)).toBe(0);
  });
});
