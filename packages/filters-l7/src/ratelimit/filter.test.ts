import type { JsonValue } from "@bufbuild/protobuf";
import { fakeCluster, httpHarness, type FakeCluster, type HttpFilterHarness } from "@sluice/core/testing";
import { defineHttpFilter, GrpcError, parsedBy } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { type Asked, readAsked, SHOULD_RATE_LIMIT, writeAnswer } from "../../../../test/support/rate-limit-service.ts";
import { rateLimit } from "./index.ts";

const user = { request_headers: { header_name: "x-user", descriptor_key: "user" } };
const service = { grpc_service: { envoy_grpc: { cluster_name: "limits" } }, transport_api_version: "V3" };
const OK = { overallCode: "OK" };
const OVER = { overallCode: "OVER_LIMIT" };
const CONNECTION_HEADERS = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "upgrade",
  "http2-settings",
  "te",
  "trailer",
  "expect",
];
const NO_CLUSTERS: readonly string[] = [];

interface WorldOptions {
  readonly config?: object;
  readonly route?: object;
  readonly without?: readonly string[];
  /** Filter state that a filter in front of it leaves. */
  readonly state?: Record<string, unknown>;
  readonly metadata?: Record<string, unknown>;
  /** The client counts as internal. */
  readonly isInternal?: boolean;
}

class World {
  readonly asked: Asked[] = [];
  /** What the filter left for others. */
  metadata: unknown;
  readonly upstream = fakeCluster({ respond: () => ({ body: "ok" }) });
  readonly limits: FakeCluster;
  harness!: HttpFilterHarness;

  constructor(answer: JsonValue | ((delay: (ms: number) => Promise<void>) => Promise<JsonValue> | JsonValue)) {
    this.limits = fakeCluster({
      grpc: {
        [SHOULD_RATE_LIMIT]: async (call) => {
          for await (const bytes of call.requests) this.asked.push(readAsked(bytes));
          return writeAnswer(typeof answer === "function" ? await answer((ms) => call.delay(ms)) : answer);
        },
      },
    });
  }

  async start({
    config = {},
    route = {},
    without = NO_CLUSTERS,
    state,
    metadata,
    isInternal = false,
  }: WorldOptions = {}): Promise<this> {
    const clusters: Record<string, FakeCluster> = { upstream: this.upstream, limits: this.limits };
    for (const name of without) delete clusters[name];
    const before = defineHttpFilter({
      id: "test.before",
      maturity: "alpha",
      security: "unknown",
      config: parsedBy(() => ({})),
      create: () => ({
        onRequestHeaders(headers, _end, stream) {
          if (isInternal) headers.set("x-envoy-internal", "true");
          for (const [key, value] of Object.entries(state ?? {})) stream.filterState.set(key, value);
          if (metadata !== undefined) stream.metadata.set("test", metadata);
        },
        onStreamComplete: (_info, stream) => void (this.metadata = stream.metadata.get("envoy.filters.http.ratelimit")),
      }),
    });
    const setup = {
      config: { domain: "shop", rate_limit_service: service, ...config },
      routeConfig: { rate_limits: [{ actions: [user] }], ...route },
    };
    this.harness = await httpHarness([before, [rateLimit, setup]], { clusters });
    return this;
  }

  request(headers: Record<string, string> = { "x-user": "ann" }) {
    return this.harness.request({ headers });
  }

  counts(cluster = "upstream"): number[] {
    return ["ok", "over_limit", "error", "failure_mode_allowed"].map((name) =>
      this.harness.rootStat(`cluster.${cluster}.ratelimit.${name}`),
    );
  }
}

describe("ratelimit", () => {
  it("asks for the descriptors of a request, and lets it pass", async () => {
    const world = await new World(OK).start();
    const response = await world.request();
    expect([response.status, response.body]).toEqual([200, "ok"]);
    expect(world.asked).toEqual([{ domain: "shop", descriptors: [{ entries: [{ key: "user", value: "ann" }] }] }]);
    expect(world.counts()).toEqual([1, 0, 0, 0]);
  });

  it("asks nothing where there is no descriptor", async () => {
    const world = await new World(OVER).start();
    expect((await world.request({})).status).toBe(200);
    expect(world.asked).toEqual([]);
  });

  it("refuses what is over the limit, and says so", async () => {
    const world = await new World({
      ...OVER,
      rawBody: Buffer.from('{"why":"limit"}').toString("base64"),
      responseHeadersToAdd: [
        { key: "Content-Type", value: "application/json" },
        { key: "x-why", value: "limit" },
        { key: "bad name", value: "x" },
        { key: "x-bad", value: "a\r\nb: c" },
        { key: "content-length", value: "1" },
      ],
    }).start({ config: { response_headers_to_add: [{ header: { key: "x-told", value: "%REQ(X-USER)%" } }] } });
    const response = await world.request();
    expect([response.status, response.body, response.details, response.flags, response.upstream]).toEqual([
      429,
      '{"why":"limit"}',
      "request_rate_limited",
      ["RL"],
      null,
    ]);
    expect(response.headers).toMatchObject({
      "content-type": "application/json",
      "x-why": "limit",
      "x-envoy-ratelimited": "true",
      "x-told": "ann",
    });
    expect(Object.keys(response.headers)).not.toContain("x-bad");
    expect(response.headers["content-length"]).not.toBe("1");
    expect(world.counts()).toEqual([0, 1, 0, 0]);
  });

  it("answers with the status that it is told, and without the mark", async () => {
    const config = { rate_limited_status: { code: "ServiceUnavailable" }, disable_x_envoy_ratelimited_header: true };
    const world = await new World(OVER).start({ config });
    const response = await world.request();
    expect([response.status, response.headers["x-envoy-ratelimited"]]).toEqual([503, undefined]);
  });

  it.each([
    [{}, "14"],
    [{ rate_limited_as_resource_exhausted: true }, "8"],
  ])("answers gRPC requests, with %j: status %s", async (config, status) => {
    const world = await new World(OVER).start({ config });
    const response = await world.request({ "x-user": "ann", "content-type": "application/grpc" });
    expect([response.status, response.headers["grpc-status"]]).toEqual([200, status]);
  });

  it("tells gRPC clients no more of the service's body than goes into a header", async () => {
    const world = await new World({ ...OVER, rawBody: Buffer.alloc(1_000_000, "%").toString("base64") }).start();
    const response = await world.request({ "x-user": "ann", "content-type": "application/grpc" });
    expect(response.headers["grpc-message"]).toBe("%25".repeat(2048));
  });

  it("hands headers and metadata of the service on", async () => {
    const world = await new World({
      ...OK,
      requestHeadersToAdd: [
        { key: "x-plan", value: "gold" },
        { key: ":path", value: "/evil" },
        { key: "host", value: "evil" },
        ...CONNECTION_HEADERS.map((key) => ({ key, value: "evil" })),
      ],
      responseHeadersToAdd: [
        { key: "x-left", value: "3" },
        ...CONNECTION_HEADERS.map((key) => ({ key, value: "evil" })),
      ],
      dynamicMetadata: { plan: "gold", nested: { n: 1, list: [true, null] } },
    }).start();
    const response = await world.request();
    expect(response.upstream?.headers).toMatchObject({ "x-plan": "gold" });
    expect([response.upstream?.path, response.upstream?.authority]).not.toContain("evil");
    expect(response.headers["x-left"]).toBe("3");
    for (const name of CONNECTION_HEADERS) {
      expect(response.upstream?.headers[name], name).not.toBe("evil");
      expect(response.headers[name], name).not.toBe("evil");
    }
    expect(world.metadata).toEqual({ plan: "gold", nested: { n: 1, list: [true, null] } });
  });

  it("tells what is left, of the limit that has least, with all windows", async () => {
    const status = (name: string, requestsPerUnit: number, unit: string, left: number, reset: string) => ({
      code: "OK",
      currentLimit: { name, requestsPerUnit, unit },
      limitRemaining: left,
      durationUntilReset: reset,
    });
    const statuses = [
      { code: "OK" },
      status("per-hour", 1000, "HOUR", 999, "3000s"),
      status('a"b', 10, "MINUTE", 4, "12.5s"),
      status("", 5, "UNKNOWN", 5, "1s"),
    ];
    const world = await new World({ ...OK, statuses }).start({
      config: { enable_x_ratelimit_headers: "DRAFT_VERSION_03" },
    });
    expect((await world.request()).headers).toMatchObject({
      "x-ratelimit-limit": '10, 1000;w=3600;name="per-hour", 10;w=60',
      "x-ratelimit-remaining": "4",
      "x-ratelimit-reset": "12",
    });
  });

  it("sends limits of the request's own and the hits that it counts as", async () => {
    const limit = { dynamic_metadata: { metadata_key: { key: "test", path: [{ key: "limit" }] } } };
    const world = await new World(OK).start({
      route: { rate_limits: [{ actions: [user], limit }], domain: "other" },
      metadata: { limit: { requests_per_unit: 42, unit: "HOUR" } },
      state: { "envoy.ratelimit.hits_addend": 7 },
    });
    await world.request();
    const descriptor = { entries: [{ key: "user", value: "ann" }], limit: { requests_per_unit: 42, unit: "HOUR" } };
    expect(world.asked).toEqual([{ domain: "other", descriptors: [descriptor], hits_addend: 7 }]);
  });

  it("writes header values as the text that they are", async () => {
    const world = await new World(OK).start();
    await world.request({ "x-user": Buffer.from("zoë €").toString("latin1") });
    await world.request({ "x-user": "\xff" });
    expect(world.asked.map(({ descriptors }) => descriptors[0]?.entries[0]?.value)).toEqual(["zoë €", "\xff"]);
  });

  it.each([
    ["internal", undefined, 0],
    ["internal", "true", 1],
    ["external", undefined, 1],
    ["external", "true", 0],
    ["both", "true", 1],
  ])("looks at %s requests; x-envoy-internal %s: %i", async (request_type, internal, calls) => {
    const world = await new World(OK).start({ config: { request_type }, isInternal: internal === "true" });
    await world.request();
    expect(world.asked).toHaveLength(calls);
  });

  it("is turned off, and left without consequence, by runtime keys", async () => {
    const world = await new World(OVER).start();
    world.harness.setRuntime({ "ratelimit.http_filter_enforcing": 0 });
    const response = await world.request();
    expect([response.status, response.headers["x-envoy-ratelimited"], world.counts()]).toEqual([
      200,
      "true",
      [0, 1, 0, 0],
    ]);
    world.harness.setRuntime({ "ratelimit.http_filter_enabled": 0 });
    await world.request();
    expect(world.asked).toHaveLength(1);
  });

  it("asks for nothing by policies that a runtime key turns off", async () => {
    const world = await new World(OK).start({ route: { rate_limits: [{ actions: [user], disable_key: "users" }] } });
    await world.request();
    world.harness.setRuntime({ "ratelimit.users.http_filter_enabled": 0 });
    await world.request();
    expect(world.asked).toHaveLength(1);
  });
});

describe("a service that gives no answer", () => {
  const failures: ReadonlyArray<readonly [string, JsonValue | (() => Promise<JsonValue>), WorldOptions]> = [
    ["an error", () => Promise.reject(new GrpcError(13, "broken")), {}],
    ["a code that says nothing", {}, {}],
    ["no cluster", OK, { without: ["limits"] }],
  ];

  it.each(failures)("%s: requests pass, unless that is not wanted", async (_name, answer, options) => {
    for (const [config, expected, flags, counts] of [
      [{}, 200, [], [0, 0, 1, 1]],
      [{ failure_mode_deny: true }, 500, ["RLSE"], [0, 0, 1, 0]],
      [{ failure_mode_deny: true, status_on_error: { code: "ServiceUnavailable" } }, 503, ["RLSE"], [0, 0, 1, 0]],
    ] as const) {
      const world = await new World(answer).start({ ...options, config });
      const response = await world.request();
      expect([response.status, response.flags, world.counts()]).toEqual([expected, flags, counts]);
      if (expected !== 200) expect(response.details).toBe("rate_limiter_error");
    }
  });

  it("in time is not waited for", async () => {
    const slow = new World(async (delay) => {
      await delay(21);
      return OVER;
    });
    const world = await slow.start();
    const before = world.harness.now;
    expect((await world.request()).status).toBe(200);
    expect(world.harness.now - before).toBeLessThan(21);
    expect(world.counts()).toEqual([0, 0, 1, 1]);
  });

  it("is not missed by a client that is gone: the call is given up, and counts as no failure", async () => {
    const answer = Promise.withResolvers<JsonValue>();
    const world = await new World(() => answer.promise).start({ config: { failure_mode_deny: true, timeout: "0s" } });
    const exchange = world.harness.open().headers({ headers: { "x-user": "ann" } });
    await world.harness.settle();
    expect(world.asked).toHaveLength(1);
    exchange.abort();
    await world.harness.settle();
    answer.resolve(OVER);
    await world.harness.settle();
    expect([exchange.over, world.counts()]).toEqual([true, [0, 0, 0, 0]]);
  });

  it("has the time that it is given", async () => {
    const slow = new World(async (delay) => {
      await delay(30);
      return OVER;
    });
    expect((await (await slow.start({ config: { timeout: "0.05s" } })).request()).status).toBe(429);
  });
});
