import { describe, expect, test } from "vitest";
import { direct, route, routeConfig, routeMatch, text, virtualHost } from "../../../../test/support/route-model.ts";
import type { MatchNodeModel, OnMatchModel, PredicateModel } from "./match-model.ts";
import type { RouteConfigModel, VirtualHostModel } from "./model.ts";
import type { RouteRange } from "./route-model.ts";
import { hostsOf, packRoutes } from "./packed-routes.ts";
import { sameMeaning } from "./same-meaning.ts";

function config(hosts: number, routes: number, at = "a.yaml:1:1", prefix = "/"): RouteConfigModel {
  const place = { path: "", position: at };
  return routeConfig(
    Array.from({ length: hosts }, (_, h) =>
      virtualHost({
        name: `h${h}`,
        domains: [`h${h}.example`],
        place,
        routes: Array.from({ length: routes }, (__, i) =>
          route({
            name: `${h}-${i}`,
            match: routeMatch({ path: { kind: "prefix", value: `${prefix}${i}` } }),
            action: direct({ body: new Uint8Array([i % 256]) }),
            perFilterConfig: { f: { config: { place: { path: "mine", position: at } }, disabled: false, place } },
            place,
          }),
        ),
      }),
    ),
  );
}

function unpacked(packed: RouteConfigModel): VirtualHostModel[] {
  return [...hostsOf(structuredClone(packed))].filter((host) => host !== null);
}

describe("packed routes", () => {
  test.each([
    [1, 1000],
    [1000, 0],
    [7, 100],
    [300, 2],
    [3, 95],
  ])("are the same when they are unpacked: %i hosts of %i routes", (hosts, routes) => {
    const whole = config(hosts, routes);
    const packed = packRoutes(whole);
    expect(packed.virtualHosts).toEqual([]);
    expect(packed.packed!.slices.length).toBeGreaterThan(3);
    expect(unpacked(packed)).toEqual(whole.virtualHosts);
  });

  test("keep the matchers of their hosts, in slices as small as those of routes", () => {
    const input = { kind: "request_header", name: "x-a" } as const;
    const to = (first: number): OnMatchModel<RouteRange> => ({
      then: { kind: "action", action: { first, count: 1 } },
      keepMatching: false,
    });
    const each = <T>(make: (i: number) => T): T[] => Array.from({ length: 300 }, (_, i) => make(i));
    const is = (value: string): PredicateModel => ({
      kind: "single",
      input,
      matcher: { kind: "string", matcher: text("exact", value) },
    });
    const nodes: MatchNodeModel<RouteRange>[] = [
      { kind: "none" },
      { kind: "list", matchers: each((i) => ({ predicate: is(`v${i}`), onMatch: to(i) })) },
      { kind: "exact", input, entries: each((i) => [`v${i}`, to(i)]) },
      { kind: "prefix", input, entries: each((i) => [`v${i}`, to(i)]) },
      {
        kind: "ip",
        input,
        ranges: each((i) => ({ cidrs: [`10.0.${i % 256}.0/24`], exclusive: false, onMatch: to(i) })),
      },
      { kind: "domain", input, domains: each((i) => [`h${i}.example`, to(i)]) },
    ];
    const hosts = nodes.flatMap((node, at) => [
      virtualHost({ name: `m${at}`, domains: [`m${at}`], routes: [], matcher: { node, onNoMatch: to(7) } }),
      virtualHost({ name: `r${at}`, domains: [`r${at}`], routes: [route(), route()] }),
    ]);
    const packed = packRoutes(routeConfig(hosts));
    expect(unpacked(packed)).toEqual(hosts);
    expect(Math.max(...packed.packed!.slices.map(({ length }) => length))).toBeLessThan(32_768);
    const [first, ...others] = hosts;
    const changed = { ...first!, matcher: { node: nodes[0]!, onNoMatch: to(8) } };
    expect(sameMeaning(packed, packRoutes(routeConfig([changed, ...others])))).toBe(false);
  });

  test("go as they are where there are few", () => {
    const few = config(2, 10);
    expect(packRoutes(few)).toBe(few);
    expect([...hostsOf(few)]).toEqual(few.virtualHosts);
  });

  test("are packed once for all workers, in memory that these share", () => {
    const whole = config(1, 300);
    expect(packRoutes(whole)).toBe(packRoutes(whole));
    expect(packRoutes(whole).packed!.slices[0]!.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test("mean the same wherever they stand, and something else when anything of them does", () => {
    const packed = (...given: Parameters<typeof config>) => packRoutes(config(...given));
    const elsewhere = packRoutes({ ...config(1, 300), place: { path: "", position: "b.yaml:9:9" } });
    expect(sameMeaning(packed(1, 300), elsewhere)).toBe(true);
    expect(sameMeaning(packed(1, 300), packed(1, 300, "a.yaml:1:1", "/x"))).toBe(false);
    expect(sameMeaning(packed(1, 300), packed(1, 301))).toBe(false);
    expect(sameMeaning(packed(1, 300), packed(2, 150))).toBe(false);
    const bare = (at: string): RouteConfigModel => {
      const { virtualHosts, ...rest } = config(1, 300, at);
      const [host] = virtualHosts;
      return packRoutes({
        ...rest,
        virtualHosts: [{ ...host!, routes: host!.routes.map((one) => ({ ...one, perFilterConfig: {} })) }],
      });
    };
    expect(bare("a.yaml:1:1").packed).not.toEqual(bare('a "quoted\\".yaml:1:1').packed);
    expect(sameMeaning({ ...bare("a.yaml:1:1").packed }, { ...bare('a "quoted\\".yaml:1:1').packed })).toBe(true);
    // What users wrote for a filter is compared as it is, whatever its keys.
    expect(sameMeaning(packed(1, 300), packed(1, 300, "b.yaml:1:1"))).toBe(false);
  });
});
