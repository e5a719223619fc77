// The filter in its chain: headers, directions, limits, refusals; then proxy.yaml behind a real client.
import { httpHarness, httpFilterConformance } from "@sluice/core/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import jsonRedaction from "./index.ts";
import { runExample } from "../../../../test/support/run-example.ts";

const json = { "content-type": "application/json" };

async function harnessOf(settings: object = {}, options: object = {}) {
  const harness = await httpHarness(jsonRedaction, { config: { fields: ["secret"], ...settings }, ...options });
  onTestFinished(() => harness.close());
  return harness;
}

describe("a response", () => {
  test("streams, redacted, without the length and the tags that no longer hold", async () => {
    const harness = await harnessOf();
    const headers = { ...json, "content-length": "34", etag: '"1"' };
    const chunks = ['{"a":1,"se', 'cret":"abc', 'def","b":[]}'];
    const response = await harness.request({}, () => ({ headers, chunks }));
    expect(response.body).toBe('{"a":1,"secret":"[redacted]","b":[]}');
    expect(response.headers["content-length"]).toBeUndefined();
    expect(response.headers["etag"]).toBeUndefined();
    expect(response.upstream?.headers["accept-encoding"]).toBe("identity");
    expect(harness.stat("redacted")).toBe(1);
  });

  test("passes each piece as it comes", async () => {
    const harness = await harnessOf();
    const exchange = harness.open().headers();
    exchange.upstream.respond({ headers: json }, false);
    exchange.upstream.data('{"a":"first');
    expect(exchange.response.body).toBe('{"a":"first');
    exchange.upstream.data('","secret":"sec');
    expect(exchange.response.body).toBe('{"a":"first","secret":"[redacted]"');
    exchange.upstream.data('ond"}', true);
    expect(exchange.response).toMatchObject({ body: '{"a":"first","secret":"[redacted]"}', ended: true });
  });

  test.each(["text/plain", "application/javascript", ""])("of the type %j is none of its business", async (type) => {
    const harness = await harnessOf();
    const response = await harness.request({}, () => ({ headers: { "content-type": type }, body: '{"secret":1}' }));
    expect(response.body).toBe('{"secret":1}');
  });

  test.each(["application/problem+json", "Application/JSON; Charset=UTF-8", "text/json"])(
    "of the type %s is read",
    async (type) => {
      const harness = await harnessOf();
      const response = await harness.request({}, () => ({ headers: { "content-type": type }, body: '{"secret":1}' }));
      expect(response.body).toBe('{"secret":"[redacted]"}');
    },
  );

  test.each([
    "application/json, text/html",
    "text/html,application/json",
    "application/json charset=utf-8",
    "application/json;",
  ])("that somebody may take for JSON is read: %s", async (type) => {
    const harness = await harnessOf();
    const response = await harness.request({}, () => ({ headers: { "content-type": type }, body: '{"secret":1}' }));
    expect(response.body).toBe('{"secret":"[redacted]"}');
  });

  test("is asked for whole", async () => {
    const harness = await harnessOf();
    const { upstream } = await harness.request({ headers: { range: "bytes=0-5,20-" } }, () => ({ body: "" }));
    expect(upstream?.headers["range"]).toBeUndefined();
  });

  test("to HEAD tells no length or tag of the body with its secrets, nor do trailers", async () => {
    const harness = await harnessOf();
    const headers = { ...json, "content-length": "34", etag: '"1"' };
    const head = await harness.request({ method: "HEAD" }, () => ({ headers }));
    expect([head.headers["content-length"], head.headers["etag"]]).toEqual([undefined, undefined]);
    const get = await harness.request({}, () => ({ headers: json, body: "{}", trailers: { digest: "x", other: "y" } }));
    expect(get.trailers).toEqual({ other: "y" });
  });

  test("of many values is read, where its type says so", async () => {
    const harness = await harnessOf();
    const body = '{"secret":1}\n{"secret":2}\n';
    const response = await harness.request({}, () => ({ headers: { "content-type": "application/x-ndjson" }, body }));
    expect(response.body).toBe(body.replace(/\d/g, '"[redacted]"'));
  });

  test.each([
    [{ headers: { ...json, "content-encoding": "gzip" } }, "json_compressed"],
    [{ headers: { "content-type": "application/json; charset=utf-16" } }, "json_charset"],
    [{ headers: { "content-type": "application/json; charset=utf-8; charset=utf-16" } }, "json_charset"],
    [{ headers: { "content-type": "application/json; charset = utf-16" } }, "json_charset"],
    [{ headers: { ...json, "content-encoding": "identity, gzip" } }, "json_compressed"],
    [{ status: 206, headers: json }, "json_partial"],
    [{ status: 206, headers: { "content-type": "multipart/byteranges; boundary=x" } }, "json_partial"],
    [{ headers: { ...json, "content-length": "20000000" } }, "json_too_long"],
  ])("that cannot be read is refused: %j", async (answer, details) => {
    const harness = await harnessOf();
    const exchange = harness.open().headers();
    exchange.upstream.respond(answer, false);
    await harness.settle();
    expect(exchange.response).toMatchObject({ status: 502, details });
    expect(harness.stat("refused")).toBe(1);
  });

  test("that cannot be read passes where the configuration says so", async () => {
    const harness = await harnessOf({ unreadable: "pass" });
    const response = await harness.request({}, () => ({
      headers: { ...json, "content-encoding": "gzip" },
      body: "zip",
    }));
    expect(response).toMatchObject({ status: 200, body: "zip" });
  });

  test.each([
    [['{"a":1,', "oops}"], {}, "json_invalid"],
    [['{"a":"', "x".repeat(100), '"}'], { max_bytes: 50 }, "json_too_long"],
    [["[[[", "]]]"], { max_depth: 2 }, "json_too_deep"],
    [['{"a":', "1"], {}, "json_invalid"],
  ])("that breaks on its way is cut: %j %j", async (chunks, settings, details) => {
    const harness = await harnessOf(settings);
    const response = await harness.request({}, () => ({ headers: json, chunks }));
    expect(response).toMatchObject({ ended: false, details });
    expect(response.reset).not.toBeNull();
  });

  test("that ends in trailers before its JSON does is cut", async () => {
    const harness = await harnessOf();
    const response = await harness.request({}, () => ({ headers: json, chunks: ['{"a":1'], trailers: { x: "y" } }));
    expect(response).toMatchObject({ ended: false, details: "json_invalid" });
  });

  test("to HEAD has no body to read", async () => {
    const harness = await harnessOf();
    expect(await harness.request({ method: "HEAD" }, () => ({ headers: json }))).toMatchObject({
      status: 200,
      ended: true,
    });
  });
});

describe("a request", () => {
  test("is redacted where the configuration says so, and the response is not", async () => {
    const harness = await harnessOf({ direction: "request" });
    const answer = () => ({ headers: json, body: '{"secret":2}' });
    const { upstream, body } = await harness.request({ headers: json, chunks: ['{"secret"', ":1}"] }, answer);
    expect([upstream?.body, body]).toEqual(['{"secret":"[redacted]"}', '{"secret":2}']);
    expect(upstream?.headers["accept-encoding"]).toBeUndefined();
  });

  test("and its response, both", async () => {
    const harness = await harnessOf({ direction: "both" });
    const answer = () => ({ headers: json, body: '{"secret":2}' });
    const { upstream, body } = await harness.request({ headers: json, body: '{"secret":1}' }, answer);
    expect([upstream?.body, body]).toEqual(['{"secret":"[redacted]"}', '{"secret":"[redacted]"}']);
  });

  test.each([
    [{ ...json, "content-encoding": "br" }, 415],
    [{ ...json, "content-length": "20000000" }, 413],
  ])("that cannot be read is refused: %j", async (headers, status) => {
    const harness = await harnessOf({ direction: "request" });
    const exchange = harness.open().headers({ method: "POST", headers }, false);
    expect(exchange.response.status).toBe(status);
  });
});

test("a route has its own fields", async () => {
  const harness = await harnessOf({}, { routeConfig: { fields: ["a.b"], replacement: "" } });
  const response = await harness.request({}, () => ({ headers: json, body: '{"secret":1,"a":{"b":2},"b":3}' }));
  expect(response.body).toBe('{"secret":1,"a":{"b":""},"b":3}');
});

test.each([
  [{ fields: [] }],
  [{ fields: [""] }],
  [{ fields: ["a..b"] }],
  [{ fields: ["a"], max_depth: 0 }],
  [{ fields: ["a"], filds: [] }],
])("%j is refused", async (config) => {
  await expect(httpHarness(jsonRedaction, { config })).rejects.toThrow();
});

test("proxy.yaml behind a client answers as its README says", async () => {
  const { front } = (await runExample(new URL("../proxy.yaml", import.meta.url))).addresses;
  const get = async (path: string) => (await fetch(`http://${front}${path}`)).text();
  expect(await get("/")).toBe('{"user":{"name":"ann","email":"[redacted]","password":"[redacted]"}}');
  expect(await get("/cards")).toBe('{"cards":[{"number":"****","brand":"x"}]}');
});

describe("conformance", () => {
  const requests = [
    { method: "POST", headers: json, body: '{"secret":"abc","list":[{"secret":{"a":[1,2]}}],"text":"ü"}' },
  ];
  for (const check of httpFilterConformance(jsonRedaction, {
    config: { fields: ["secret"], direction: "both" },
    requests,
  }))
    test(check.name, check.run);
});
