// Routes of a running proxy: which one is taken, and what it does to requests and responses.
import { expect, test } from "vitest";
import { type Echo, HttpOrigin } from "../support/http-origin.ts";
import { parsed, send } from "../support/http-request.ts";
import { type Http, forwardTo, startProxy } from "../support/proxy.ts";

type Routes = NonNullable<Http["routes"]>;

async function seenBy(
  routes: Routes,
  path: string,
  headers: Record<string, string> = {},
): Promise<{
  status: number;
  location: string | undefined;
  body: string;
  echo: Echo | null;
  response: Record<string, unknown>;
}> {
  await using origin = await HttpOrigin.start();
  await using proxy = await startProxy(forwardTo(origin.address, { http: { routes } }));
  const response = await send(proxy.port, path, { headers: { host: "a.example", ...headers } });
  const echo = response.headers["content-type"] === "application/json" ? parsed<Echo>(response) : null;
  return {
    status: response.status,
    location: response.headers.location,
    body: response.text,
    echo,
    response: response.headers,
  };
}

const ROUTES: Routes = [
  { path: "/exact", respond: { status: 201, body: "exact" } },
  { separated_prefix: "/part", respond: { status: 202, body: "part" } },
  { regex: "/items/[0-9]+", respond: { status: 203, body: "regex" } },
  { prefix: "/by-header", headers: { "x-kind": { prefix: "go" } }, respond: { status: 206, body: "header" } },
  { prefix: "/by-query", query: { kind: "a" }, respond: { status: 207, body: "query" } },
  { prefix: "/", respond: { status: 299, body: "rest" } },
];

test.each<[string, Record<string, string>, number]>([
  ["/exact", {}, 201],
  ["/exact?with=query", {}, 201],
  ["/exact/", {}, 299],
  ["/part", {}, 202],
  ["/part/of", {}, 202],
  ["/partial", {}, 299],
  ["/items/42", {}, 203],
  ["/items/42x", {}, 299],
  ["/by-header", { "x-kind": "good" }, 206],
  ["/by-header", { "x-kind": "bad" }, 299],
  ["/by-query?kind=a", {}, 207],
  ["/by-query?kind=b", {}, 299],
])("%s with %j is %i", async (path, headers, status) => {
  expect((await seenBy(ROUTES, path, headers)).status).toBe(status);
});

test("rewrites of prefix and host, with what was there before for the origin to see", async () => {
  const { echo } = await seenBy(
    [
      {
        prefix: "/old/",
        cluster: "web",
        rewrite: { prefix: "/new/", host: "inner.example" },
        append_x_forwarded_host: true,
      },
    ],
    "/old/path?q=1",
  );
  expect(echo).toMatchObject({
    url: "/new/path?q=1",
    headers: { host: "inner.example", "x-envoy-original-path": "/old/path?q=1", "x-forwarded-host": "a.example" },
  });
});

test("redirects", async () => {
  const routes: Routes = [
    { prefix: "/tls", redirect: "https" },
    { prefix: "/to", redirect: { path: "/there", status: 308 } },
    { prefix: "/from", redirect: { prefix: "/onto", host: "b.example", strip_query: true } },
  ];
  expect(await seenBy(routes, "/tls?x=1")).toMatchObject({ status: 301, location: "https://a.example/tls?x=1" });
  expect(await seenBy(routes, "/to")).toMatchObject({ status: 308, location: "http://a.example/there" });
  expect(await seenBy(routes, "/from/x?y")).toMatchObject({ status: 301, location: "http://b.example/onto/x" });
});

test("headers of routes on requests and responses", async () => {
  const { echo, response } = await seenBy(
    [
      {
        prefix: "/",
        cluster: "web",
        request_headers: { set: { "x-route": "%REQ(:path)%" }, remove: ["x-remove"] },
        response_headers: { add: { "x-answer": "%REQ(:path)%" }, remove: ["content-length"] },
      },
    ],
    "/p",
    { "x-remove": "1" },
  );
  expect(echo?.headers).toMatchObject({ "x-route": "/p" });
  expect(echo?.headers["x-remove"]).toBeUndefined();
  expect([response["x-answer"], response["content-length"]]).toEqual(["/p", undefined]);
});

test("weights spread over clusters as they say", async () => {
  await using first = await HttpOrigin.start((_, response) => void response.end("first"));
  await using second = await HttpOrigin.start((_, response) => void response.end("second"));
  await using proxy = await startProxy(
    forwardTo(first.address, {
      http: { routes: [{ prefix: "/", clusters: { first: 80, second: 20 } }] },
      config: { clusters: { first: first.address, second: second.address } },
    }),
  );
  const answers = await Promise.all(Array.from({ length: 1000 }, () => send(proxy.port, "/")));
  const share = answers.filter(({ text }) => text === "first").length;
  // Four standard deviations.
  expect(share).toBeGreaterThan(749);
  expect(share).toBeLessThan(851);
});

test("round robin gives every endpoint the same", async () => {
  const origins = await Promise.all([HttpOrigin.start(), HttpOrigin.start(), HttpOrigin.start()]);
  await using proxy = await startProxy(
    forwardTo("", { cluster: { endpoints: origins.map(({ address }) => address) } }),
  );
  for (let count = 0; count < 30; count++) await send(proxy.port, "/");
  expect(origins.map(({ seen }) => seen.length)).toEqual([10, 10, 10]);
  for (const origin of origins) await origin[Symbol.asyncDispose]();
});

test("paths are made plain before they are matched", async () => {
  const routes: Routes = [
    { prefix: "/admin", respond: { status: 403, body: "no" } },
    { prefix: "/", cluster: "web" },
  ];
  await using origin = await HttpOrigin.start();
  await using proxy = await startProxy(
    forwardTo(origin.address, {
      http: { normalize_path: true, merge_slashes: true, escaped_slashes: "unescape", routes },
    }),
  );
  for (const path of ["/x/../admin", "//admin", "/%61dmin", "/x%2f..%2fadmin", "/./admin"])
    expect((await send(proxy.port, path)).status, path).toBe(403);
  expect(origin.seen).toEqual([]);
});

test("hosts are chosen exact, then by suffix, then all", async () => {
  const host = (domains: string, body: string) => ({
    domains,
    routes: [{ prefix: "/", respond: { status: 200, body } }],
  });
  await using proxy = await startProxy(
    forwardTo("127.0.0.1:1", {
      http: {
        routes: undefined,
        virtual_hosts: [
          host("*", "all"),
          host("*.example", "suffix"),
          host("a.example", "exact"),
          host("*.b.example", "longer"),
        ],
      } as never,
    }),
  );
  for (const [name, body] of Object.entries({
    "a.example": "exact",
    "A.EXAMPLE": "exact",
    "x.example": "suffix",
    "x.b.example": "longer",
    "other.test": "all",
  })) {
    expect((await send(proxy.port, "/", { headers: { host: name } })).text, name).toBe(body);
  }
});
