import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { redisRateLimit } from "./index.ts";

const limit = { name: "each", gcra: { requests: 100, per: "60s" }, key: [{ header: "X-Client" }] };
const base = { redis: "redis://redis.test", limits: [limit] };
const of = (config: unknown): unknown => settingsOf(redisRateLimit, "config", config);
const limited = (changes: object): object => ({ ...base, limits: [{ ...limit, ...changes }] });
const policy = { actions: [{ remote_address: {} }] };
const byPolicies = (rate_limits: readonly unknown[], changes: object = {}): object =>
  limited({ key: undefined, rate_limits, ...changes });
const bucket = { max_tokens: 10, fill_interval: "1s" };

describe("configuration", () => {
  it("needs Redis and a limit, and has defaults for the rest", () => {
    expect(of(base)).toEqual({
      redis: {
        nodes: [{ host: "redis.test", port: 6379 }],
        socketPath: "",
        isCluster: false,
        database: 0,
        username: "",
        password: "",
        passwordFile: "",
        tls: null,
        connectTimeoutMs: 1000,
      },
      domain: "default",
      limits: [
        {
          name: "each",
          algorithm: "gcra",
          size: 100,
          tokensPerFill: 100,
          fillIntervalMs: 60_000,
          cost: 1,
          key: [{ kind: "header", name: "x-client" }],
          policies: null,
          missing: "shared",
        },
      ],
      timeoutMs: 20,
      failureMode: "local",
      fallback: { maxKeys: 10_000, percent: 100 },
      status: 429,
      statusOnError: 500,
      headers: [],
      asResourceExhausted: false,
    });
  });

  it("reads both algorithms", () => {
    expect(of(limited({ gcra: { requests: 10, per: "1s", burst: 3 }, cost: 2 }))).toMatchObject({
      limits: [{ algorithm: "gcra", size: 3, tokensPerFill: 10, fillIntervalMs: 1000, cost: 2 }],
    });
    expect(of(limited({ gcra: undefined, token_bucket: { ...bucket, tokens_per_fill: 5 } }))).toMatchObject({
      limits: [{ algorithm: "token_bucket", size: 10, tokensPerFill: 5, fillIntervalMs: 1000 }],
    });
  });

  test.each([
    [
      "redis://me:p%40ss@[::1]:6380/3",
      { nodes: [{ host: "::1", port: 6380 }], username: "me", password: "p@ss", database: 3 },
    ],
    ["rediss://redis.test", { tls: { caFile: "", certFile: "", keyFile: "", serverName: "" } }],
    ["unix:///run/redis%20one.sock", { nodes: [], socketPath: "/run/redis one.sock" }],
    [
      { url: "redis://a:1", password_file: "/run/secret", connect_timeout: "0.5s", database: 2 },
      { passwordFile: "/run/secret", connectTimeoutMs: 500, database: 2 },
    ],
    [
      { cluster: ["a:1", "[::1]:2"], username: "me", password: "p", tls: { ca_file: "ca.pem" } },
      {
        nodes: [
          { host: "a", port: 1 },
          { host: "::1", port: 2 },
        ],
        isCluster: true,
        username: "me",
        password: "p",
        tls: { caFile: "ca.pem" },
      },
    ],
  ])("reaches Redis by %j", (redis, expected) => {
    expect(of({ ...base, redis })).toMatchObject({ redis: expected });
  });

  test.each([
    [{ limits: [limit] }, "redis: expected redis://host:port, rediss://host:port or unix:///path"],
    [{ ...base, redis: "redis.test:6379" }, "redis: expected redis://"],
    [{ ...base, redis: "http://redis.test" }, "redis: expected redis://"],
    [{ ...base, redis: "unix://host/path" }, "redis: expected redis://"],
    [{ ...base, redis: "redis://a/x" }, "redis: expected the number of a database"],
    [{ ...base, redis: "redis://a?family=6" }, "redis: expected a URL without a query"],
    [{ ...base, redis: {} }, "redis.url: expected url or cluster"],
    [{ ...base, redis: { url: "redis://a", cluster: ["a:1"] } }, "redis.url: expected url or cluster"],
    [{ ...base, redis: { url: "redis://a", sentinels: [] } }, "redis.sentinels: unknown field sentinels"],
    [{ ...base, redis: { cluster: [] } }, "redis.cluster: expected a list of nodes: host:port"],
    [{ ...base, redis: { cluster: ["redis://a:1"] } }, "redis.cluster: expected a list of nodes: host:port"],
    [{ ...base, redis: { cluster: ["a:1"], database: 1 } }, "redis.database: a cluster has one database alone"],
    [{ ...base, redis: { url: "redis://:x@a", password_file: "f" } }, "redis.password_file: there is a password, too"],
    [{ ...base, redis: { url: "redis://a", username: "me" } }, "redis.username: expected a password, too"],
    [{ ...base, redis: { url: "unix:///a", tls: {} } }, "redis.tls: a Unix socket speaks no TLS"],
    [
      { ...base, redis: { url: "rediss://a", tls: { cert_file: "c" } } },
      "redis.tls.cert_file: expected cert_file and key_file together",
    ],
    [{ ...base, redis: { url: "redis://a", connect_timeout: "0s" } }, "redis.connect_timeout: expected 0.01s to 60s"],
    [{ ...base, domain: "a b" }, "domain: expected 1 to 64 letters"],
    [{ ...base, timeout: "0s" }, "timeout: expected 0.001s to 10s"],
    [{ ...base, failure_mode: "ajar" }, "failure_mode: expected one of local, open, closed"],
    [{ ...base, failure_mode: "open", local_fallback: {} }, "local_fallback: failure_mode is open, which needs none"],
    [{ ...base, local_fallback: { percent: 0 } }, "local_fallback.percent: expected a whole number from 1 to 100"],
    [{ ...base, headers: ["x-rate"] }, "headers: expected a list of ratelimit, x-ratelimit"],
    [{ redis: "redis://a" }, "limits: expected a list of 1 to 16 limits"],
    [{ ...base, limits: [limit, limit] }, "limits.1.name: another limit has the name each"],
    [limited({ name: "a:b" }), "limits.0.name: expected 1 to 64 letters"],
    [limited({ token_bucket: bucket }), "limits.0.gcra: expected gcra or token_bucket"],
    [limited({ gcra: undefined }), "limits.0.gcra: expected gcra or token_bucket"],
    [limited({ gcra: { per: "1s" } }), "limits.0.gcra.requests: expected a whole number from 1"],
    [limited({ gcra: { requests: 1 } }), "limits.0.gcra.per: expected 0.001s to 366 days"],
    [
      limited({ gcra: { requests: 2000, per: "0.001s" } }),
      "limits.0.gcra.requests: expected at most one request for each microsecond",
    ],
    [limited({ cost: 101 }), "limits.0.cost: expected at most 100: no request would ever pass"],
    [limited({ key: [] }), "limits.0.key: expected a list with one or more of header"],
    [limited({ key: [{}] }), "limits.0.key.0.header: expected one of header"],
    [limited({ key: [{ header: "a", generic: "b" }] }), "limits.0.key.0.header: expected one of header"],
    [limited({ key: [{ cookie: "a" }] }), "limits.0.key.0.cookie: unknown field cookie"],
    [limited({ key: [{ header: "a b" }] }), "limits.0.key.0.header: expected the name of a header"],
    [
      limited({ key: [{ certificate: "serial" }] }),
      "limits.0.key.0.certificate: expected one of uri_san, dns_san, subject",
    ],
    [limited({ key: [{ metadata: { namespace: "jwt" } }] }), "limits.0.key.0.metadata.path: expected a list of keys"],
    [limited({ key: [{ metadata: { path: ["a"] } }] }), "limits.0.key.0.metadata.namespace: expected the namespace"],
    [
      limited({ key: [{ remote_address: { ipv4_prefix: 33 } }] }),
      "limits.0.key.0.remote_address.ipv4_prefix: expected a whole number from 1 to 32",
    ],
    [limited({ key: [{ route: false }] }), "limits.0.key.0.route: expected true"],
    [limited({ rate_limits: [policy] }), "limits.0.key: rate_limits tell whom the limit is for"],
    [byPolicies([policy], { missing: "skip" }), "limits.0.missing: rate_limits tell whom the limit is for"],
    [byPolicies([]), "limits.0.rate_limits: expected a list of 1 to 16 policies"],
    [byPolicies([{ ...policy, stage: 1 }]), "limits.0.rate_limits.0.stage: expected 0"],
    [
      byPolicies([{ ...policy, limit: { dynamic_metadata: { metadata_key: { key: "a", path: [{ key: "b" }] } } } }]),
      "limits.0.rate_limits.0.limit: expected none",
    ],
    [byPolicies([{ actions: [{ extension: {} }] }]), "limits.0.rate_limits.0.actions.0"],
    [limited({ missing: "deny" }), "limits.0.missing: expected one of shared, skip"],
  ] as ReadonlyArray<[unknown, string]>)("%j is refused: %s", (config, message) => {
    expect(() => of(config)).toThrow(message);
  });

  it("of a route is its limits", () => {
    expect(settingsOf(redisRateLimit, "routeConfig", { limits: [limit] })).toMatchObject({
      limits: [{ name: "each" }],
    });
    expect(() => settingsOf(redisRateLimit, "routeConfig", { limits: [limit], redis: "redis://a" })).toThrow(
      "redis: unknown field redis",
    );
  });
});
