import { describe, expect, it, test } from "vitest";
import { L7Chain, type L7Options } from "../../../../test/support/l7-chain.ts";
import { adaptiveConcurrency } from "./index.ts";

function chainOf(filter: object = {}, options: L7Options = {}): L7Chain {
  const gradient_controller_config = {
    concurrency_limit_params: { concurrency_update_interval: "0.1s" },
    min_rtt_calc_params: { interval: "60s", min_concurrency: 1, request_count: 2 },
  };
  return new L7Chain(adaptiveConcurrency, { gradient_controller_config, ...filter }, options);
}
const blocked = (chain: L7Chain): number =>
  chain.count("http.test.adaptive_concurrency.gradient_controller.rq_blocked");
const measures = (chain: L7Chain): number =>
  chain.services.gaugeValue("http.test.adaptive_concurrency.gradient_controller.min_rtt_calculation_active");

describe("adaptive_concurrency", () => {
  it("answers requests beyond the limit, until one of those before has its response", async () => {
    const chain = chainOf();
    await chain.harness.request();
    const { sent, stream } = await chain.harness.request();
    expect(sent).toMatchObject({ status: 503, body: "reached concurrency limit", ended: true });
    expect([stream.details, blocked(chain)]).toEqual(["reached_concurrency_limit", 1]);
  });

  test.each([
    ["headers alone", (chain: L7Chain) => chain.terminal.respond(200)],
    ["a body", (chain: L7Chain) => chain.terminal.respond(200, {}, false).data("a").data("b", true)],
    ["trailers", (chain: L7Chain) => chain.terminal.respond(200, {}, false).data("a").sendTrailers({ "x-t": "1" })],
  ])("takes the time of responses with %s", async (_name, respond) => {
    const chain = chainOf();
    for (let i = 0; i < 2; i++) {
      expect(measures(chain)).toBe(1);
      await chain.harness.request();
      chain.harness.advance(30);
      respond(chain);
      await chain.harness.settle();
    }
    expect([measures(chain), blocked(chain)]).toEqual([0, 0]);
    const least = chain.services.gaugeValue("http.test.adaptive_concurrency.gradient_controller.min_rtt_msecs");
    expect(least).toBeGreaterThanOrEqual(30);
    expect(least).toBeLessThanOrEqual(31);
  });

  it("takes no sample of what clients gave up, and lets others go on", async () => {
    const chain = chainOf();
    for (let i = 0; i < 5; i++) {
      const client = await chain.harness.request();
      if (i % 2 === 1) chain.terminal.respond(200, {}, false);
      client.abort();
    }
    expect([measures(chain), blocked(chain)]).toEqual([1, 0]);
  });

  it("counts a request for a tunnel until the tunnel stands", async () => {
    const upgrades = [{ type: "websocket", enabled: true }];
    const chain = chainOf({}, { harness: { hcm: { upgrades } } });
    const upgrade = { upgrade: "websocket", connection: "upgrade" };
    for (let i = 0; i < 3; i++) {
      await chain.harness.request(upgrade);
      chain.terminal.respond(101, { upgrade: "websocket" }, false);
    }
    expect([blocked(chain), measures(chain)]).toEqual([0, 1]);
    // Whoever only says that he wants one is no exception.
    await chain.harness.request(upgrade);
    expect((await chain.harness.request(upgrade)).sent.status).toBe(503);
  });

  it("answers with the status that it is told", async () => {
    const chain = chainOf({ concurrency_limit_exceeded_status: { code: "TooManyRequests" } });
    await chain.harness.request();
    expect((await chain.harness.request()).sent.status).toBe(429);
  });

  it("is turned off by the runtime", async () => {
    const chain = chainOf({ enabled: { default_value: true, runtime_key: "a.on" } });
    await chain.harness.request();
    expect((await chain.harness.request()).sent.status).toBe(503);
    chain.services.runtime.update({ "a.on": "false" });
    expect((await chain.harness.request()).sent.status).toBe(0);
  });
});
