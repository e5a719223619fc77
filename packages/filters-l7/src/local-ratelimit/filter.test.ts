import { describe, expect, it } from "vitest";
import { type L7Options, L7Chain } from "../../../../test/support/l7-chain.ts";
import { SharedTable } from "../../../core/src/stats/shared-table.ts";
import { localRateLimit } from "./index.ts";

const percent = (numerator: number, denominator = "HUNDRED") => ({ default_value: { numerator, denominator } });
const on = { filter_enabled: percent(100), filter_enforced: percent(100) };

function limit(changes: object = {}, max_tokens = 2): object {
  return {
    stat_prefix: "limit",
    token_bucket: { max_tokens, tokens_per_fill: 1, fill_interval: "1s" },
    ...on,
    ...changes,
  };
}

function counts(chain: L7Chain, prefix = "limit"): number[] {
  return ["enabled", "ok", "rate_limited", "enforced"].map((name) =>
    chain.count(`${prefix}.http_local_rate_limit.${name}`),
  );
}

async function statuses(chain: L7Chain, requests: number, headers: Record<string, string> = {}): Promise<number[]> {
  const seen: number[] = [];
  for (let i = 0; i < requests; i++) {
    const stream = await chain.harness.request(headers);
    if (stream.sent.status === 0) chain.terminal.respond(200);
    seen.push(stream.sent.status);
  }
  return seen;
}

describe("local_ratelimit", () => {
  it("answers requests for which no token is left, until the next fill", async () => {
    const chain = new L7Chain(localRateLimit, limit());
    expect(await statuses(chain, 4)).toEqual([200, 200, 429, 429]);
    chain.harness.advance(999);
    expect(await statuses(chain, 1)).toEqual([429]);
    chain.harness.advance(1);
    expect(await statuses(chain, 2)).toEqual([200, 429]);
    expect(counts(chain)).toEqual([7, 3, 4, 4]);
  });

  it("says in body, flag and details why", async () => {
    const chain = new L7Chain(localRateLimit, limit({}, 1));
    await statuses(chain, 1);
    const { sent, stream } = await chain.harness.request();
    expect(sent).toMatchObject({ status: 429, body: "local_rate_limited", ended: true });
    expect([stream.details, stream.flags]).toEqual(["local_rate_limited", ["RL"]]);
  });

  it("answers with the status and headers that it is told", async () => {
    const changes = {
      status: { code: "ServiceUnavailable" },
      response_headers_to_add: [
        { header: { key: "retry-after", value: "1" } },
        { header: { key: "x-a", value: "1" } },
        { header: { key: "x-a", value: "2" } },
        { header: { key: "x-b", value: "1" }, append_action: "OVERWRITE_IF_EXISTS" },
        { header: { key: "x-path", value: "%REQ(:PATH)%" } },
        { header: { key: "x-none", value: "%REQ(X-NONE)%" } },
      ],
    };
    const chain = new L7Chain(localRateLimit, limit(changes, 1));
    await statuses(chain, 1);
    for (const path of ["/one", "/two"]) {
      const { sent } = await chain.harness.request({ ":path": path });
      expect(sent).toMatchObject({ status: 503, headers: { "retry-after": "1", "x-a": "1, 2", "x-path": path } });
      expect(sent.headers).not.toHaveProperty("x-b");
      expect(sent.headers).not.toHaveProperty("x-none");
    }
  });

  it("answers gRPC requests with UNAVAILABLE, or RESOURCE_EXHAUSTED where that is wanted", async () => {
    const grpc = { "content-type": "application/grpc" };
    for (const [changes, status] of [
      [{}, "14"],
      [{ rate_limited_as_resource_exhausted: true }, "8"],
    ] as const) {
      const chain = new L7Chain(localRateLimit, limit(changes, 1));
      await statuses(chain, 1, grpc);
      expect((await chain.harness.request(grpc)).sent).toMatchObject({
        status: 200,
        headers: { "grpc-status": status, "grpc-message": "local_rate_limited" },
      });
    }
  });

  it("does nothing where it is not enabled", async () => {
    const chain = new L7Chain(localRateLimit, limit({ filter_enabled: undefined }, 1));
    expect(await statuses(chain, 3)).toEqual([200, 200, 200]);
    expect(counts(chain)).toEqual([0, 0, 0, 0]);
  });

  it("counts but lets pass where it is not enforced, and marks the request", async () => {
    const changes = {
      filter_enforced: percent(0),
      request_headers_to_add_when_not_enforced: [{ header: { key: "x-limited", value: "true" } }],
    };
    const chain = new L7Chain(localRateLimit, limit(changes, 1));
    expect(await statuses(chain, 1)).toEqual([200]);
    expect(chain.terminal.requestHeaders).not.toHaveProperty("x-limited");
    expect(await statuses(chain, 1)).toEqual([200]);
    expect(chain.terminal.requestHeaders["x-limited"]).toBe("true");
    expect(counts(chain)).toEqual([2, 1, 1, 0]);
  });

  it.each([
    [percent(51), 429],
    [percent(50), 200],
    [percent(5001, "TEN_THOUSAND"), 429],
    [percent(500_000, "MILLION"), 200],
    [percent(200), 429],
  ])("draws whether a request is among %j: with one half, the second gets %i", async (filter_enabled, expected) => {
    const random = { next: () => 0.5, below: (bound: number) => bound / 2 };
    const chain = new L7Chain(localRateLimit, limit({ filter_enabled }, 1), { services: { random } });
    expect(await statuses(chain, 2)).toEqual([200, expected]);
  });

  it("limits nothing without a bucket", async () => {
    const chain = new L7Chain(localRateLimit, limit({ token_bucket: undefined }));
    expect(await statuses(chain, 5)).toEqual([200, 200, 200, 200, 200]);
    expect(counts(chain)).toEqual([5, 5, 0, 0]);
  });

  it("works without a route", async () => {
    const chain = new L7Chain(localRateLimit, limit({}, 1), { route: null });
    expect(await statuses(chain, 2)).toEqual([200, 429]);
  });

  it("is not created with a header that is no format", () => {
    expect(
      () =>
        new L7Chain(localRateLimit, limit({ response_headers_to_add: [{ header: { key: "x", value: "%NOPE%" } }] })),
    ).toThrow("%NOPE%");
  });
});

describe("on routes", () => {
  const own = limit({ stat_prefix: "route" }, 1);

  it("is turned on and off by the runtime keys while it runs", async () => {
    const share = (key: string) => ({ default_value: { numerator: 0 }, runtime_key: key });
    const fractions = { filter_enabled: share("limit.enabled"), filter_enforced: share("limit.enforced") };
    const chain = new L7Chain(localRateLimit, limit(fractions, 1));
    const { runtime } = chain.services;
    const states: number[][] = [];
    const changes: Record<string, string>[] = [
      {},
      { "limit.enabled": "100" },
      { "limit.enabled": "100", "limit.enforced": "100" },
      {},
    ];
    for (const entries of changes) {
      runtime.update(entries);
      states.push([...(await statuses(chain, 1)), ...counts(chain)]);
    }
    expect(states).toEqual([
      [200, 0, 0, 0, 0],
      [200, 1, 1, 0, 0],
      [429, 2, 1, 1, 1],
      [200, 2, 1, 1, 1],
    ]);
  });

  it("a route's bucket takes the place of the filter's", async () => {
    const chain = new L7Chain(localRateLimit, limit({}, 100), { route: [own] });
    expect(await statuses(chain, 3)).toEqual([200, 429, 429]);
    expect([counts(chain, "route"), counts(chain)]).toEqual([
      [3, 1, 2, 2],
      [0, 0, 0, 0],
    ]);
  });

  it("two routes of equal configuration have a bucket each", async () => {
    const chain = new L7Chain(localRateLimit, limit({}, 100), { route: () => [own] });
    expect(await statuses(chain, 2, { ":path": "/a" })).toEqual([200, 429]);
    expect(await statuses(chain, 2, { ":path": "/b" })).toEqual([200, 429]);
  });

  it("the most specific level counts", async () => {
    const chain = new L7Chain(localRateLimit, limit({}, 100), { route: [own, limit({ stat_prefix: "route" }, 2)] });
    expect(await statuses(chain, 3)).toEqual([200, 200, 429]);
  });
});

describe("all workers together", () => {
  it("take from one bucket, of the filter and of a route", async () => {
    const memory = SharedTable.allocate(64);
    const worker = (index: number, options: L7Options = {}) =>
      new L7Chain(localRateLimit, limit({}, 3), {
        ...options,
        services: { shared: new SharedTable(memory, index), workerIndex: index },
      });
    const [one, two] = [worker(1), worker(2)];
    expect([...(await statuses(one, 2)), ...(await statuses(two, 2))]).toEqual([200, 200, 200, 429]);
    const route = [limit({ stat_prefix: "route" }, 2)];
    const [three, four] = [worker(3, { route }), worker(4, { route })];
    expect([...(await statuses(three, 1)), ...(await statuses(four, 2))]).toEqual([200, 200, 429]);
  });
});
