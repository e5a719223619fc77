// The filter twice: through the real chain engine without a socket, and as a part of a proxy that serves.
import { createServer } from "@sluice/core";
import { httpHarness } from "@sluice/core/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import greeting from "./index.ts";

describe("in the harness", () => {
  test("a response carries the greeting, once", async () => {
    const harness = await httpHarness(greeting, { config: { value: "hello" } });
    const response = await harness.request({}, () => ({ headers: { "x-greeting": "not this" } }));
    expect(response.headers["x-greeting"]).toBe("hello");
    expect(harness.stat("greeted")).toBe(1);
  });

  test("a route has its own words", async () => {
    const routes = [{ prefix: "/nautical", routeConfig: { value: "ahoy" } }, { prefix: "/" }];
    const harness = await httpHarness(greeting, { config: { value: "hello" }, routes });
    const hear = async (path: string) => (await harness.request({ path })).headers["x-greeting"];
    expect([await hear("/"), await hear("/nautical")]).toEqual(["hello", "ahoy"]);
  });
});

describe("in a proxy", () => {
  const configuration = (config: object) => ({
    listeners: [
      {
        address: "127.0.0.1:0",
        http: {
          filters: [{ greeting: config }],
          routes: [
            { prefix: "/nautical", respond: 204, filters: { greeting: { value: "ahoy" } } },
            { prefix: "/", respond: 204 },
          ],
        },
      },
    ],
  });

  test("greets on every route in its words, under the name that the configuration says", async () => {
    const server = createServer(configuration({ value: "hello", header: "x-hi" }), { extensions: [greeting] });
    onTestFinished(() => server.stop());
    const [listener] = (await server.start()).listeners;
    const hear = async (path: string) => (await fetch(`http://${listener!.address}${path}`)).headers.get("x-hi");
    expect(await hear("/")).toBe("hello");
    expect(await hear("/nautical")).toBe("ahoy");
  });

  test.each([
    [{}, "value is missing"],
    [{ value: 1 }, "filters[0].greeting.value"],
    [{ value: "hello", vlaue: "hello" }, "unknown key"],
  ])("%j is refused", async (config, why) => {
    const server = createServer(configuration(config), { extensions: [greeting] });
    await expect(server.start()).rejects.toThrow(why);
  });
});
