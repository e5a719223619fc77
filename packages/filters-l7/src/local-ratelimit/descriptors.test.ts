import type { RateLimitAction, RateLimitPolicy, RouteRateLimits } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { type L7Options, L7Chain } from "../../../../test/support/l7-chain.ts";
import { SharedTable } from "../../../core/src/stats/shared-table.ts";
import { localRateLimit } from "./index.ts";

const all = { default_value: { numerator: 100 } };
const bucket = (max_tokens: number, fill_interval = "1s") => ({ max_tokens, fill_interval });

function limit(changes: object): object {
  return { stat_prefix: "limit", filter_enabled: all, filter_enforced: all, ...changes };
}

const user: RateLimitAction = { kind: "request_headers", key: "user", header: "x-user", skipIfAbsent: false };

function policy(actions: readonly RateLimitAction[], changes: Partial<RateLimitPolicy> = {}): RateLimitPolicy {
  return { stage: 0, disableKey: "", actions, limit: null, ...changes };
}

function limitsOf(changes: Partial<RouteRateLimits>): L7Options {
  const rateLimits = { policies: [], ofVirtualHost: [], includesVirtualHost: false, metadata: {}, ...changes };
  return { entry: { rateLimits } as never };
}

async function statuses(chain: L7Chain, ...users: string[]): Promise<number[]> {
  const seen: number[] = [];
  for (const name of users) {
    const stream = await chain.harness.request(name === "" ? {} : { "x-user": name });
    if (stream.sent.status === 0) chain.terminal.respond(200);
    seen.push(stream.sent.status);
  }
  return seen;
}

const alice = { entries: [{ key: "user", value: "alice" }], token_bucket: bucket(1) };
const anyone = { entries: [{ key: "user" }], token_bucket: bucket(2) };

describe("descriptors", () => {
  it("have a bucket each, and what has none takes of the one for all", async () => {
    const chain = new L7Chain(
      localRateLimit,
      limit({ token_bucket: bucket(4), descriptors: [alice] }),
      limitsOf({ policies: [policy([user])] }),
    );
    // Alice's second request is refused by her own bucket before the one for all loses a token.
    expect(await statuses(chain, "alice", "alice", "bob", "", "bob", "bob")).toEqual([200, 429, 200, 200, 200, 429]);
  });

  it("alone are taken of where the bucket for all is left to the rest", async () => {
    const chain = new L7Chain(
      localRateLimit,
      limit({ token_bucket: bucket(1), descriptors: [alice], always_consume_default_token_bucket: false }),
      limitsOf({ policies: [policy([user])] }),
    );
    expect(await statuses(chain, "alice", "bob", "bob")).toEqual([200, 200, 429]);
  });

  it("match as a whole, entry by entry in their order", async () => {
    const two = {
      entries: [
        { key: "user", value: "alice" },
        { key: "generic_key", value: "a" },
      ],
      token_bucket: bucket(1),
    };
    const generic: RateLimitAction = { kind: "generic_key", key: "generic_key", value: "a" };
    for (const [actions, second] of [
      [[user, generic], 429],
      [[generic, user], 200],
      [[user], 200],
    ] as const) {
      const chain = new L7Chain(
        localRateLimit,
        limit({ descriptors: [two] }),
        limitsOf({ policies: [policy(actions)] }),
      );
      expect(await statuses(chain, "alice", "alice")).toEqual([200, second]);
    }
  });

  it("with an open value have a bucket for each value, and the exact ones come first", async () => {
    const chain = new L7Chain(
      localRateLimit,
      limit({ descriptors: [anyone, alice], max_dynamic_descriptors: 100 }),
      limitsOf({ policies: [policy([user])] }),
    );
    expect(await statuses(chain, "bob", "carol", "bob", "bob", "carol", "carol", "alice", "alice")).toEqual([
      200, 200, 200, 429, 200, 429, 200, 429,
    ]);
  });

  it("are made by the policies of the filter where it has any", async () => {
    const rate_limits = [{ actions: [{ request_headers: { header_name: "x-user", descriptor_key: "user" } }] }];
    for (const stage of [0, 1]) {
      const chain = new L7Chain(localRateLimit, limit({ descriptors: [alice], rate_limits, stage }));
      expect(await statuses(chain, "alice", "alice", "bob")).toEqual([200, 429, 200]);
    }
  });

  it("of another stage, or with a key that turns them off, are none", async () => {
    for (const changes of [{ stage: 1 }, { disableKey: "off" }]) {
      const chain = new L7Chain(
        localRateLimit,
        limit({ descriptors: [alice] }),
        limitsOf({ policies: [policy([user], changes)] }),
      );
      expect(await statuses(chain, "alice", "alice")).toEqual([200, 200]);
    }
    const staged = new L7Chain(
      localRateLimit,
      limit({ descriptors: [alice], stage: 1 }),
      limitsOf({ policies: [policy([user], { stage: 1 })] }),
    );
    expect(await statuses(staged, "alice", "alice")).toEqual([200, 429]);
  });

  const generic: RateLimitAction = { kind: "generic_key", key: "user", value: "other" };
  it.each([
    ["OVERRIDE", [], false, 429],
    ["OVERRIDE", [policy([generic])], false, 200],
    ["OVERRIDE", [policy([generic])], true, 429],
    ["INCLUDE", [policy([generic])], false, 429],
    ["IGNORE", [], false, 200],
  ] as const)(
    "of the virtual host, with %s, route's %j, include %s: %i",
    async (option, policies, include, expected) => {
      const chain = new L7Chain(
        localRateLimit,
        limit({ descriptors: [alice], vh_rate_limits: option }),
        limitsOf({ policies, ofVirtualHost: [policy([user])], includesVirtualHost: include }),
      );
      expect(await statuses(chain, "alice", "alice")).toEqual([200, expected]);
    },
  );

  it("are shared by all workers, exact and open ones", async () => {
    const memory = SharedTable.allocate(256);
    const workers = [1, 2, 3].map(
      (index) =>
        new L7Chain(localRateLimit, limit({ descriptors: [anyone, alice], max_dynamic_descriptors: 100 }), {
          ...limitsOf({ policies: [policy([user])] }),
          services: { shared: new SharedTable(memory, index), workerIndex: index },
        }),
    );
    const seen: number[] = [];
    for (const worker of workers) seen.push(...(await statuses(worker, "alice", "bob")));
    expect(seen).toEqual([200, 200, 429, 200, 429, 429]);
  });
});

describe("answers that tell of limits", () => {
  const told = (headers: Record<string, unknown>) =>
    ["limit", "remaining", "reset"].map((name) => headers[`x-ratelimit-${name}`]);

  it("tell of the bucket that has least left, or refused", async () => {
    const changes = {
      enable_x_ratelimit_headers: "DRAFT_VERSION_03",
      token_bucket: bucket(10, "60s"),
      descriptors: [{ ...alice, token_bucket: bucket(2, "30s") }],
    };
    const chain = new L7Chain(localRateLimit, limit(changes), limitsOf({ policies: [policy([user])] }));
    const seen: unknown[] = [];
    for (const name of ["bob", "alice", "alice", "alice"]) {
      const stream = await chain.harness.request({ "x-user": name });
      if (stream.sent.status === 0) chain.terminal.respond(200);
      seen.push([stream.sent.status, ...told(stream.sent.headers)]);
      chain.harness.advance(1000);
    }
    expect(seen).toEqual([
      [200, "10", "9", "60"],
      [200, "2", "1", "29"],
      [200, "2", "0", "28"],
      [429, "2", "0", "27"],
    ]);
  });

  it("tell of the least of several descriptors' buckets, too, and of none where a request meets none", async () => {
    const group: RateLimitAction = { kind: "generic_key", key: "group", value: "staff" };
    const changes = {
      enable_x_ratelimit_headers: "DRAFT_VERSION_03",
      descriptors: [
        // The slower one is the first to be taken of, and has more left.
        { entries: [{ key: "group", value: "staff" }], token_bucket: bucket(50, "3600s") },
        { ...alice, token_bucket: bucket(3, "30s") },
      ],
    };
    const policies = [policy([group]), policy([user])];
    const chain = new L7Chain(localRateLimit, limit(changes), limitsOf({ policies }));
    const stream = await chain.harness.request({ "x-user": "alice" });
    chain.terminal.respond(200);
    expect(told(stream.sent.headers)).toEqual(["3", "2", "30"]);
    const none = new L7Chain(localRateLimit, limit(changes));
    const other = await none.harness.request({ "x-user": "alice" });
    none.terminal.respond(200);
    expect(told(other.sent.headers)).toEqual([undefined, undefined, undefined]);
  });

  it("tell nothing unless they are asked to", async () => {
    const chain = new L7Chain(localRateLimit, limit({ token_bucket: bucket(1) }));
    const stream = await chain.harness.request();
    chain.terminal.respond(200);
    expect(told(stream.sent.headers)).toEqual([undefined, undefined, undefined]);
  });
});
