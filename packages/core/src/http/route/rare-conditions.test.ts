import { describe, expect, test } from "vitest";
import {
  drawn,
  matched,
  overTls,
  type RequestChanges,
  route,
  routeMatch,
  routeConfig,
  tableOf,
  text,
  virtualHost,
} from "../../../../../test/support/route-model.ts";
import type { RareConditionsModel, RuntimeFractionModel } from "../../config/model.ts";
import { FilterRuntime, RuntimeStore } from "../../runtime/runtime-store.ts";
import { StreamFilterState, StreamMetadata } from "../chain/stream-data.ts";
import { buildRouteTable } from "./build-route-table.ts";
import type { RouteFacts } from "./types.ts";

const NOTHING: RareConditionsModel = { runtimeFraction: null, cookies: [], tls: null, metadata: [], filterState: [] };

function holds(
  rare: Partial<RareConditionsModel>,
  changes: RequestChanges = {},
  given: Partial<RouteFacts> = {},
): boolean {
  const table = tableOf([route({ match: routeMatch({ rare: { ...NOTHING, ...rare } }) })]);
  return matched(table, changes, given) !== null;
}

const cookies = (...lines: string[]): RequestChanges => ({ headers: lines.map((line) => ["cookie", line] as const) });
const cookie = (name: string, value: string, invert = false) => ({
  cookies: [{ name, matcher: text("exact", value), invert }],
});

describe("cookies", () => {
  test.each([
    [["a=1"], true],
    [["b=2; a=1"], true],
    [["b=2;a=1 ;c"], true],
    [['a="1"'], true],
    [["b=2", "a=1"], true],
    // The first of a name counts.
    [["a=2; a=1"], false],
    [["a=2", "a=1"], false],
    [["aa=1"], false],
    [["A=1"], false],
    [["b=a=1"], false],
    [["a"], false],
    [["a; b=1"], false],
    [[], false],
  ])("%j: a is 1: %s", (lines, expected) => {
    expect(holds(cookie("a", "1"), cookies(...lines))).toBe(expected);
    expect(holds(cookie("a", "1", true), cookies(...lines))).toBe(!expected);
  });

  test("all of them must hold", () => {
    const both = { cookies: [...cookie("a", "1").cookies, ...cookie("b", "2").cookies] };
    expect(holds(both, cookies("a=1; b=2"))).toBe(true);
    expect(holds(both, cookies("a=1"))).toBe(false);
  });
});

describe("client certificates", () => {
  const presented = overTls({ peerCertificatePresented: true });
  const validated = overTls({ peerCertificatePresented: true, peerCertificateVerified: true });

  test.each([
    [{ presented: true, validated: null }, [false, false, true, true]],
    [{ presented: false, validated: null }, [true, true, false, false]],
    [{ presented: null, validated: true }, [false, false, false, true]],
    [{ presented: null, validated: false }, [true, true, true, false]],
    [{ presented: true, validated: false }, [false, false, true, false]],
    [{ presented: null, validated: null }, [true, true, true, true]],
  ])("%j", (tls, [plain, none, shown, verified]) => {
    expect([{}, overTls(), presented, validated].map((facts) => holds({ tls }, {}, facts))).toEqual([
      plain,
      none,
      shown,
      verified,
    ]);
  });
});

describe("what filters left", () => {
  const metadata = new StreamMetadata();
  metadata.set("acme", { tenant: { id: "t1", tags: ["a", 7, null] }, n: 3, none: null });
  const filterState = new StreamFilterState(null);
  filterState.set("who", "alice");
  filterState.set("ip", "10.1.2.3");
  filterState.set("object", { a: 1 });

  test.each([
    [["tenant", "id"], { kind: "string", matcher: text("prefix", "t") } as const, true],
    [["tenant", "id"], { kind: "string", matcher: text("exact", "t2") } as const, false],
    [["n"], { kind: "number", value: 3 } as const, true],
    [["n"], { kind: "range", start: 1, end: 3 } as const, false],
    [["n"], { kind: "range", start: 3, end: 4 } as const, true],
    [["n"], { kind: "string", matcher: text("exact", "3") } as const, false],
    [["none"], { kind: "null" } as const, true],
    [["missing"], { kind: "null" } as const, false],
    [["none"], { kind: "present", present: true } as const, true],
    [["missing"], { kind: "present", present: true } as const, false],
    // As in Envoy, which has no "absent": invert says that.
    [["missing"], { kind: "present", present: false } as const, false],
    [["tenant", "tags"], { kind: "one_of", value: { kind: "number", value: 7 } } as const, true],
    [["tenant", "tags"], { kind: "one_of", value: { kind: "bool", value: true } } as const, false],
    [["tenant"], { kind: "one_of", value: { kind: "number", value: 7 } } as const, false],
    [["n"], { kind: "or", values: [{ kind: "null" }, { kind: "number", value: 3 }] } as const, true],
    [["tenant", "constructor"], { kind: "present", present: true } as const, false],
  ])("metadata %j %j: %s", (path, value, expected) => {
    const model = { filter: "acme", path, value, invert: false };
    expect(holds({ metadata: [model] }, {}, { metadata })).toBe(expected);
    expect(holds({ metadata: [{ ...model, invert: true }] }, {}, { metadata })).toBe(!expected);
  });

  test("without any metadata nothing matches but what is inverted", () => {
    const model = { filter: "acme", path: ["x"], value: { kind: "present" as const, present: true }, invert: false };
    expect(holds({ metadata: [model] })).toBe(false);
    expect(holds({ metadata: [{ ...model, invert: true }] })).toBe(true);
  });

  test.each([
    ["who", { kind: "string", matcher: text("exact", "alice") } as const, true],
    ["who", { kind: "string", matcher: text("exact", "bob") } as const, false],
    ["missing", { kind: "string", matcher: text("prefix", "a") } as const, false],
    ["object", { kind: "string", matcher: text("exact", '{"a":1}') } as const, true],
    ["ip", { kind: "address", ranges: ["10.0.0.0/8"] } as const, true],
    ["ip", { kind: "address", ranges: ["11.0.0.0/8", "::/0"] } as const, false],
    ["who", { kind: "address", ranges: ["0.0.0.0/0"] } as const, false],
  ])("filter state %s %j: %s", (key, match, expected) => {
    expect(holds({ filterState: [{ key, match }] }, {}, { filterState })).toBe(expected);
  });
});

describe("a share of the requests", () => {
  const quarter: RuntimeFractionModel = { key: "canary", numerator: 25, denominator: 100 };
  // One place in a hundred is 1024 of what is drawn: the lowest bits are for weights.
  const at = (place: number): Partial<RouteFacts> => drawn(place * 1024);

  test("is what the request drew, which is the same whenever it is asked", () => {
    const fixed = { ...quarter, key: "" };
    expect([0, 24, 25, 99, 100, 124, 125].map((place) => holds({ runtimeFraction: fixed }, {}, at(place)))).toEqual([
      true,
      true,
      false,
      false,
      true,
      true,
      false,
    ]);
  });

  test("follows the runtime key from one request to the next", () => {
    const store = new RuntimeStore();
    const runtime = new FilterRuntime(store, { next: () => 0, below: () => 0 });
    const match = routeMatch({ rare: { ...NOTHING, runtimeFraction: quarter } });
    const table = buildRouteTable(routeConfig([virtualHost({ routes: [route({ match })] })]), [], runtime);
    const taken = (place: number): boolean => matched(table, {}, at(place)) !== null;
    expect([taken(24), taken(25)]).toEqual([true, false]);
    store.update({ canary: "60" });
    expect([taken(59), taken(60)]).toEqual([true, false]);
    store.update({ canary: '{"numerator":1,"denominator":"TEN_THOUSAND"}' });
    expect([taken(0), taken(1), taken(100)]).toEqual([true, false, false]);
    store.update({});
    expect(taken(24)).toBe(true);
    runtime.release();
    expect(store.size).toBe(0);
  });

  test("is drawn only where a route asks", () => {
    const table = tableOf([route()]);
    expect(
      matched(
        table,
        {},
        {
          routeRandom: () => {
            throw new Error("nobody asked");
          },
        },
      ),
    ).not.toBeNull();
  });
});
