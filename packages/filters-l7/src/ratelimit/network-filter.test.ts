import type { JsonValue } from "@bufbuild/protobuf";
import { fakeCluster, networkHarness } from "@sluice/core/testing";
import { GrpcError } from "@sluice/sdk";
import { describe, expect, it, test } from "vitest";
import { type Asked, readAsked, SHOULD_RATE_LIMIT, writeAnswer } from "../../../../test/support/rate-limit-service.ts";
import { networkRateLimit } from "./index.ts";

const base = {
  stat_prefix: "new",
  domain: "edge",
  descriptors: [{ entries: [{ key: "address", value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" }] }],
  rate_limit_service: { grpc_service: { envoy_grpc: { cluster_name: "limits" } }, transport_api_version: "V3" },
};
const OK = { overallCode: "OK" };
const OVER = { overallCode: "OVER_LIMIT" };

async function world(answer: JsonValue | Error, changes: object = {}, delayMs = 0) {
  const asked: Asked[] = [];
  const limits = fakeCluster({
    grpc: {
      [SHOULD_RATE_LIMIT]: async (call) => {
        for await (const bytes of call.requests) asked.push(readAsked(bytes));
        if (delayMs > 0) await call.delay(delayMs);
        if (answer instanceof Error) throw answer;
        return writeAnswer(answer);
      },
    },
  });
  const harness = await networkHarness(networkRateLimit, { config: { ...base, ...changes }, clusters: { limits } });
  const counts = () =>
    ["total", "ok", "over_limit", "error", "failure_mode_allowed", "cx_closed", "active"].map((name) =>
      harness.rootStat(`ratelimit.new.${name}`),
    );
  return { harness, asked, counts };
}

describe("a connection", () => {
  it("waits for the answer, and then goes on", async () => {
    const { harness, asked, counts } = await world(OK, {}, 10);
    const client = harness.connect();
    client.send("hello");
    await harness.settle();
    expect([asked.length, counts()]).toEqual([1, [1, 0, 0, 0, 0, 0, 1]]);
    expect(() => client.upstream).toThrow();
    await harness.advance(10);
    expect(client.upstream.received).toBe("hello");
    expect(asked).toEqual([{ domain: "edge", descriptors: [{ entries: [{ key: "address", value: "192.0.2.1" }] }] }]);
    expect(counts()).toEqual([1, 1, 0, 0, 0, 0, 0]);
  });

  it("beyond the limit is closed, unless that is turned off", async () => {
    const { harness, counts } = await world(OVER);
    const client = harness.connect();
    await harness.settle();
    expect([client.closedBy, counts()]).toEqual(["now", [1, 0, 1, 0, 0, 1, 0]]);
    harness.setRuntime({ "ratelimit.tcp_filter_enforcing": 0 });
    const other = harness.connect();
    await harness.settle();
    expect([other.closedBy, counts()]).toEqual(["", [2, 0, 2, 0, 0, 1, 0]]);
    harness.setRuntime({ "ratelimit.tcp_filter_enabled": 0 });
    harness.connect();
    expect(counts()[0]).toBe(2);
  });

  it.each([
    [false, "", [1, 0, 0, 1, 1, 0, 0]],
    [true, "now", [1, 0, 0, 1, 0, 1, 0]],
  ])("without an answer, failure_mode_deny %s: %j", async (failure_mode_deny, closedBy, expected) => {
    const { harness, counts } = await world(new GrpcError(14, "gone"), { failure_mode_deny });
    const client = harness.connect();
    await harness.settle();
    expect([client.closedBy, counts()]).toEqual([closedBy, expected]);
  });

  it("that is gone gives the call up", async () => {
    const { harness, counts } = await world(OK, { failure_mode_deny: true }, 10);
    harness.connect().reset();
    await harness.settle();
    // It counts as asked for, and as no failure of the service.
    expect(counts()).toEqual([1, 0, 0, 0, 0, 0, 0]);
  });
});

test("limits of descriptors are sent", async () => {
  const limit = { requests_per_unit: 5, unit: "MINUTE" };
  const { harness, asked } = await world(OK, { descriptors: [{ entries: [{ key: "a", value: "b" }], limit }] });
  harness.connect();
  await harness.settle();
  expect(asked[0]?.descriptors).toEqual([{ entries: [{ key: "a", value: "b" }], limit }]);
});

test.each([
  [{ stat_prefix: "" }, "stat_prefix expected"],
  [{ domain: "" }, "domain expected"],
  [{ descriptors: [] }, "descriptors expected at least one"],
  [{ descriptors: [{ entries: [] }] }, "entries expected at least one entry"],
  [{ descriptors: [{ entries: [{ key: "a", value: "" }] }] }, "value expected a text"],
  [{ descriptors: [{ entries: [{ key: "a", value: "%NOPE%" }] }] }, "%NOPE%"],
  [{ descriptors: [{ entries: [{ key: "a", value: "b" }], limit: { unit: "WEEK" } }] }, "unit expected one of SECOND"],
])("%j is refused: %s", async (changes, message) => {
  await expect(networkHarness(networkRateLimit, { config: { ...base, ...changes } })).rejects.toThrow(message);
});
