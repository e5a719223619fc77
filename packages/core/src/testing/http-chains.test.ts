// Chains and routes in the harness: route configuration at every level, filters in order, what streams of one connection share.
import { defineHttpFilter, metadataKey, parsedBy } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { httpHarness } from "./http-filter-harness.ts";
import type { AnyDefinition } from "./setup.ts";

const common = { maturity: "alpha", security: "unknown" } as const;

const greeting = defineHttpFilter({
  ...common,
  id: "acme.http.greeting",
  config: z.strictObject({ value: z.string() }),
  routeConfig: z.strictObject({ value: z.string() }),
  create: (config) => ({
    onResponseHeaders: (headers, _end, stream) => headers.set("x-greeting", stream.routeConfig?.value ?? config.value),
  }),
});

describe("routes", () => {
  const values = async (options: object): Promise<(string | undefined)[]> => {
    const h = await httpHarness(greeting, { config: { value: "default" }, ...options });
    const get = async (path: string) => (await h.request({ path })).headers["x-greeting"];
    return [await get("/"), await get("/nautical")];
  };

  test("a configuration for all of them, or for one", async () => {
    expect(await values({ routeConfig: { value: "ahoy" } })).toEqual(["ahoy", "ahoy"]);
    const routes = [{ prefix: "/nautical", routeConfig: { value: "ahoy" } }, { prefix: "/" }];
    expect(await values({ routes })).toEqual(["default", "ahoy"]);
  });

  test("the most specific of four levels holds", async () => {
    const value = (text: string) => ({ config: { value: text } });
    const four = {
      routeConfiguration: value("1"),
      virtualHost: value("2"),
      route: value("3"),
      cluster: value("4"),
    };
    expect(await values({ levels: four })).toEqual(["4", "4"]);
    const { cluster: _, ...three } = four;
    expect(await values({ levels: three })).toEqual(["3", "3"]);
    const { route: __, ...two } = three;
    expect(await values({ levels: two })).toEqual(["2", "2"]);
    expect(await values({ levels: { routeConfiguration: value("1") } })).toEqual(["1", "1"]);
  });

  test("a route turns the filter off, or one that is off on", async () => {
    const routes = [{ prefix: "/nautical", disabled: true }, { prefix: "/" }];
    expect(await values({ routes })).toEqual(["default", undefined]);
    const on = [{ prefix: "/nautical", disabled: false }, { prefix: "/" }];
    expect(await values({ routes: on, disabled: true })).toEqual([undefined, "default"]);
  });

  test("no route at all", async () => {
    const seen: unknown[] = [];
    const looking = defineHttpFilter({
      ...common,
      id: "acme.http.looking",
      config: parsedBy(() => ({})),
      create: () => ({ onRequestHeaders: (_h, _e, stream) => void seen.push(stream.route?.kind) }),
    });
    await (await httpHarness(looking, { routes: [] })).request();
    await (await httpHarness(looking)).request();
    expect(seen).toEqual([undefined, "forward"]);
  });

  test("a route that speaks of a filter that is not there is refused", async () => {
    const routes = [{ filters: { "acme.http.greting": { disabled: true } } }];
    await expect(httpHarness(greeting, { config: { value: "x" }, routes })).rejects.toThrow(
      'a route speaks of the filter "acme.http.greting", expected one of "acme.http.greeting"',
    );
  });
});

describe("a chain", () => {
  const key = metadataKey<{ name: string }>("acme.names");
  const naming = defineHttpFilter({
    ...common,
    id: "acme.http.naming",
    provides: [key],
    config: z.object({ name: z.string() }),
    create: ({ name }) => ({ onRequestHeaders: (_h, _e, stream) => stream.metadata.set(key, { name }) }),
  });
  const telling = defineHttpFilter({
    ...common,
    id: "acme.http.telling",
    config: parsedBy(() => ({})),
    create: (_config, context) => ({
      onRequestHeaders(headers, _end, stream) {
        context.stats.counter("told").inc();
        headers.set("x-name", stream.metadata.get(key)?.name ?? "nobody");
      },
    }),
  });

  test("filters stand in order, with their own configurations and statistics", async () => {
    const h = await httpHarness([[naming, { config: { name: "Ann" } }], telling]);
    expect((await h.request()).upstream!.headers["x-name"]).toBe("Ann");
    expect(h.stat("told", "acme.http.telling")).toBe(1);
  });

  test("one definition stands twice under two names", async () => {
    const twice: [AnyDefinition, object] = [naming, { config: { name: "Bob" }, name: "second" }];
    const h = await httpHarness([[naming, { config: { name: "Ann" } }], twice, telling]);
    expect((await h.request()).upstream!.headers["x-name"]).toBe("Bob");
    await expect(httpHarness([telling, telling])).rejects.toThrow('two filters are called "acme.http.telling"');
  });

  test("what throws is named, counted, and answered as onError says", async () => {
    const throwing = defineHttpFilter({
      ...common,
      id: "acme.http.throwing",
      config: parsedBy(() => ({})),
      create: () => ({
        onRequestHeaders() {
          throw new Error("oh");
        },
      }),
    });
    const h = await httpHarness(throwing);
    expect(await h.request()).toMatchObject({
      status: 500,
      details: "filter_error{acme.http.throwing:onRequestHeaders}",
    });
    expect([h.stat("errors"), h.log[0]!.message]).toEqual([1, "filter acme.http.throwing failed in onRequestHeaders"]);
    expect((await (await httpHarness(throwing, { onError: "continue" })).request()).status).toBe(200);
  });

  test("streams of one connection share what lives as long as it", async () => {
    const counting = defineHttpFilter({
      ...common,
      id: "acme.http.counting",
      config: parsedBy(() => ({})),
      create: () => ({
        onRequestHeaders(headers, _end, { filterState, info }) {
          const count = ((filterState.get("count") as number | undefined) ?? 0) + 1;
          filterState.set("count", count, { life: "connection" });
          headers.set("x-count", `${count} ${info.remote.address} ${info.connection.tls?.serverName ?? "plain"}`);
        },
      }),
    });
    const h = await httpHarness(counting);
    const connection = h.connect({ ip: "2001:db8::1", port: 5, tls: { serverName: "a.example" } });
    await connection.request();
    expect((await connection.request()).upstream!.headers["x-count"]).toBe("2 [2001:db8::1]:5 a.example");
    expect((await h.request()).upstream!.headers["x-count"]).toBe("1 192.0.2.1:4711 plain");
  });
});
