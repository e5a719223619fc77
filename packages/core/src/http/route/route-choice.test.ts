import { describe, expect, it, test } from "vitest";
import {
  adds,
  entries,
  facts,
  forward,
  matched,
  request,
  type RequestChanges,
  route,
  routeConfig,
  routeStream,
  tableOf,
  virtualHost,
  weighted,
} from "../../../../../test/support/route-model.ts";
import type { ForwardActionModel } from "../../config/model.ts";
import { FilterRuntime, RuntimeStore } from "../../runtime/runtime-store.ts";
import { buildRouteTable } from "./build-route-table.ts";
import type { ForwardEntry } from "./forward-entry.ts";
import type { RouteTable } from "./types.ts";

function table(action: Partial<ForwardActionModel>): RouteTable {
  return tableOf([route({ action: forward(action) })]);
}

/** The cluster for each number drawn. */
function drawn(routes: RouteTable, numbers: readonly number[], changes: RequestChanges = {}): (string | null)[] {
  return numbers.map((number) => {
    const entry = matched(routes, changes, { routeRandom: () => number });
    return entry === null ? null : (entry as ForwardEntry).clusterName;
  });
}

const WEIGHTED = [weighted("a", { weight: 2 }), weighted("none", { weight: 0 }), weighted("b", { weight: 1 })];

describe("a cluster that a header names", () => {
  const routes = table({ clusters: [weighted("", { clusterHeader: "x-cluster" })] });
  const named = (...values: string[]): string | null =>
    drawn(routes, [0], { headers: values.map((value) => ["x-cluster", value] as const) })[0]!;

  it("is the first that the request names", () => {
    expect([named("one"), named("two", "three"), named(), named("")]).toEqual(["one", "two", "", ""]);
  });

  it("is one of few that are remembered, and the same object while it is", () => {
    const entry = (name: string) => matched(routes, { headers: [["x-cluster", name]] });
    expect(entry("kept")).toBe(entry("kept"));
    const first = entry("kept");
    for (let i = 0; i < 300; i++) entry(`cluster-${i}`);
    expect(entry("kept")).not.toBe(first);
    expect((entry("kept") as ForwardEntry).clusterName).toBe("kept");
  });

  it("is not remembered where it is longer than names are", () => {
    const entry = (name: string) => matched(routes, { headers: [["x-cluster", name]] });
    const [long, longer] = ["n".repeat(256), "n".repeat(257)];
    expect(entry(long)).toBe(entry(long));
    expect(entry(longer)).not.toBe(entry(longer));
    expect((entry(longer) as ForwardEntry).clusterName).toBe(longer);
  });

  it("may stand in the authority", () => {
    const byHost = table({ clusters: [weighted("", { clusterHeader: ":authority" })] });
    expect(drawn(byHost, [0], { authority: "cluster.example" })).toEqual(["cluster.example"]);
  });

  it("has everything else of its route", () => {
    const whole = table({
      clusters: [weighted("", { clusterHeader: "x-cluster", requestHeaders: adds({ "x-which": "named" }) })],
      timeoutMs: 7,
    });
    const changes: RequestChanges = { headers: [["x-cluster", "one"]] };
    const entry = matched(whole, changes) as ForwardEntry;
    const headers = request(changes);
    entry.finalizeRequest(headers, routeStream());
    expect([entry.timeoutMs, entries(headers)]).toEqual([7, ["x-cluster: one", "x-which: named"]]);
  });
});

describe("weighted clusters", () => {
  it("share the numbers that are drawn, modulo the sum of the weights", () => {
    const far = 3 * 2 ** 50;
    expect(drawn(table({ clusters: WEIGHTED }), [0, 1, 2, 3, far + 2])).toEqual(["a", "a", "b", "a", "b"]);
  });

  it("may be named by headers too", () => {
    const routes = table({ clusters: [weighted("a"), weighted("", { clusterHeader: "x-cluster" })] });
    expect(drawn(routes, [0, 1], { headers: [["x-cluster", "c"]] })).toEqual(["a", "c"]);
  });

  test.each([
    ["0", "a"],
    ["2", "b"],
    ["3", "a"],
    ["0005", "b"],
    // 2^64 - 1 is divisible by 3.
    ["18446744073709551615", "a"],
    ["18446744073709551614", "b"],
  ])("go by the number of a header: %s", (number, cluster) => {
    const routes = table({ clusters: WEIGHTED, weightHeader: "x-random" });
    for (const other of [0, 2]) expect(drawn(routes, [other], { headers: [["x-random", number]] })).toEqual([cluster]);
  });

  test.each([
    [["18446744073709551616"]],
    [["123456789012345678901"]],
    [["-1"]],
    [["1.0"]],
    [["0x2"]],
    [[""]],
    [[]],
    [["2", "2"]],
  ])("but by what is drawn where that header holds %j", (values) => {
    const routes = table({ clusters: WEIGHTED, weightHeader: "x-random" });
    const headers = values.map((value) => ["x-random", value] as const);
    expect(drawn(routes, [0, 2], { headers })).toEqual(["a", "b"]);
  });
});

describe("weights that runtime keys change", () => {
  function withRuntime(clusters = WEIGHTED) {
    const store = new RuntimeStore();
    const runtime = new FilterRuntime(store, { next: () => 0, below: () => 0 });
    const action = forward({ clusters, weightRuntimePrefix: "routing.web" });
    const config = routeConfig([virtualHost({ routes: [route({ action })] })]);
    return { store, runtime, routes: buildRouteTable(config, [], runtime) };
  }

  it("are those of the configuration where no key is set", () => {
    expect(drawn(withRuntime().routes, [0, 1, 2, 3])).toEqual(["a", "a", "b", "a"]);
  });

  it("take effect at once, and end with the table", () => {
    const { store, runtime, routes } = withRuntime();
    store.update({ "routing.web.a": "0", "routing.web.none": "3" });
    expect(drawn(routes, [0, 2, 3])).toEqual(["none", "none", "b"]);
    expect(store.size).toBe(3);
    runtime.release();
    expect(store.size).toBe(0);
  });

  it("also of a single cluster", () => {
    const { store, routes } = withRuntime([weighted("a")]);
    expect(drawn(routes, [0])).toEqual(["a"]);
    store.update({ "routing.web.a": "0" });
    expect(drawn(routes, [0])).toEqual([null]);
  });

  it.each([
    ["nothing is left", { "routing.web.a": "0", "routing.web.b": "0" }],
    ["there are too many", { "routing.web.a": "4294967296" }],
    ["they are negative", { "routing.web.a": "-5", "routing.web.b": "-1" }],
  ])("choose no cluster where %s", (_name, values) => {
    const { store, routes } = withRuntime();
    store.update(values);
    expect(drawn(routes, [0, 1])).toEqual([null, null]);
  });

  it("are what the configuration says where there is no runtime to ask", () => {
    const action = forward({ clusters: WEIGHTED, weightRuntimePrefix: "routing.web" });
    expect(drawn(tableOf([route({ action })]), [0, 2])).toEqual(["a", "b"]);
    expect(facts().routeRandom()).toBe(0);
  });
});
