// `sluice explain` and `/explain`: what they say is what the proxy does.
import fc from "fast-check";
import { defineHttpFilter, metadataKey } from "@sluice/sdk";
import { z } from "zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../packages/core/src/cli/program.ts";
import type { RouteMatchModel } from "../../packages/core/src/config/model.ts";
import { loadConfig } from "../../packages/core/src/config/index.ts";
import { type Explanation, explain, ExplainError } from "../../packages/core/src/explain/explain.ts";
import { describeFailure } from "../../packages/core/src/explain/describe-match.ts";
import type { RequestDescription } from "../../packages/core/src/explain/explained-request.ts";
import { formatExplanation } from "../../packages/core/src/explain/format-explanation.ts";
import { builtinRegistry } from "../config/support/filters.ts";
import { send } from "../support/http-request.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { ANY_PORT, type RunningProxy, startProxy } from "../support/proxy.ts";
import {
  facts,
  forward,
  headerMatch,
  request as headersOf,
  route,
  routeConfig,
  text,
  virtualHost,
  weighted,
} from "../support/route-model.ts";
import { buildRouteTable } from "../../packages/core/src/http/route/build-route-table.ts";

const identity = metadataKey("acme.identity");
const gate = defineHttpFilter({
  id: "acme.http.gate",
  maturity: "beta",
  security: "untrusted-downstream",
  phase: "authn",
  before: ["envoy.filters.http.buffer"],
  provides: [identity],
  config: z.object({ header: z.string().default("x-api-key"), password: z.string() }),
  routeConfig: z.object({ header: z.string(), strict: z.boolean().default(true) }),
  create: () => ({}),
});

const YAML = `
listeners:
  - name: web
    address: 127.0.0.1:8080
    http:
      normalize_path: true
      filters:
        - acme.http.gate: { password: hunter2 }
        - buffer: { max_request_bytes: 1000 }
          disabled: true
          on_error: continue
      virtual_hosts:
        - name: api
          domains: [api.example.com, "*.api.example.com"]
          filters: { acme.http.gate: { header: x-host-key } }
          routes:
            - { path: /ping, method: POST, respond: 204 }
            - { prefix: /v1, headers: { x-version: "1" }, query: { q: true }, cluster: one }
            - name: split
              prefix: /v1
              filters: { acme.http.gate: { header: x-route-key, strict: false }, buffer: true }
              clusters:
                - { name: one, weight: 30, filters: { acme.http.gate: { header: x-one } } }
                - { name: two, weight: 90 }
            - { regex: "/old/.*", redirect: { host: new.example.com, status: 308 } }
        - { name: secure, domains: secure.example.com, require_tls: true, routes: [{ prefix: /, cluster: one }] }
  - { name: raw, address: "127.0.0.1:8081", tcp: one }
clusters: { one: "127.0.0.1:1", two: "127.0.0.1:2" }
`;

async function ask(request: Partial<RequestDescription>, yaml = YAML): Promise<Explanation> {
  const registry = builtinRegistry();
  registry.add(gate, "test");
  const { config, problems } = await loadConfig({ text: yaml, name: "proxy.yaml" }, { registry });
  expect(problems.format()).toBe("");
  const [found, ...others] = explain(config!, registry, {
    method: "GET",
    host: "api.example.com",
    path: "/",
    headers: [],
    ...request,
  });
  expect(others).toEqual([]);
  return found!;
}

describe("the route", () => {
  test("is named with all that were passed over and the first condition that each failed", async () => {
    const found = await ask({ path: "/v1/x?p=2", headers: [["X-Version", "1"]] });
    expect(found.virtualHost).toMatchObject({ name: "api", place: { position: "proxy.yaml:13:11" } });
    expect(found.passedOver.map(({ failed }) => failed)).toEqual([
      'the path "/v1/x" does not match: path "/ping"',
      "query q present: the request has none",
    ]);
    expect(found.passedOver[0]).toMatchObject({ index: 0, place: { position: "proxy.yaml:17:15" } });
    expect(found.route).toMatchObject({ index: 2, name: "split", match: 'prefix "/v1"' });
    expect(found.outcome).toEqual({
      kind: "forward",
      clusters: [
        { name: "one", weight: 30, percent: 25 },
        { name: "two", weight: 90, percent: 75 },
      ],
    });
  });

  test("is found for the request as the connection manager leaves it", async () => {
    const found = await ask({ path: "/x/../ping", method: "POST" });
    expect(found.request.path).toBe("/ping");
    expect(found.outcome).toEqual({ kind: "respond", status: 204 });
    const other = await ask({ path: "/ping" });
    expect(other.passedOver[0]!.failed).toBe('header :method exact "POST": the request has "GET"');
    expect((await ask({ path: "/%00" })).answered).toEqual({ status: 400, details: "path_normalization_failed" });
  });

  test("may be a redirect, with its target, or none", async () => {
    expect((await ask({ path: "/old/a?b" })).outcome).toEqual({
      kind: "redirect",
      status: 308,
      location: "http://new.example.com/old/a?b",
    });
    const plain = await ask({ host: "secure.example.com", path: "/a" });
    expect(plain.outcome).toEqual({ kind: "redirect", status: 301, location: "https://secure.example.com/a" });
    expect(plain.route).toBeNull();
    expect((await ask({ path: "/none" })).outcome).toEqual({ kind: "none", status: 404 });
    expect((await ask({ host: "other.example.com" })).virtualHost).toBeNull();
  });
});

describe("filters", () => {
  test("are told with defaults, declarations and every level that configures them, and without secrets", async () => {
    const { filters } = await ask({ path: "/v1/x" });
    expect(filters.map(({ name, enabled }) => [name, enabled])).toEqual([
      ["acme.http.gate", true],
      ["envoy.filters.http.buffer", true],
      ["envoy.filters.http.router", true],
    ]);
    const [first, second] = filters;
    expect(first).toMatchObject({
      runtime: "inline",
      config: { password: "[redacted]" },
      settings: { header: "x-api-key", password: "[redacted]" },
      declares: {
        maturity: "beta",
        phase: "authn",
        before: ["envoy.filters.http.buffer"],
        provides: ["acme.identity"],
      },
      place: { position: "proxy.yaml:8:27" },
    });
    expect(first!.routeConfig).toMatchObject([
      { level: 'virtual host "api"', cluster: null, settings: { header: "x-host-key", strict: true } },
      {
        level: 'route "split"',
        settings: { header: "x-route-key", strict: false },
        place: { position: "proxy.yaml:21:42" },
      },
      { level: 'weighted cluster "one"', cluster: "one", settings: { header: "x-one", strict: true } },
    ]);
    expect(second).toMatchObject({ onError: "continue", routeConfig: [{ disabled: false, config: null }] });
  });

  test("are off where the chain has them so and no level turns them on", async () => {
    const { filters } = await ask({ path: "/ping", method: "POST" });
    expect(filters[1]).toMatchObject({ name: "envoy.filters.http.buffer", enabled: false, routeConfig: [] });
  });

  test("stand in the text with their places, the overriding level marked", async () => {
    const written = formatExplanation(await ask({ path: "/v1/x" }));
    expect(written).toContain("listener web on 127.0.0.1:8080  proxy.yaml:3:5");
    expect(written).toContain('    taken: route 2 "split": prefix "/v1"  proxy.yaml:19:15');
    expect(written).toContain("forwarded to one of cluster one (25 %), cluster two (75 %)");
    expect(written).toMatch(/virtual host "api": overridden .*\n.*route "split": in force .*proxy\.yaml:21:42/);
    expect(written).toContain("2 envoy.filters.http.buffer [on_error: continue]");
    expect(written).toMatch(
      /declares maturity beta, .*phase authn, before \[envoy\.filters\.http\.buffer\].*provides \[acme\.identity\]/,
    );
    expect(written).not.toContain("hunter2");
  });
});

describe("questions without an answer", () => {
  test.each([
    ["wbe", 'there is no listener "wbe"; did you mean "web"?'],
    ["raw", 'listener "raw" does not speak HTTP'],
  ])("listener %s", async (name, message) => {
    const registry = builtinRegistry();
    registry.add(gate, "test");
    const { config } = await loadConfig({ text: YAML, name: "proxy.yaml" }, { registry });
    const request = { method: "GET", host: "x", path: "/", headers: [] };
    expect(() => explain(config!, registry, request, name)).toThrow(new ExplainError(message));
  });

  test("a header that is none", async () => {
    await expect(ask({ headers: [["a b", "c"]] })).rejects.toThrow(ExplainError);
  });
});

test("whatever the routes, the one that is explained is the one that is matched", () => {
  const segment = fc.constantFrom("/", "/a", "/a/b", "/A", "/b", "/ab");
  const path: fc.Arbitrary<RouteMatchModel["path"]> = fc.oneof(
    fc.record({ kind: fc.constantFrom("prefix" as const, "exact" as const), value: segment }),
    fc.record({ kind: fc.constantFrom("separated_prefix" as const, "regex" as const), value: segment }),
    fc.record({ kind: fc.constant("template" as const), value: fc.constantFrom("/a/*", "/{x=**}", "/a") }),
    fc.constant({ kind: "connect" as const }),
  );
  const rare: fc.Arbitrary<NonNullable<RouteMatchModel["rare"]>> = fc.record({
    runtimeFraction: fc.constantFrom(null, { key: "k", numerator: 0, denominator: 100 } as const),
    cookies: fc.constantFrom([], [{ name: "a", matcher: text("exact", "1"), invert: false }]),
    tls: fc.constantFrom(null, { presented: true, validated: null }),
    metadata: fc.constantFrom([], [{ filter: "f", path: ["a"], value: { kind: "null" as const }, invert: false }]),
    filterState: fc.constantFrom([], [{ key: "k", match: { kind: "string" as const, matcher: text("exact", "1") } }]),
  });
  const header = fc
    .tuple(fc.constantFrom("x", "content-type"), fc.boolean())
    .map(([name, invert]) => headerMatch(name, { kind: "string", matcher: text("exact", "1") }, { invert }));
  const query = fc.record({
    name: fc.constantFrom("q", "r"),
    match: fc.constant({ kind: "present" as const, present: true }),
  });
  const match = fc.record({
    path,
    caseSensitive: fc.boolean(),
    grpc: fc.boolean(),
    headers: fc.array(header, { maxLength: 2 }),
    queryParameters: fc.array(query, { maxLength: 1 }),
    rare: fc.option(rare, { nil: null, freq: 3 }),
  });
  const question = fc.record({
    method: fc.constantFrom("GET", "CONNECT"),
    path: fc.tuple(segment, fc.constantFrom("", "?q=1", "?r")).map((parts) => parts.join("")),
    authority: fc.constantFrom("one.example", "two.example", "nobody.example"),
    headers: fc.subarray([
      ["x", "1"],
      ["x", "2"],
      ["cookie", "a=1"],
      ["content-type", "application/grpc"],
    ] as [string, string][]),
  });
  const matches = fc.array(match, { maxLength: 6 });
  fc.assert(
    fc.property(matches, fc.array(question, { minLength: 1, maxLength: 5 }), (models, questions) => {
      const routes = models.map((one, i) =>
        route({ name: `r${i}`, match: one, action: forward({ clusters: [weighted(`c${i}`)] }) }),
      );
      const hosts = [
        virtualHost({ name: "one", domains: ["one.example"], routes }),
        virtualHost({ name: "two", domains: ["two.example"], routes: routes.toReversed() }),
      ];
      const table = buildRouteTable(routeConfig(hosts), []);
      for (const asked of questions) {
        const headers = headersOf(asked);
        const explained = table.explain(headers, facts());
        expect(explained.entries[0] ?? null).toBe(table.match(headers, facts()));
        const host = hosts[explained.virtualHost];
        expect(host?.routes[explained.route]?.name).toBe(explained.entries[0]?.name);
        expect(explained.failures).toHaveLength(explained.route < 0 ? (host?.routes.length ?? 0) : explained.route);
        for (const [i, failure] of explained.failures.entries())
          expect(describeFailure(host!.routes[i]!.match, failure, headers, facts())).toMatch(
            /^(the (path|method)|it (is|takes)|header|query|cookie|a client certificate|metadata|filter state)/,
          );
      }
    }),
    { numRuns: 200 },
  );
});

describe("of a running proxy", () => {
  let proxy: RunningProxy;
  beforeAll(async () => {
    const routes = [
      { prefix: "/teapot", method: "BREW", respond: 418 },
      { path: "/marked", headers: { "x-mark": "1" }, respond: 202 },
      { prefix: "/", respond: 200 },
    ];
    proxy = await startProxy({ listeners: [{ name: "front", address: ANY_PORT, http: { routes } }] });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
  });

  test.each(["BREW", "GET"])("%s: /explain says what the proxy answers", async (method) => {
    const { status } = await send(proxy.port, "/teapot", { method });
    const [found] = (await proxy.admin.json(
      `/explain?method=${method}&host=x&path=/teapot&format=json`,
    )) as Explanation[];
    expect(found!.outcome).toEqual({ kind: "respond", status });
  });

  test.each<[method: string, host: string, path: string, ...headers: string[]]>([
    ["CONNECT", "x:443", "/"],
    ["GET", "x", "/", "connection: upgrade", "upgrade: websocket"],
    ["GET", "x", "/", "connection: upgrade", "upgrade: h2c"],
    ["GET", "x", "/marked", "x-mark: 1"],
    ["GET", "x", "/marked", "x-mark: 1", "connection: x-mark"],
    ["GET", "x", "http://other/marked", "x-mark: 1"],
    ["OPTIONS", "x", "*"],
    ["GET", "a b", "/"],
    ["GET", "a@b", "/"],
    ["G(T", "x", "/"],
    ["GET", "x", "/a b"],
    ["GET", "x", "/a#b"],
  ])("as the codec reads it: %s %s %s %s %s", async (method, host, path, ...headers) => {
    using client = await RawPeer.open(proxy.port);
    const target = method === "CONNECT" ? host : path;
    client.send(`${[`${method} ${target} HTTP/1.1`, `host: ${host}`, ...headers].join("\r\n")}\r\n\r\n`);
    const status = Number((await client.next()).startLine.split(" ")[1]);
    const query = new URLSearchParams([
      ["method", method],
      ["host", host],
      ["path", path],
      ["format", "json"],
    ]);
    for (const header of headers) query.append("header", header);
    const [found] = (await proxy.admin.json(`/explain?${query.toString()}`)) as Explanation[];
    const { answered, outcome } = found!;
    expect(answered?.status ?? (outcome.kind === "respond" ? outcome.status : 0)).toBe(status);
  });

  test("asks for / on localhost unless told", async () => {
    const [found] = (await proxy.admin.json("/explain?format=json")) as Explanation[];
    expect(found!.request).toEqual({ method: "GET", host: "localhost", path: "/" });
  });

  test("answers questions that are none with 400 and what it expects", async () => {
    expect(await proxy.admin.get("/explain?host=x&path=/&listener=frnt")).toEqual({
      status: 400,
      body: 'there is no listener "frnt"; did you mean "front"?\n',
    });
  });
});

test("listener filters are named, in their order", async () => {
  const value = {
    listeners: [
      {
        address: ANY_PORT,
        proxy_protocol: true,
        listener_filters: ["tls_inspector"],
        http: { routes: [{ prefix: "/", respond: 204 }] },
      },
    ],
  };
  const registry = builtinRegistry();
  const { config, problems } = await loadConfig({ value, name: "v" }, { registry });
  expect(problems.format()).toBe("");
  const [found] = explain(config!, registry, { method: "GET", host: "x", path: "/", headers: [] });
  expect(found!.listenerFilters.map(({ id }) => id)).toEqual([
    "envoy.filters.listener.proxy_protocol",
    "envoy.filters.listener.tls_inspector",
  ]);
});

describe("the command", () => {
  const command = async (...argv: string[]) => {
    let [out, err] = ["", ""];
    const code = await run(["explain", ...argv], { out: (more) => (out += more), err: (more) => (err += more) });
    return { code, out, err };
  };
  const file = "examples/quickstart.yaml";

  test("ends with 0 and the explanation, as text or as data", async () => {
    const { code, out } = await command(file, "--host", "localhost", "--path", "/", "-H", "accept: */*");
    expect(code).toBe(0);
    expect(out).toContain("filters, in the order of the request");
    const { out: data } = await command(file, "--host", "localhost", "--path", "/", "--json");
    const explained = JSON.parse(data) as Explanation[];
    expect(explained.length).toBeGreaterThan(1);
    const { name } = explained[1]!.listener;
    const one = await command(file, "--host", "localhost", "--path", "/", "--json", "--listener", name);
    expect(JSON.parse(one.out)).toEqual([explained[1]]);
  });

  test.each([
    ["hash", "/users/1", "x-user: me"],
    ["priorities", "/", "x-user: me"],
  ])("names the hosts, and why each may be picked or not: %s", async (name, path, header) => {
    const { code, out } = await command("test/cost/goldens/hosts.yaml", "--host", "x", "--path", path, "-H", header);
    expect(code).toBe(0);
    await expect(out).toMatchFileSnapshot(`goldens/hosts-${name}.txt`);
  });

  test("ends with 2 for a configuration or a question that is wrong", async () => {
    const wrong = await command(file, "--host", "x", "--path", "/", "--listener", "nobody");
    expect(wrong).toMatchObject({ code: 2, out: "" });
    expect(wrong.err).toContain('there is no listener "nobody"');
    expect(await command(file, "--host", "x", "--path", "/", "-H", "no colon")).toMatchObject({ code: 2 });
    expect(await command("/does/not/exist.yaml", "--host", "x", "--path", "/")).toMatchObject({ code: 2 });
  });
});
