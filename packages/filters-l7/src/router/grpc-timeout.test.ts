import { describe, expect, it, test } from "vitest";
import { world } from "../../../../test/support/router-world.ts";
import { RequestHeaderMap, field } from "../../../core/src/http/headers/header-map.ts";
import type { RouteEntry } from "../../../core/src/http/route/types.ts";
import { grpcDeadline, setGrpcDeadline } from "./grpc-timeout.ts";

const GRPC = { "content-type": "application/grpc" };

function withTimeout(text: string): RequestHeaderMap {
  return new RequestHeaderMap("POST", "/", "a", "http", [field("grpc-timeout", text)]);
}

describe("grpc-timeout", () => {
  test.each([
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3000],
    ["4m", 4],
    ["1500u", 2],
    ["1n", 1],
    ["0m", 0],
    ["99999999H", 99_999_999 * 3_600_000],
  ])("%s is %d ms", (text, ms) => {
    expect(grpcDeadline(withTimeout(text))).toBe(ms);
  });

  test.each(["", "1", "m", "-1m", "1.5S", "123456789m", "1 m", "1s", "1mm"])("%j is none", (text) => {
    expect(grpcDeadline(withTimeout(text))).toBe(-1);
  });

  test.each([
    [0, "0m"],
    [1, "1m"],
    [99_999_999, "99999999m"],
    [100_000_000, "100000S"],
    [99_999_999_001, "1666667M"],
  ])("%d ms is written %s", (ms, text) => {
    const headers = withTimeout("1m");
    setGrpcDeadline(headers, ms);
    expect(headers.get("grpc-timeout")).toBe(text);
  });
});

describe("max_grpc_timeout", () => {
  const entry = { timeoutMs: 1000, grpcTimeout: { maxMs: 500, offsetMs: 20 } } as Partial<RouteEntry>;

  test.each([
    ["300m", 280],
    ["20m", 20],
    ["9S", 500],
    ["0m", 500],
    ["", 500],
  ])("makes %j of a gRPC client a time-out of %d ms, and tells the upstream", async (asked, ms) => {
    const { harness, clusters } = world({ entry });
    await harness.request({ ...GRPC, ...(asked === "" ? {} : { "grpc-timeout": asked }) });
    const { headers } = clusters.last;
    expect([headers!.get("x-envoy-expected-rq-timeout-ms"), headers!.get("grpc-timeout")]).toEqual([
      String(ms),
      `${ms}m`,
    ]);
  });

  it("of 0 takes what the client says, without end where it says nothing", async () => {
    const { harness, clusters } = world({ entry: { ...entry, grpcTimeout: { maxMs: 0, offsetMs: 0 } } as never });
    await harness.request({ ...GRPC, "grpc-timeout": "3S" });
    expect(clusters.last.headers!.get("x-envoy-expected-rq-timeout-ms")).toBe("3000");
    await harness.request(GRPC);
    expect(clusters.last.headers!.has("x-envoy-expected-rq-timeout-ms")).toBe(false);
  });

  it("changes nothing for other requests", async () => {
    const { harness, clusters } = world({ entry });
    await harness.request({ "grpc-timeout": "300m" });
    const { headers } = clusters.last;
    expect([headers!.get("x-envoy-expected-rq-timeout-ms"), headers!.get("grpc-timeout")]).toEqual(["1000", "300m"]);
  });
});

describe("grpc_timeout_header_max", () => {
  function bounded(maxMs: number, offsetMs = 0, maxStreamDurationMs = -1) {
    return world({ entry: { maxStreamDurationMs, grpcTimeoutHeader: { maxMs, offsetMs } } as Partial<RouteEntry> });
  }

  test.each([
    ["200m", 500, 0, "200m", 200],
    ["9S", 500, 0, "500m", 500],
    ["9S", 500, 100, "400m", 400],
    ["300m", 0, 0, "300m", 300],
    // Nothing is left: it is over at once.
    ["50m", 500, 100, "0m", 1],
  ])("lets %s last, at most %d ms less %d ms", async (asked, max, offset, told, ms) => {
    const { harness, clusters } = bounded(max, offset);
    const client = await harness.request({ ...GRPC, "grpc-timeout": asked });
    expect(clusters.last.headers!.get("grpc-timeout")).toBe(told);
    if (ms > 20) harness.advance(ms - 20);
    expect(client.stream.over).toBe(false);
    harness.advance(40);
    expect(client.stream.details).toBe("max_duration_timeout");
  });

  it("leaves a request without a deadline to the longest duration", async () => {
    const { harness, clusters } = bounded(100, 0, 300);
    const client = await harness.request(GRPC);
    expect(clusters.last.headers!.get("grpc-timeout")).toBe("300m");
    harness.advance(280);
    expect(client.stream.over).toBe(false);
    harness.advance(40);
    expect(client.stream.details).toBe("max_duration_timeout");
  });
});
