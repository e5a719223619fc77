import { describe, expect, test } from "vitest";
import { Registry } from "../../../core/src/registry/registry.ts";
import { judged } from "../../../../test/support/l7-chain.ts";
import { fault } from "./index.ts";

function parse(config: object): unknown {
  const registry = new Registry();
  registry.add(fault, "test");
  return judged(registry, fault.id, "config", config);
}

describe("fault's configuration", () => {
  test("has Envoy's defaults", () => {
    expect(parse({})).toMatchObject({
      delay: null,
      abort: null,
      rate: null,
      maxActiveFaults: -1,
      countsByCluster: true,
      keys: { delayPercent: "fault.http.delay.fixed_delay_percent", maxActiveFaults: "fault.http.max_active_faults" },
    });
    expect(
      parse({ delay: { fixed_delay: "1.5s" }, response_rate_limit: { fixed_limit: { limit_kbps: "64" } } }),
    ).toMatchObject({
      delay: { fixedMs: 1500, share: { numerator: 0, denominator: 100 } },
      rate: { kbps: 64 },
    });
  });

  test.each([
    [{ delay: {} }, /delay\.fixed_delay: expected one of fixed_delay, header_delay/],
    [{ delay: { fixed_delay: "0s" } }, /more than 0s/],
    [{ abort: { http_status: 99 } }, /abort\.http_status: expected a whole number from 200 to 599/],
    [{ abort: { http_status: 500, header_abort: {} } }, /abort\.header_abort: expected one of/],
    [{ response_rate_limit: { fixed_limit: { limit_kbps: 0 } } }, /limit_kbps: expected a whole number from 1/],
    [{ headers: [{ exact_match: "a" }] }, /headers\.0\.name: expected the name of a header/],
    [{ delay: { fixed_delay: "1s", percentage: { denominator: "TEN" } } }, /expected one of HUNDRED/],
    [{ downstream_nodes: [1] }, /expected a list of texts/],
    [{ delays: {} }, /unknown field delays/],
  ])("refuses %j", (config, message) => {
    expect(() => parse(config)).toThrow(message);
  });
});
