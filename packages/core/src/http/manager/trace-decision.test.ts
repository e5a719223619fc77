import { describe, expect, it } from "vitest";
import type { RequestIdPackingModel, TracingModel } from "../../config/model.ts";
import { FilterRuntime, RuntimeStore } from "../../runtime/runtime-store.ts";
import { HttpHarness, ScriptedTerminal } from "../../testing/http-harness.ts";
import { RequestHeaderMap, field } from "../headers/header-map.ts";
import { TraceDecision } from "./trace-decision.ts";
import { TraceReason } from "./trace-reason.ts";

const share = (key: string, percent: number) => ({ key, numerator: percent * 100, denominator: 10_000 }) as const;
const PACKING: RequestIdPackingModel = { packTraceReason: true, useForTraceSampling: true };

function tracing(client: number, random: number, overall: number): TracingModel {
  return {
    clientSampling: share("tracing.client_enabled", client),
    randomSampling: share("tracing.random_sampling", random),
    overallSampling: share("tracing.global_enabled", overall),
    verbose: false,
    maxPathTagLength: 256,
    spawnUpstreamSpan: false,
    customTags: [],
  };
}

/** 0x1388 = 5000: in the middle of ten thousand. */
const id = (digit: string) => `00001388-0000-${digit}abc-8def-000000000000`;

function decide(model: TracingModel, headers: Record<string, string>, packing = PACKING, store = new RuntimeStore()) {
  const fields = Object.entries(headers).map(([name, value]) => field(name, value));
  const map = new RequestHeaderMap("GET", "/", "a", "http", fields);
  const decision = new TraceDecision(model, packing, new FilterRuntime(store, { next: () => 0, below: () => 0 }));
  return { reason: decision.decide(map), id: map.get("x-request-id") };
}

describe("whether a request is traced", () => {
  it("is sampled by its id, alike everywhere, and told in it", () => {
    expect(decide(tracing(100, 50, 100), { "x-request-id": id("4") })).toEqual({
      reason: TraceReason.none,
      id: id("4"),
    });
    expect(decide(tracing(100, 51, 100), { "x-request-id": id("4") })).toEqual({
      reason: TraceReason.sampled,
      id: id("b"),
    });
  });

  it("may be asked for by clients and forced by one's own", () => {
    const client = { "x-request-id": id("4"), "x-client-trace-id": "1" };
    expect(decide(tracing(100, 0, 100), client)).toEqual({ reason: TraceReason.client, id: id("a") });
    expect(decide(tracing(0, 0, 100), client)).toEqual({ reason: TraceReason.none, id: id("4") });
    const forced = { "x-request-id": id("4"), "x-envoy-force-trace": "true" };
    expect(decide(tracing(0, 0, 100), forced)).toEqual({ reason: TraceReason.forced, id: id("9") });
  });

  it("is what a proxy before has said, and never more than the share of all", () => {
    for (const digit of ["9", "a", "b"])
      expect(decide(tracing(0, 0, 100), { "x-request-id": id(digit) }).id).toBe(id(digit));
    expect(decide(tracing(0, 0, 50), { "x-request-id": id("9") })).toEqual({ reason: TraceReason.none, id: id("4") });
  });

  it("depends on runtime keys", () => {
    const store = new RuntimeStore();
    store.update({ "tracing.random_sampling": "100" });
    expect(decide(tracing(0, 0, 100), { "x-request-id": id("4") }, PACKING, store).reason).toBe(TraceReason.sampled);
  });

  it("is not told where ids are not to be changed, nor read from what is no UUID", () => {
    const unpacked = { ...PACKING, packTraceReason: false };
    expect(decide(tracing(0, 100, 100), { "x-request-id": id("4") }, unpacked)).toEqual({
      reason: TraceReason.sampled,
      id: id("4"),
    });
    expect(decide(tracing(100, 100, 100), { "x-request-id": "mine" })).toEqual({
      reason: TraceReason.none,
      id: "mine",
    });
    expect(decide(tracing(100, 100, 100), {})).toEqual({ reason: TraceReason.none, id: undefined });
    const unused = { ...PACKING, useForTraceSampling: false };
    expect(decide(tracing(0, 0, 0), { "x-request-id": id("4") }, unused).reason).toBe(TraceReason.sampled);
  });

  it("stands in the id that upstreams and, where it was forced, clients get", async () => {
    const terminal = new ScriptedTerminal();
    const hcm = { tracing: tracing(0, 0, 100), internalCidrs: ["10.0.0.0/8"] };
    const harness = new HttpHarness([terminal.filter], { hcm });
    const { sent } = await harness.request({ "x-forwarded-for": "10.0.0.1", "x-envoy-force-trace": "1" });
    terminal.respond(200);
    expect(terminal.requestHeaders["x-request-id"]![14]).toBe("9");
    expect(sent.headers["x-request-id"]).toBe(terminal.requestHeaders["x-request-id"]);
  });
});
