// What a request meets, with a Redis that the test plays; the real one: test/peers/redis-ratelimit.test.ts.
import { defineHttpFilter } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { type L7Options, L7Chain } from "../../../../test/support/l7-chain.ts";
import { SharedTable } from "../../../core/src/stats/shared-table.ts";
import type { RedisRateLimitSettings } from "./config.ts";
import { Decision, RedisRateLimitFilter } from "./filter.ts";
import { redisRateLimit } from "./index.ts";
import type { Store, Verdict, Waiting } from "./store.ts";

class PlayedStore implements Store {
  isAway = false;
  overdues = 0;
  readonly asked: { readonly keys: readonly string[]; readonly words: readonly string[]; readonly waiting: Waiting }[] =
    [];

  decide(keys: readonly string[], words: readonly string[], waiting: Waiting): boolean {
    if (this.isAway) return false;
    this.asked.push({ keys: [...keys], words, waiting });
    return true;
  }

  overdue(): void {
    this.overdues++;
  }

  close(): void {}
}

const yes: Verdict = { admits: true, remaining: 4, waitMs: 0, fullMs: 12_000 };
const no: Verdict = { admits: false, remaining: 0, waitMs: 1500, fullMs: 60_000 };
const limit = (changes: object = {}) => ({
  name: "each",
  gcra: { requests: 5, per: "60s" },
  key: [{ header: "x-client" }],
  ...changes,
});

function chainWith(changes: object = {}, options: L7Options = {}) {
  const store = new PlayedStore();
  const definition = defineHttpFilter({
    ...redisRateLimit,
    create: (settings: RedisRateLimitSettings, context) => new RedisRateLimitFilter(settings, context, store),
    newState: () => new Decision(),
  });
  const config = { redis: "redis://redis.test", limits: [limit()], ...changes };
  const shared = new SharedTable(SharedTable.allocate(64, 4 * 2 ** 20), 1);
  const chain = new L7Chain(definition, config, { services: { shared }, ...options });
  const count = (name: string) => chain.count(`http.test.${redisRateLimit.id}.${name}`);
  const ask = async (headers: Record<string, string> = {}) => chain.harness.request({ "x-client": "a", ...headers });
  return { chain, store, count, ask };
}

describe("a request", () => {
  test("waits for Redis, and goes on when all limits admit it", async () => {
    const { chain, store, count, ask } = chainWith();
    const { sent } = await ask();
    expect([sent.status, chain.terminal.requestHeaders[":path"]]).toEqual([0, undefined]);
    expect(store.asked[0]).toMatchObject({
      keys: ["sluice:default:each:=a"],
      words: ["gcra", "5", "5", "60000000", "1"],
    });
    store.asked[0]!.waiting.decided([yes]);
    chain.terminal.respond(200);
    expect([sent.status, count("ok")]).toEqual([200, 1]);
  });

  test("is refused, and told when to come again", async () => {
    const { store, count, ask } = chainWith();
    const { sent, stream } = await ask();
    store.asked[0]!.waiting.decided([no]);
    expect(sent).toMatchObject({ status: 429, body: "rate limited", headers: { "retry-after": "2" } });
    expect([stream.details, stream.flags, count("over_limit")]).toEqual(["redis_rate_limited", ["RL"], 1]);
  });

  test("of gRPC is refused with UNAVAILABLE, or RESOURCE_EXHAUSTED where that is wanted", async () => {
    for (const [changes, status] of [
      [{}, "14"],
      [{ rate_limited_as_resource_exhausted: true }, "8"],
    ] as const) {
      const { store, ask } = chainWith(changes);
      const { sent } = await ask({ "content-type": "application/grpc" });
      store.asked[0]!.waiting.decided([no]);
      expect(sent.headers["grpc-status"]).toBe(status);
    }
  });

  test("that nobody can be named for shares a bucket with all such, or is not limited", async () => {
    const { store, ask } = chainWith({
      limits: [
        limit({ key: [{ header: "x-user" }] }),
        limit({ name: "b", key: [{ header: "x-user" }], missing: "skip" }),
      ],
    });
    await ask();
    await ask({ "x-user": "u" });
    expect(store.asked.map(({ keys }) => keys)).toEqual([
      ["sluice:default:each:"],
      ["sluice:default:each:=u", "sluice:default:b:=u"],
    ]);
    const skipping = chainWith({ limits: [limit({ key: [{ header: "x-user" }], missing: "skip" })] });
    await skipping.ask();
    expect([skipping.store.asked, skipping.chain.terminal.requestHeaders["x-client"]]).toEqual([[], "a"]);
  });

  test("counts for each descriptor that Envoy's actions make of it, and for none where they make none", async () => {
    const rate_limits = [
      { actions: [{ request_headers: { header_name: "x-user", descriptor_key: "user" } }] },
      {
        actions: [
          { generic_key: { descriptor_value: "v" } },
          { request_headers: { header_name: "x-b", descriptor_key: "b" } },
        ],
      },
    ];
    const { chain, store, ask } = chainWith({
      headers: ["ratelimit"],
      limits: [limit({ key: undefined, rate_limits }), limit({ name: "last" })],
    });
    const both = await ask({ "x-user": "u", "x-b": "2" });
    store.asked[0]!.waiting.decided([{ ...yes, remaining: 3 }, { ...yes, remaining: 2 }, yes]);
    chain.terminal.respond(200);
    expect(both.sent.headers["ratelimit"]).toBe('"each";r=2;t=12, "last";r=4;t=12');
    expect(new Set(store.asked[0]!.keys).size).toBe(3);
    expect(store.asked[0]!.keys.map((key) => key.split(":")[2])).toEqual(["each", "each", "last"]);
    expect(store.asked[0]!.words).toHaveLength(15);
    await ask({ "x-user": "u" });
    expect(store.asked[1]!.keys).toEqual([store.asked[0]!.keys[0], "sluice:default:last:=a"]);
    await ask({ "x-b": "3" });
    expect(store.asked[2]!.keys[0]).not.toBe(store.asked[0]!.keys[1]);
    const none = chainWith({ limits: [limit({ key: undefined, rate_limits })] });
    await none.ask();
    expect([none.store.asked, none.chain.terminal.requestHeaders["x-client"]]).toEqual([[], "a"]);
  });

  test("whose descriptors are equal counts once, whoever decides", async () => {
    const user = { request_headers: { header_name: "x-client", descriptor_key: "user" } };
    const rate_limits = [{ actions: [user] }, { actions: [user] }];
    const { chain, store, ask } = chainWith({
      limits: [limit({ gcra: { requests: 2, per: "60s" }, key: undefined, rate_limits })],
    });
    await ask();
    expect(store.asked[0]).toMatchObject({ keys: [expect.any(String)], words: ["gcra", "2", "2", "60000000", "1"] });
    store.isAway = true;
    const seen = [];
    for (let i = 0; i < 3; i++) {
      const { sent } = await ask();
      if (sent.status === 0) chain.terminal.respond(200);
      seen.push(sent.status);
    }
    expect(seen).toEqual([200, 200, 429]);
  });

  test("that ended before Redis answered is forgotten", async () => {
    const { chain, store, count, ask } = chainWith();
    const stream = await ask();
    stream.abort();
    store.asked[0]!.waiting.decided([no]);
    chain.harness.advance(60_000);
    expect([count("ok"), count("over_limit"), count("redis_timeout"), store.overdues]).toEqual([0, 0, 0, 0]);
  });

  test("takes the limits of its route in place of the filter's", async () => {
    const route = [
      {
        limits: [
          limit({ name: "route", token_bucket: { max_tokens: 9, fill_interval: "1s" }, gcra: undefined, cost: 3 }),
        ],
      },
    ];
    const { store, ask } = chainWith({}, { route });
    await ask();
    expect(store.asked[0]).toMatchObject({
      keys: ["sluice:default:route:=a"],
      words: ["token_bucket", "9", "1", "1000000", "3"],
    });
  });

  test("tells in both dialects what is left, where it passes and where it does not", async () => {
    const { chain, store, ask } = chainWith({
      headers: ["ratelimit", "x-ratelimit"],
      limits: [limit(), limit({ name: "all" })],
    });
    const passed = await ask();
    store.asked[0]!.waiting.decided([{ ...yes, remaining: 7 }, yes]);
    chain.terminal.respond(200);
    expect(passed.sent.headers).toMatchObject({
      "ratelimit-policy": '"each";q=5;w=60, "all";q=5;w=60',
      ratelimit: '"each";r=7;t=12, "all";r=4;t=12',
      "x-ratelimit-limit": '5, 5;w=60;name="each", 5;w=60;name="all"',
      "x-ratelimit-remaining": "4",
      "x-ratelimit-reset": "12",
    });
    const refused = await ask();
    store.asked[1]!.waiting.decided([no, yes]);
    expect(refused.sent.headers).toMatchObject({
      ratelimit: '"each";r=0;t=60, "all";r=4;t=12',
      "x-ratelimit-remaining": "0",
    });
  });
});

describe("without an answer", () => {
  test("a request waits as long as the time-out says, and no longer; what comes later is nobody's", async () => {
    const { chain, store, count, ask } = chainWith({ failure_mode: "closed", timeout: "0.05s" });
    const { sent, stream } = await ask();
    chain.harness.advance(49);
    expect(sent.status).toBe(0);
    chain.harness.advance(1);
    expect([sent.status, stream.details, stream.flags]).toEqual([500, "redis_ratelimit_error", ["RLSE"]]);
    store.asked[0]!.waiting.decided([no]);
    expect([count("redis_timeout"), count("failure_mode_denied"), count("over_limit"), store.overdues]).toEqual([
      1, 1, 0, 1,
    ]);
  });

  test.each(["late", "failing", "away"])(
    "a Redis that is %s lets all pass, none, or those that this process admits",
    async (how) => {
      const outcomes: Record<string, number[]> = {};
      for (const failure_mode of ["open", "closed", "local"]) {
        const { chain, store, ask } = chainWith({
          failure_mode,
          status_on_error: { code: 503 },
          limits: [limit({ gcra: { requests: 2, per: "60s" } })],
        });
        store.isAway = how === "away";
        outcomes[failure_mode] = [];
        for (let i = 0; i < 3; i++) {
          const { sent } = await ask();
          if (how === "failing") store.asked[i]!.waiting.decided(null);
          if (how === "late") chain.harness.advance(20);
          if (sent.status === 0) chain.terminal.respond(200);
          outcomes[failure_mode].push(sent.status);
        }
      }
      expect(outcomes).toEqual({ open: [200, 200, 200], closed: [503, 503, 503], local: [200, 200, 429] });
    },
  );

  test("the local limiter admits its share of the limit, takes of all limits or of none, and tells what is left", async () => {
    const { chain, store, count, ask } = chainWith({
      headers: ["ratelimit"],
      local_fallback: { percent: 50 },
      limits: [
        limit({ gcra: { requests: 4, per: "60s" } }),
        limit({ name: "all", gcra: { requests: 6, per: "60s" }, key: [{ generic: "x" }] }),
      ],
    });
    store.isAway = true;
    const seen = [];
    for (const client of ["a", "a", "a", "a", "b", "b"]) {
      const { sent } = await ask({ "x-client": client });
      if (sent.status === 0) chain.terminal.respond(200);
      seen.push([sent.status, sent.headers["ratelimit"]]);
    }
    // Of "all" three pass: what "each" refused has taken none of it.
    expect(seen).toEqual([
      [200, '"each";r=1;t=30, "all";r=2;t=20'],
      [200, '"each";r=0;t=60, "all";r=1;t=40'],
      [429, '"each";r=0;t=60, "all";r=1;t=40'],
      [429, '"each";r=0;t=60, "all";r=1;t=40'],
      [200, '"each";r=1;t=30, "all";r=0;t=60'],
      [429, '"each";r=1;t=30, "all";r=0;t=60'],
    ]);
    expect([count("fallback"), count("redis_error")]).toEqual([6, 6]);
    chain.harness.advance(30_000);
    expect((await ask({ "x-client": "a" })).sent.status).toBe(0);
  });
});
