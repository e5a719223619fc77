import { expect, test } from "vitest";
import { networkHarness } from "@sluice/core/testing";
import { localRateLimit } from "./index.ts";

const token_bucket = { max_tokens: 1, fill_interval: "1s" };
const base = { stat_prefix: "new", token_bucket };

test.each([
  [{ token_bucket }, "stat_prefix expected the prefix"],
  [{ stat_prefix: "new" }, "token_bucket expected the bucket"],
  [{ ...base, token_bucket: { fill_interval: "1s" } }, "token_bucket.max_tokens expected at least 1"],
  [{ ...base, token_bucket: { ...token_bucket, tokens_per_fill: 0 } }, "tokens_per_fill expected at least 1"],
  [{ ...base, token_bucket: { max_tokens: 1, fill_interval: "0.049s" } }, 'fill_interval expected at least "0.05s"'],
  [{ ...base, share_key: "all" }, "share_key unknown field"],
  [{ ...base, runtime_enabled: { default_value: 1 } }, "runtime_enabled.default_value expected true or false"],
])("%j is refused: %s", async (config, message) => {
  await expect(networkHarness(localRateLimit, { config })).rejects.toThrow(message);
});
