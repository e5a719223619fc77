import { describe, expect, it, test } from "vitest";
import { L7Chain } from "../../../../test/support/l7-chain.ts";
import { seededRandom } from "../../../core/src/testing/kit-services.ts";
import { rejectionProbability } from "./filter.ts";
import { admissionControl } from "./index.ts";

const chainOf = (config: object = {}, next: () => number = () => 0.5) =>
  new L7Chain(
    admissionControl,
    { success_criteria: {}, ...config },
    { services: { random: { next, below: (n) => next() * n } } },
  );
const counts = (chain: L7Chain): number[] =>
  ["rq_rejected", "rq_success", "rq_failure"].map((name) => chain.count(`http.test.admission_control.${name}`));

/** Statuses that clients see; upstreams answer with what is asked for. */
async function ask(chain: L7Chain, times: number, status: number): Promise<number[]> {
  const seen: number[] = [];
  for (let i = 0; i < times; i++) {
    const { sent } = await chain.harness.request();
    if (sent.status === 0) chain.terminal.respond(status);
    seen.push(sent.status);
  }
  return seen;
}

describe("the probability", () => {
  test.each([
    // requests, successes, threshold, aggression, most → probability
    [0, 0, 0.95, 1, 0.8, 0],
    [100, 100, 0.95, 1, 0.8, 0],
    [100, 95, 0.95, 1, 0.8, 0],
    [99, 0, 0.95, 1, 1, 0.99],
    [99, 0, 0.95, 1, 0.8, 0.8],
    [99, 49, 1, 1, 1, 0.5],
    [99, 49, 1, 2, 1, Math.sqrt(0.5)],
    [99, 25, 0.5, 1, 1, 0.49],
    [99, 50, 0.5, 3, 1, 0],
    // Out of range: as the nearest that is in it.
    [99, 49, 7, 1, 1, 0.5],
    [99, 49, 1, 0.2, 1, 0.5],
    [99, 1, 0, 1, 1, 0],
  ])("of %i requests with %i successes, threshold %d, aggression %d, at most %d: %d", (n, s, t, a, most, expected) => {
    expect(rejectionProbability(n, s, t, a, most)).toBeCloseTo(expected, 12);
  });
});

describe("admission_control", () => {
  it("refuses requests while too many failed, and says so", async () => {
    const chain = chainOf({ max_rejection_probability: { default_value: { value: 100 } } });
    // 0/1, 1/2: not above one half; then 2/3.
    expect(await ask(chain, 4, 500)).toEqual([500, 500, 503, 503]);
    expect(counts(chain)).toEqual([2, 0, 2]);
    const { sent, stream } = await chain.harness.request();
    expect(sent).toMatchObject({ status: 503, body: "", ended: true });
    expect(stream.details).toBe("denied_by_admission_control");
  });

  it("lets go on when what failed is older than the window", async () => {
    const chain = chainOf({ sampling_window: "10s" });
    expect(await ask(chain, 3, 500)).toEqual([500, 500, 503]);
    chain.harness.advance(9990);
    expect(await ask(chain, 1, 200)).toEqual([503]);
    chain.harness.advance(10);
    expect(await ask(chain, 3, 200)).toEqual([200, 200, 200]);
  });

  it("refuses as large a share as it should, whatever the load: two minutes with half of it failing", async () => {
    const random = seededRandom(7);
    const chain = chainOf({ aggression: { default_value: 1 } }, () => random.next());
    let refused = 0;
    let asked = 0;
    for (let second = 0; second < 120; second++) {
      for (let i = 0; i < 20; i++) {
        const { sent } = await chain.harness.request();
        if (sent.status === 0) chain.terminal.respond(random.next() < 0.5 ? 200 : 500);
        else if (second >= 30) refused++;
        if (second >= 30) asked++;
      }
      chain.harness.advance(1000);
    }
    // 1 - 0.5 / 0.95 = 0.474; the deviation of 1800 draws is 0.012, and that of the window's own rate comes to it.
    expect(refused / asked).toBeGreaterThan(0.474 - 0.06);
    expect(refused / asked).toBeLessThan(0.474 + 0.06);
  });

  it("refuses nothing at the threshold, and nothing where few requests come", async () => {
    const never = chainOf({ sr_threshold: { default_value: { value: 50 } } }, () => 0);
    await ask(never, 1, 200);
    for (let i = 0; i < 20; i++)
      expect([...(await ask(never, 1, 500)), ...(await ask(never, 1, 200))]).toEqual([500, 200]);
    const few = chainOf({ rps_threshold: { default_value: 3 } }, () => 0);
    expect(await ask(few, 4, 500)).toEqual([500, 500, 500, 503]);
  });

  it("never refuses a larger share than it may", async () => {
    const chain = chainOf({ max_rejection_probability: { default_value: { value: 20 } } }, () => 0.2);
    expect(await ask(chain, 30, 500)).not.toContain(503);
    const other = chainOf({ max_rejection_probability: { default_value: { value: 20 } } }, () => 0.1999);
    expect(await ask(other, 30, 500)).toContain(503);
  });

  test.each([
    [{}, 499, true],
    [{}, 500, false],
    [{ http_criteria: { http_success_status: [{ start: 200, end: 300 }] } }, 299, true],
    [{ http_criteria: { http_success_status: [{ start: 200, end: 300 }] } }, 300, false],
    [
      {
        http_criteria: {
          http_success_status: [
            { start: 200, end: 201 },
            { start: 404, end: 405 },
          ],
        },
      },
      404,
      true,
    ],
  ])("with %j the status %i is a success: %s", async (success_criteria, status, isSuccess) => {
    const chain = chainOf({ success_criteria });
    await ask(chain, 1, status);
    expect(counts(chain)).toEqual([0, isSuccess ? 1 : 0, isSuccess ? 0 : 1]);
  });

  const grpc = { "content-type": "application/grpc" };
  test.each([
    [{}, "0", true],
    [{}, "2", true],
    [{}, "14", false],
    [{}, "99", false],
    [{ grpc_criteria: { grpc_success_status: [14] } }, "14", true],
    [{ grpc_criteria: { grpc_success_status: [14] } }, "0", false],
  ])(
    "with %j the gRPC status %s is a success: %s, in trailers and in headers",
    async (success_criteria, code, isSuccess) => {
      const chain = chainOf({ success_criteria });
      const expected = [0, isSuccess ? 1 : 0, isSuccess ? 0 : 1];
      await chain.harness.request(grpc);
      chain.terminal.respond(200, grpc, false);
      expect(counts(chain)).toEqual([0, 0, 0]);
      chain.terminal.sendTrailers({ "grpc-status": code });
      expect(counts(chain)).toEqual(expected);
      const other = chainOf({ success_criteria });
      await other.harness.request(grpc);
      other.terminal.respond(200, { ...grpc, "grpc-status": code });
      expect(counts(other)).toEqual(expected);
    },
  );

  it("counts a gRPC call without a status as failed, and neither what clients gave up", async () => {
    const chain = chainOf();
    await chain.harness.request(grpc);
    chain.terminal.respond(200, grpc, false).data("x", true);
    expect(counts(chain)).toEqual([0, 0, 1]);
    (await chain.harness.request(grpc)).abort();
    const second = await chain.harness.request(grpc);
    chain.terminal.respond(200, grpc, false);
    second.abort();
    expect(counts(chain)).toEqual([0, 0, 1]);
  });

  it("is told by the runtime", async () => {
    const chain = chainOf(
      {
        enabled: { default_value: true, runtime_key: "a.on" },
        sr_threshold: { default_value: { value: 95 }, runtime_key: "a.sr" },
        aggression: { default_value: 1, runtime_key: "a.aggression" },
        rps_threshold: { default_value: 0, runtime_key: "a.rps" },
        max_rejection_probability: { default_value: { value: 80 }, runtime_key: "a.most" },
      },
      () => 0.7,
    );
    const { runtime } = chain.services;
    expect(await ask(chain, 4, 500)).toEqual([500, 500, 500, 503]);
    runtime.update({ "a.on": "false" });
    expect(await ask(chain, 1, 500)).toEqual([500]);
    expect(counts(chain)).toEqual([1, 0, 3]);
    runtime.update({ "a.rps": "100" });
    expect(await ask(chain, 1, 500)).toEqual([500]);
    runtime.update({ "a.most": "60" });
    expect(await ask(chain, 1, 500)).toEqual([500]);
    runtime.update({});
    expect(await ask(chain, 1, 500)).toEqual([503]);
  });
});
