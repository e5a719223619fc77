import { listenerHarness, networkHarness } from "@sluice/core/testing";
import { expect, test } from "vitest";
import { listenerLocalRateLimit, localRateLimit } from "./index.ts";

const config = { stat_prefix: "new", token_bucket: { max_tokens: 2, fill_interval: "1s" } };

test("network: connections beyond the bucket are closed until the next fill", async () => {
  const harness = await networkHarness(localRateLimit, { config });
  const closed = () => harness.connect().closedBy;
  expect([closed(), closed(), closed()]).toEqual(["", "", "now"]);
  await harness.advance(1000);
  expect([closed(), closed()]).toEqual(["", "now"]);
  expect(harness.rootStat("local_rate_limit.new.rate_limited")).toBe(2);
});

test("network: what a client sends goes on", async () => {
  const harness = await networkHarness(localRateLimit, { config });
  const client = harness.connect();
  client.send("hello");
  expect(client.upstream.received).toBe("hello");
});

test("listener: connections beyond the bucket are closed before anything is read", async () => {
  const harness = await listenerHarness(listenerLocalRateLimit, { config });
  const closed = () => harness.connect().closedBy;
  expect([closed(), closed(), closed()]).toEqual(["", "", "now"]);
  expect(harness.rootStat("listener_local_ratelimit.new.rate_limited")).toBe(1);
});

test.each([
  [{ default_value: false }, {}, ""],
  [{ default_value: false, runtime_key: "limit" }, { limit: true }, "now"],
  [{ runtime_key: "limit" }, { limit: false }, ""],
  [{ runtime_key: "limit" }, {}, "now"],
])("runtime_enabled %j with %j: %j", async (runtime_enabled, runtime, expected) => {
  const harness = await networkHarness(localRateLimit, { config: { ...config, runtime_enabled } });
  harness.setRuntime(runtime);
  harness.connect();
  harness.connect();
  expect(harness.connect().closedBy).toBe(expected);
});
