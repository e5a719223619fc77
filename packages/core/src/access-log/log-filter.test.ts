import type { ResponseFlag } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { type ContextChanges, formatContext } from "../../../../test/support/format-context.ts";
import type { LogFilterModel } from "../config/model.ts";
import type { FormatContext } from "../formatter/context.ts";
import { FilterRuntime, RuntimeStore } from "../runtime/runtime-store.ts";
import { createLogFilter } from "./log-filter.ts";

const store = new RuntimeStore();
/** Draws 7 of every 10. */
const runtime = new FilterRuntime(store, { next: () => 0.7, below: (bound) => Math.floor(bound * 0.7) });

function passes(model: LogFilterModel, changes: ContextChanges | FormatContext = {}): boolean {
  const context = "requestHeaders" in changes ? (changes as FormatContext) : formatContext(changes as ContextChanges);
  return createLogFilter(model, runtime).passes(context);
}

const compare = (op: "eq" | "ge" | "le", value: number) => ({ op, value, runtimeKey: "" });

describe("conditions on the response", () => {
  it("compare the status: equal, at least, at most; 0 where there is none", () => {
    const status = (op: "eq" | "ge" | "le", value: number): LogFilterModel => ({
      kind: "status_code",
      comparison: compare(op, value),
    });
    expect(passes(status("eq", 200), { status: 200 })).toBe(true);
    expect(passes(status("eq", 200), { status: 201 })).toBe(false);
    expect(passes(status("ge", 500), { status: 500 })).toBe(true);
    expect(passes(status("ge", 500), { status: 499 })).toBe(false);
    expect(passes(status("le", 399), { status: 399 })).toBe(true);
    expect(passes(status("le", 399), { status: 400 })).toBe(false);
    expect(passes(status("eq", 0), { status: 0 })).toBe(true);
  });

  it("compare the duration in whole milliseconds, once there is one", () => {
    const slow: LogFilterModel = { kind: "duration", comparison: compare("ge", 42) };
    expect(passes(slow)).toBe(true);
    expect(passes({ kind: "duration", comparison: compare("ge", 43) })).toBe(false);
    expect(passes(slow, { endMs: -1 })).toBe(false);
  });

  it("ask for one of the flags, or for any", () => {
    const flags: readonly ResponseFlag[] = ["UF", "URX"];
    expect(passes({ kind: "response_flag", flags: ["NR", "URX"] }, { flags })).toBe(true);
    expect(passes({ kind: "response_flag", flags: ["NR"] }, { flags })).toBe(false);
    expect(passes({ kind: "response_flag", flags: [] }, { flags })).toBe(true);
    expect(passes({ kind: "response_flag", flags: [] }, {})).toBe(false);
  });

  it("ask for the gRPC status: from trailers, from headers, else what the HTTP status means", () => {
    const unavailable: LogFilterModel = { kind: "grpc_status", statuses: [14], exclude: false };
    expect(passes(unavailable, { trailers: { "grpc-status": "14" }, response: { "grpc-status": "0" } })).toBe(true);
    expect(passes(unavailable, { response: { "grpc-status": "14" } })).toBe(true);
    expect(passes(unavailable, { status: 503 })).toBe(true);
    expect(passes(unavailable, { status: 200 })).toBe(false);
    expect(passes({ kind: "grpc_status", statuses: [0], exclude: true }, { status: 200 })).toBe(false);
    expect(passes({ kind: "grpc_status", statuses: [2], exclude: false }, { status: 0 })).toBe(true);
  });
});

describe("conditions on the request", () => {
  it("match a header, also of what never had any", () => {
    const matcher = { kind: "string", matcher: { kind: "prefix", value: "curl/", ignoreCase: false } } as const;
    const header = { name: "user-agent", match: matcher, invert: false, treatMissingAsEmpty: false } as const;
    expect(passes({ kind: "header", header }, { request: { "user-agent": "curl/8" } })).toBe(true);
    expect(passes({ kind: "header", header }, { request: { "user-agent": "wget" } })).toBe(false);
    const refused: FormatContext = { ...formatContext(), requestHeaders: null };
    expect(passes({ kind: "header", header }, refused)).toBe(false);
  });

  it("take every stream for no health check", () => {
    expect(passes({ kind: "not_health_check" })).toBe(true);
  });

  it("see in the request id that a trace was forced", () => {
    const id = (digit: string) => ({ request: { "x-request-id": `00000000-0000-${digit}000-8000-000000000000` } });
    expect(passes({ kind: "traceable" }, id("9"))).toBe(true);
    expect(passes({ kind: "traceable" }, id("b"))).toBe(false);
    expect(passes({ kind: "traceable" }, { request: { "x-request-id": "9" } })).toBe(false);
    expect(passes({ kind: "traceable" })).toBe(false);
  });

  it("sample equal request ids alike, by the runtime key's share", () => {
    const sampled: LogFilterModel = {
      kind: "runtime",
      fraction: { key: "log.share", numerator: 50, denominator: 100 },
      independent: false,
    };
    // 0x65 = 101: the second of a hundred.
    const id = { request: { "x-request-id": "00000065-0000-4000-8000-000000000000" } };
    expect(passes(sampled, id)).toBe(true);
    expect(passes({ ...sampled, fraction: { key: "log.share", numerator: 1, denominator: 100 } }, id)).toBe(false);
    store.update({ "log.share": "1" });
    expect(passes(sampled, id)).toBe(false);
    store.update({});
    // Without an id that is a number, and where it must not matter, it is drawn.
    expect(passes(sampled, { request: { "x-request-id": "mine" } })).toBe(false);
    expect(passes({ ...sampled, independent: true }, id)).toBe(false);
  });
});

describe("conditions on what filters left", () => {
  const matcher = (value: "null" | "text"): LogFilterModel => ({
    kind: "metadata",
    matchesMissing: false,
    matcher: {
      filter: "acme",
      path: ["policy", "reason"],
      value:
        value === "null"
          ? { kind: "null" }
          : { kind: "string", matcher: { kind: "exact", value: "denied", ignoreCase: false } },
      invert: false,
    },
  });

  function withMetadata(value: Record<string, unknown> | null): FormatContext {
    const context = formatContext();
    if (value !== null) context.metadata.set("acme", value as never);
    return context;
  }

  it("match a value at a path", () => {
    expect(passes(matcher("text"), withMetadata({ policy: { reason: "denied" } }))).toBe(true);
    expect(passes(matcher("text"), withMetadata({ policy: { reason: "allowed" } }))).toBe(false);
    expect(passes(matcher("null"), withMetadata({ policy: { reason: null } }))).toBe(true);
  });

  it("say themselves what a missing value means", () => {
    for (const metadata of [null, {}, { policy: 1 }]) {
      expect(passes(matcher("text"), withMetadata(metadata))).toBe(false);
      expect(passes({ ...matcher("text"), matchesMissing: true } as LogFilterModel, withMetadata(metadata))).toBe(true);
    }
  });
});

describe("conditions on the line and on conditions", () => {
  it("ask why there is a line", () => {
    const start = formatContext({ logType: "DownstreamStart" });
    expect(passes({ kind: "log_type", types: ["DownstreamStart"], exclude: false }, start)).toBe(true);
    expect(passes({ kind: "log_type", types: ["DownstreamStart"], exclude: true }, start)).toBe(false);
    expect(passes({ kind: "log_type", types: ["DownstreamEnd"], exclude: true }, start)).toBe(true);
  });

  it("hold together, or one of them", () => {
    const ok: LogFilterModel = { kind: "status_code", comparison: compare("eq", 200) };
    const bad: LogFilterModel = { kind: "status_code", comparison: compare("eq", 500) };
    expect(passes({ kind: "and", filters: [ok, ok] })).toBe(true);
    expect(passes({ kind: "and", filters: [ok, bad] })).toBe(false);
    expect(passes({ kind: "or", filters: [bad, ok] })).toBe(true);
    expect(passes({ kind: "or", filters: [bad, bad] })).toBe(false);
  });
});
