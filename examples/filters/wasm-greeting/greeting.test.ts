// The filter in both languages: without a socket through the real chain engine, and in a proxy before a real client.
import { createServer } from "@sluice/core";
import { componentDefinition, httpFilterConformance, httpHarness } from "@sluice/core/testing";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";

describe.each(["c", "as"])("greeting-%s.wasm", (language) => {
  const file = join(import.meta.dirname, `wasm/greeting-${language}.wasm`);

  async function harness(config: object, routeConfig?: object) {
    const definition = await componentDefinition(file);
    const made = await httpHarness(definition, { config, ...(routeConfig !== undefined && { routeConfig }) });
    onTestFinished(() => made.close());
    return made;
  }

  test("greets upstream and client, and counts", async () => {
    const h = await harness({ value: "hello" });
    const { headers, upstream } = await h.request();
    expect(upstream!.headers["x-greeting"]).toBe("hello");
    expect(headers["x-greeting"]).toBe("hello");
    expect(h.stat("greeted")).toBe(1);
  });

  test("a route has its own words, under the header that the configuration says", async () => {
    const h = await harness({ value: "hello", header: "x-hi" }, { value: "ahoy" });
    expect((await h.request()).headers["x-hi"]).toBe("ahoy");
  });

  test("tells how long the request was, for each stream its own", async () => {
    const h = await harness({ value: "hello" });
    expect((await h.request({ chunks: ["12345", "67"] })).headers["x-request-bytes"]).toBe("7");
    expect((await h.request()).headers["x-request-bytes"]).toBe("0");
  });

  test("refuses who is rude", async () => {
    const h = await harness({ value: "hello" });
    expect(await h.request({ headers: { "x-rude": "1" } })).toMatchObject({
      status: 403,
      body: "be kind\n",
      details: "greeting_refused",
      upstream: null,
    });
  });

  test.each([
    [{}, 'property "value" is missing'],
    [{ value: 1 }, "must be string"],
    [{ value: "hello", vlaue: "hello" }, "unknown property"],
  ])("%j is refused", async (config, why) => {
    await expect(harness(config)).rejects.toThrow(why);
  });
});

describe("the rules that every filter keeps", async () => {
  const definition = await componentDefinition(join(import.meta.dirname, "wasm/greeting-c.wasm"));
  const requests = [{ headers: { "x-rude": "1" } }];
  for (const check of httpFilterConformance(definition, { config: { value: "hello" }, requests }))
    test(check.name, check.run);
});

test.each(["@acme/sluice-wasm-greeting", "@acme/sluice-wasm-greeting/assemblyscript", "./wasm/greeting-c.wasm"])(
  "%s greets in a proxy",
  async (module) => {
    const server = createServer(
      {
        extensions: [module.startsWith(".") ? join(import.meta.dirname, module) : module],
        listeners: [
          {
            address: "127.0.0.1:0",
            http: {
              filters: [{ "acme.http.wasm-greeting": { value: "hello" } }],
              routes: [{ prefix: "/", respond: { status: 204 } }],
            },
          },
        ],
      },
      { concurrency: 0 },
    );
    onTestFinished(() => server.stop());
    const [listener] = (await server.start()).listeners;
    const response = await fetch(`http://${listener!.address}/`);
    expect(response.headers.get("x-greeting")).toBe("hello");
  },
);
