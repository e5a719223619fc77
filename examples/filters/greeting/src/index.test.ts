// The filter twice: its hooks through the real chain engine without a socket, and as a part of a proxy that serves.
import { createServer } from "@sluice/core";
import { HttpHarness, ScriptedTerminal } from "@sluice/core/testing";
import type { FilterContext, HttpFilter } from "@sluice/sdk";
import { describe, expect, onTestFinished, test } from "vitest";
import greeting, { type GreetingRouteConfig } from "./index.ts";

describe("hooks", () => {
  async function play(route?: GreetingRouteConfig) {
    let greeted = 0;
    // Of everything that a filter is given, this one uses a counter.
    const context = { stats: { counter: () => ({ inc: () => greeted++ }) } } as unknown as FilterContext;
    const made = await greeting.create({ value: "hello", header: "x-greeting" }, context);
    const hooks = made as HttpFilter<undefined, GreetingRouteConfig>;
    const terminal = new ScriptedTerminal();
    // What a route says of the first filter, as if its schema had made it.
    const perFilter = [route === undefined ? null : { mostSpecific: route, all: [route] }, null];
    const harness = new HttpHarness([{ name: "greeting", hooks }, terminal.filter], { route: { perFilter } });
    const { sent } = await harness.request();
    terminal.respond(200, { "x-greeting": "not this" });
    return { sent, greeted };
  }

  test("a response carries the greeting, once", async () => {
    const { sent, greeted } = await play();
    expect(sent.status).toBe(200);
    expect(sent.headers["x-greeting"]).toBe("hello");
    expect(greeted).toBe(1);
  });

  test("a route has its own words", async () => {
    const { sent } = await play({ value: "ahoy" });
    expect(sent.headers["x-greeting"]).toBe("ahoy");
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
