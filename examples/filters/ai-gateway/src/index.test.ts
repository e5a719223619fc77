// Models by name, tokens by key: what is reserved, counted, given back; then proxy.yaml behind a real client.
import { type TestRequest, type UpstreamAnswer, httpHarness, httpFilterConformance } from "@sluice/core/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { runExample } from "../../../../test/support/run-example.ts";
import aiGateway, { aiUse } from "./index.ts";

const sse = { "content-type": "text/event-stream" };
const json = { "content-type": "application/json" };

async function gateway(settings: object = {}, options: object = {}) {
  const harness = await httpHarness(aiGateway, { config: { tokens_per_minute: 1000, ...settings }, ...options });
  onTestFinished(() => harness.close());
  const ask = (body: unknown, answer: UpstreamAnswer = { headers: json, body: "{}" }, request: TestRequest = {}) =>
    harness.request(
      {
        method: "POST",
        path: "/v1/chat",
        headers: { authorization: "Bearer a", ...json },
        body: typeof body === "string" ? body : JSON.stringify(body),
        ...request,
      },
      () => answer,
    );
  return { harness, ask };
}

/** An answer that used so many tokens. */
const used = (prompt: number, completion: number): UpstreamAnswer => ({
  headers: json,
  body: JSON.stringify({ usage: { prompt_tokens: prompt, completion_tokens: completion } }),
});

describe("the model", () => {
  test("becomes a header, for routes and upstreams; the body stays as it was", async () => {
    const { ask } = await gateway();
    const body = JSON.stringify({ model: "small-1", messages: ["ü".repeat(100)] });
    const { status, upstream } = await ask(body, undefined, {
      body: undefined as never,
      chunks: [body.slice(0, 5), body.slice(5, 70), body.slice(70)],
      headers: { authorization: "a", "x-ai-model": "large" },
    });
    expect([status, upstream?.headers["x-ai-model"], upstream?.body]).toEqual([200, "small-1", body]);
  });

  test("chooses the route", async () => {
    const clusters = [{ prefix: "/", routeConfig: { tokens_per_minute: 5 } }];
    const { ask } = await gateway({}, { routes: clusters });
    expect((await ask({ model: "m", max_tokens: 5 })).status).toBe(200);
    expect((await ask({ model: "m" })).status).toBe(429);
  });

  test.each(["no json", "[]", "{}", '{"model":1}', '{"model":"a b"}', '{"model":"a\\r\\nx: y"}', '{"model":""}'])(
    "is missing in %s: 400",
    async (body) => {
      const { ask } = await gateway();
      const response = await ask(body);
      expect(response).toMatchObject({ status: 400, details: "ai_model_missing", upstream: null });
      expect(JSON.parse(response.body)).toMatchObject({ error: { type: "ai_model_missing" } });
    },
  );

  test.each([
    '{"model":"small-1","model":"large"}',
    '{"model":"small-1","a":{"b":[1]},"Model" : "large"}',
    '{"model":"small-1","mod\\u0065l":"large"}',
    '{"model":"small-1","max_tokens":1,"max_tokens":100000}',
  ])("that may be two, as parsers go, is none: %s", async (body) => {
    const { ask } = await gateway();
    expect(await ask(body)).toMatchObject({ status: 400, details: "ai_model_ambiguous", upstream: null });
  });

  test.each([
    '{"model":"small-1","messages":[{"model":"x"},{"model":"y"}],"user":"model","note":"\\"model\\":"}',
    '{"a":"model","b":"model","model":"small-1","c":["model","model"]}',
  ])("may be spoken of elsewhere: %s", async (body) => {
    const { ask } = await gateway();
    expect((await ask(body)).status).toBe(200);
  });

  test.each([
    ["small-2", 200],
    ["large", 200],
    ["larger", 404],
    ["smal", 404],
  ])("%s where small-* and large may be asked: %i", async (model, status) => {
    const { ask } = await gateway({ models: ["small-*", "large"] });
    expect((await ask({ model })).status).toBe(status);
  });

  test("is not looked for in what is no POST", async () => {
    const { harness } = await gateway();
    const { status, upstream } = await harness.request({ path: "/v1/models", headers: { "x-ai-model": "x" } });
    expect([status, upstream?.headers["x-ai-model"]]).toEqual([200, undefined]);
  });

  test("comes too late in a body that is too long: 413", async () => {
    const { ask } = await gateway({ max_request_bytes: 100 });
    expect((await ask({ padding: "x".repeat(200), model: "m" })).status).toBe(413);
  });
});

describe("a key", () => {
  test("is needed", async () => {
    const { ask } = await gateway();
    expect(await ask({ model: "m" }, undefined, { headers: {} })).toMatchObject({
      status: 401,
      details: "ai_key_missing",
    });
  });

  test("has tokens of its own", async () => {
    const { ask } = await gateway({ tokens_per_minute: 100 });
    expect((await ask({ model: "m" }, used(60, 60))).status).toBe(200);
    const limited = await ask({ model: "m" });
    expect(limited).toMatchObject({ status: 429, details: "ai_tokens_limited" });
    expect(Number(limited.headers["retry-after"])).toBeGreaterThan(0);
    expect((await ask({ model: "m" }, undefined, { headers: { authorization: "Bearer b" } })).status).toBe(200);
  });

  test.each([
    [["Bearer a", "Bearer b"], 401],
    ["bearer a", 429],
    ["BEARER \t a", 429],
    ["Bearer A", 200],
  ])("is the same however it is written: %j", async (authorization, status) => {
    const { ask } = await gateway({ tokens_per_minute: 100 });
    await ask({ model: "m" }, used(60, 60));
    expect((await ask({ model: "m" }, undefined, { headers: { authorization } })).status).toBe(status);
  });

  test("gets its tokens back evenly", async () => {
    const { harness, ask } = await gateway({ tokens_per_minute: 60 });
    await ask({ model: "m" }, used(30, 40));
    const { headers } = await ask({ model: "m" });
    await harness.advance(Number(headers["retry-after"]) * 1000);
    expect((await ask({ model: "m" })).status).toBe(200);
  });
});

describe("tokens", () => {
  test.each<[string, UpstreamAnswer, number, number]>([
    ["a document says", used(7, 9), 7, 9],
    ["a document of Anthropic says", { headers: json, body: '{"usage":{"input_tokens":3,"output_tokens":4}}' }, 3, 4],
    [
      "a document without use costs its bytes",
      { headers: json, body: JSON.stringify({ text: "x".repeat(389) }) },
      4,
      100,
    ],
    [
      "a stream says at its end",
      {
        headers: sse,
        chunks: [
          'data: {"choices":[{"delta":{"content":"a"}}]}\n\nda',
          'ta: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":12}}\r\n\r\ndata: [DONE]\n\n',
        ],
      },
      11,
      12,
    ],
    [
      "a stream of Anthropic says in its events",
      {
        headers: sse,
        chunks: [
          'event: x\ndata: {"message":{"usage":{"input_tokens":5,"output_tokens":1}}}\n\n',
          'data: {"usage":{"output_tokens":8}}\n\n',
        ],
      },
      5,
      8,
    ],
    [
      "a stream without use costs its pieces",
      {
        headers: sse,
        chunks: [
          'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
          'data: {"choices":[{"delta":{"role":"x"}}]}\n\n',
          'data: {"choices":[{"delta":{"content":"b"}}]}\n\n',
        ],
      },
      4,
      2,
    ],
    [
      "a stream that breaks off before it says costs its pieces",
      {
        headers: sse,
        chunks: [
          'data: {"message":{"usage":{"input_tokens":5,"output_tokens":1}}}\n\n',
          'data: {"type":"x","delta":{"type":"text_delta","text":"a"}}\n\n',
          'data: {"delta":{"type":"thinking_delta","thinking":"b"}}\n\n',
          'data: {"delta":{"type":"input_json_delta","partial_json":"{"}}\n\n',
        ],
      },
      5,
      3,
    ],
    [
      "what is compressed all the same costs its bytes",
      { headers: { ...sse, "content-encoding": "gzip" }, body: "x".repeat(400) },
      4,
      100,
    ],
    [
      "what cannot be read costs its prompt",
      { headers: { "content-type": "audio/mpeg" }, body: "x".repeat(400) },
      4,
      0,
    ],
    [
      "a failure costs nothing",
      { status: 500, headers: json, body: '{"usage":{"prompt_tokens":9,"completion_tokens":9}}' },
      0,
      0,
    ],
  ])("%s", async (_, answer, prompt, completion) => {
    const { harness, ask } = await gateway();
    await ask({ model: "m" }, answer);
    expect([harness.stat("prompt_tokens"), harness.stat("completion_tokens")]).toEqual([prompt, completion]);
    const next = await ask({ model: "m" }, used(0, 0));
    // 1000 a minute, less what was used, less what this request reserves.
    expect(Number(next.headers["x-ratelimit-remaining-tokens"])).toBeCloseTo(1000 - prompt - completion - 3, -1);
  });

  test("can be counted: the upstream is asked not to compress", async () => {
    const { ask } = await gateway();
    const headers = { authorization: "a", "accept-encoding": "gzip, br" };
    expect((await ask({ model: "m" }, undefined, { headers })).upstream?.headers["accept-encoding"]).toBe("identity");
  });

  test("that a request may cost are reserved while it lasts", async () => {
    const { harness } = await gateway({ tokens_per_minute: 100 });
    const open = (body: string) =>
      harness
        .open()
        .headers({ method: "POST", headers: { authorization: "a" } }, false)
        .data(body, true);
    const first = open('{"model":"m","max_tokens":90}');
    await harness.settle();
    const second = open('{"model":"m","max_tokens":90}');
    await harness.settle();
    expect(second.response.status).toBe(429);
    first.upstream.respond({ headers: json, body: '{"usage":{"prompt_tokens":1,"completion_tokens":1}}' });
    await harness.settle();
    const third = open('{"model":"m","max_tokens":80}');
    await harness.settle();
    expect(third.upstream.request.headers["x-ai-model"]).toBe("m");
    third.abort();
  });

  test("of a stream that is broken off are paid", async () => {
    const { harness } = await gateway();
    const exchange = harness
      .open()
      .headers({ method: "POST", headers: { authorization: "a" } }, false)
      .data('{"model":"m"}', true);
    await harness.settle();
    exchange.upstream.respond({ headers: sse }, false).data('data: {"choices":[{"delta":{"content":"a"}}]}\n\n');
    exchange.abort();
    await harness.settle();
    expect(harness.stat("completion_tokens")).toBe(1);
  });

  test("more than a minute has are asked of a full bucket, not never", async () => {
    const { ask } = await gateway({ tokens_per_minute: 50 });
    expect((await ask({ model: "m", max_completion_tokens: 5000 })).status).toBe(200);
  });
});

test("says what it provides", () => {
  expect(aiGateway.provides).toEqual([aiUse]);
});

test("proxy.yaml behind a client: models by name, tokens by key", async () => {
  const { front } = (await runExample(new URL("../proxy.yaml", import.meta.url))).addresses;
  const ask = (model: string, key = "mine") =>
    fetch(`http://${front}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model }),
    });
  expect(await (await ask("small-1")).text()).toContain("small");
  const large = await ask("large");
  expect(large.headers.get("content-type")).toBe("text/event-stream");
  expect(await large.text()).toContain("[DONE]");
  expect((await ask("other")).status).toBe(404);
  expect(await (await ask("large", "yours")).text()).toContain("large");
  let limited = 0;
  for (let i = 0; i < 4; i++) {
    const response = await ask("large");
    await response.text();
    if (response.status === 429) limited++;
  }
  expect(limited).toBeGreaterThan(0);
});

describe("conformance", () => {
  const requests = [{ method: "POST", headers: { authorization: "a", ...json }, body: '{"model":"m","messages":[]}' }];
  for (const check of httpFilterConformance(aiGateway, { config: { tokens_per_minute: 1_000_000 }, requests }))
    test(check.name, check.run);
});
