// The gate through the real chain engine without a socket, by the kit's conformance, and as a part of a proxy behind a real client.
import { type ReceivedRequest, httpHarness, httpFilterConformance } from "@sluice/core/testing";
import { defineHttpFilter } from "@sluice/sdk";
import { describe, expect, onTestFinished, test } from "vitest";
import apiKey, { apiClient } from "./index.ts";
import { config } from "./config.ts";
import { redact } from "../../../../packages/core/src/main/admin/redact.ts";
import { runExample } from "../../../../test/support/run-example.ts";

const clients = [
  { name: "reader", api_key: "reader-key-1" },
  { name: "editor", api_key: "editor-key-1" },
];

/** The gate with those settings, in front of a filter that tells the upstream who the client is. */
async function gate(settings: object = {}, routeConfig?: object) {
  const witness = defineHttpFilter({
    id: "test.http.witness",
    maturity: "alpha",
    security: "unknown",
    config: {},
    requires: [apiClient],
    create: () => ({
      onRequestHeaders(headers, _end, { metadata }) {
        headers.set("x-client", metadata.get(apiClient)?.name ?? "nobody");
      },
    }),
  });
  const harness = await httpHarness([
    [apiKey, { config: { clients, ...settings }, ...(routeConfig && { routeConfig }) }],
    witness,
  ]);
  onTestFinished(() => harness.close());
  return harness;
}

/** What the upstream got, without what the connection manager adds. */
function headersOf(upstream: ReceivedRequest | null): Record<string, string> {
  const { "x-forwarded-proto": _proto, "x-request-id": _id, ...headers } = upstream?.headers ?? {};
  return headers;
}

describe("a key", () => {
  test("that is known lets the request pass, without it, and with its owner's name", async () => {
    const harness = await gate();
    const { status, upstream } = await harness.request({ headers: { "x-api-key": "reader-key-1" } });
    expect(status).toBe(200);
    expect(headersOf(upstream)).toEqual({ "x-client": "reader" });
    expect(harness.stats("acme.http.api-key")).toMatchObject({ allowed: 1 });
  });

  test("may be given by its digest", async () => {
    const sha256 = "0dd2c40d51a6ef7c2d5c1c9a0f1f8b0c5d8b7ff5ee6bd0b4e9b0a5b1f2d8a3c4";
    expect(config.safeParse({ clients: [{ name: "a", sha256 }] }).success).toBe(true);
    expect(config.safeParse({ clients: [{ name: "a", sha256, api_key: "a-long-key" }] }).success).toBe(false);
    expect(config.safeParse({ clients: [{ name: "a" }] }).success).toBe(false);
  });

  test.each([
    ["no key", {}, "api_key_missing", "missing"],
    ["a wrong key", { "x-api-key": "reader-key-2" }, "api_key_unknown", "unknown"],
    ["an empty key", { "x-api-key": "" }, "api_key_unknown", "unknown"],
    ["two keys, one of them right", { "x-api-key": ["reader-key-1", "x"] }, "api_key_unknown", "unknown"],
    ["a bearer token where none is taken", { authorization: "Bearer reader-key-1" }, "api_key_missing", "missing"],
  ])("%s is answered 401", async (_, headers, details, counter) => {
    const harness = await gate();
    const response = await harness.request({ headers });
    expect(response).toMatchObject({ status: 401, details, upstream: null });
    expect(response.headers["www-authenticate"]).toBe('ApiKey realm="api"');
    expect(harness.stat(counter, "acme.http.api-key")).toBe(1);
  });

  test("may be a bearer token", async () => {
    const harness = await gate({ bearer: true });
    const { status, upstream } = await harness.request({ headers: { authorization: "bearer  editor-key-1" } });
    expect([status, headersOf(upstream)]).toEqual([200, { "x-client": "editor" }]);
  });

  test.each([
    ["two bearer tokens", ["Bearer reader-key-1", "Bearer reader-key-1"]],
    ["a bearer token behind another scheme", ["Basic YTpi", "Bearer reader-key-1"]],
    ["a bearer token of two words", ["Bearer reader-key-1 x"]],
    ["an empty bearer token", ["Bearer"]],
  ])("%s are a wrong key, not none, and go no further", async (_, authorization) => {
    const harness = await gate({ bearer: true }, { required: false });
    const response = await harness.request({ headers: { authorization } });
    expect(response).toMatchObject({ status: 401, details: "api_key_unknown", upstream: null });
    const { upstream } = await harness.request({ headers: { "x-api-key": "reader-key-1", authorization } });
    expect(headersOf(upstream)).toEqual({ "x-client": "reader" });
  });

  test("leaves the credentials of other schemes alone", async () => {
    const harness = await gate({ bearer: true });
    const headers = { "x-api-key": "reader-key-1", authorization: "Basic YTpi" };
    expect((await harness.request({ headers })).upstream?.headers["authorization"]).toBe("Basic YTpi");
  });

  test("is UTF-8 wherever it stands, and no other that looks like it", async () => {
    const harness = await gate({ query: "k", clients: [{ name: "ann", api_key: "schlüssel-ă" }] });
    const bytes = Buffer.from("schlüssel-ă").toString("latin1");
    expect((await harness.request({ headers: { "x-api-key": bytes } })).status).toBe(200);
    expect((await harness.request({ path: `/?k=${encodeURIComponent("schlüssel-ă")}` })).status).toBe(200);
    expect((await harness.request({ path: `/?k=${encodeURIComponent("schlüssel-\u0203")}` })).status).toBe(401);
  });

  test.each([
    ["/a?api_key=reader-key-1", "/a"],
    ["/a?x=1&api%5Fkey=reader-key-1&y=%20", "/a?x=1&y=%20"],
  ])("may stand in the query %s", async (path, rest) => {
    const harness = await gate({ query: "api_key" });
    const { status, upstream } = await harness.request({ path });
    expect([status, upstream?.path]).toEqual([200, rest]);
  });

  test("leaves every place where it may stand, whichever was used", async () => {
    const harness = await gate({ query: "k", bearer: true });
    const headers = { "x-api-key": "reader-key-1", authorization: "Bearer other" };
    const { upstream } = await harness.request({ path: "/?k=third", headers });
    expect([upstream?.path, headersOf(upstream)]).toEqual(["/", { "x-client": "reader" }]);
  });

  test("stays where the upstream is to see it", async () => {
    const harness = await gate({ forward_key: true, query: "k" });
    const { upstream } = await harness.request({ path: "/?k=1", headers: { "x-api-key": "reader-key-1" } });
    expect([upstream?.path, upstream?.headers["x-api-key"]]).toEqual(["/?k=1", "reader-key-1"]);
  });
});

describe("a route", () => {
  test("may need no key, and never takes a wrong one", async () => {
    const harness = await gate({}, { required: false });
    expect(headersOf((await harness.request()).upstream)).toEqual({ "x-client": "nobody" });
    expect((await harness.request({ headers: { "x-api-key": "wrong" } })).status).toBe(401);
  });

  test("may name who passes", async () => {
    const harness = await gate({}, { allow: ["editor"] });
    expect(await harness.request({ headers: { "x-api-key": "reader-key-1" } })).toMatchObject({
      status: 403,
      details: "api_key_forbidden",
    });
    expect((await harness.request({ headers: { "x-api-key": "editor-key-1" } })).status).toBe(200);
  });
});

test("two clients of one name, or of one key, are refused", async () => {
  const twice = [clients[0], { name: "reader", api_key: "another-key" }];
  await expect(httpHarness(apiKey, { config: { clients: twice } })).rejects.toThrow('a second client "reader"');
  const same = [clients[0], { name: "other", api_key: "reader-key-1" }];
  await expect(httpHarness(apiKey, { config: { clients: same } })).rejects.toThrow(
    'the clients "reader" and "other" have the same key',
  );
});

test("its keys stay out of what the admin interface and explain show", () => {
  const [shown] = (redact({ clients: [clients[0]!] }) as { clients: object[] }).clients;
  expect(shown).toEqual({ name: "reader", api_key: "[redacted]" });
});

test("says what it provides, and where it belongs", () => {
  expect(apiKey.provides).toEqual([{ namespace: "acme.api_client" }]);
  expect(apiKey.phase).toBe("authn");
});

describe("proxy.yaml behind a client", () => {
  async function serve() {
    const { front } = (await runExample(new URL("../proxy.yaml", import.meta.url))).addresses;
    return (path: string, headers: Record<string, string> = {}) => fetch(`http://${front}${path}`, { headers });
  }
  const reader = { "x-api-key": "reader-key-1" };
  const editor = { "x-api-key": "editor-key-1" };

  test("answers as its README says", async () => {
    const get = await serve();
    const refused = await get("/");
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toBe('ApiKey realm="api"');
    expect((await get("/", reader)).status).toBe(200);
    expect((await get("/edit", reader)).status).toBe(403);
    expect(await (await get("/edit", editor)).text()).toBe("edited\n");
    expect((await get("/health")).status).toBe(200);
    expect((await get("/health", { "x-api-key": "not a key" })).status).toBe(401);
  });
});

describe("conformance", () => {
  const requests = [
    { headers: { "x-api-key": "reader-key-1" } },
    { method: "POST", headers: { "x-api-key": "wrong" }, body: "text" },
    {},
  ];
  for (const check of httpFilterConformance(apiKey, { config: { clients }, requests })) test(check.name, check.run);
});
