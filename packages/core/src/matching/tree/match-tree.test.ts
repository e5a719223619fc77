import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Act,
  act,
  built,
  data,
  equals,
  header,
  list,
  result,
  goOn,
  treeOf,
  when,
  with_,
} from "../../../../../test/support/match-tree.ts";
import type { OnMatchModel, PredicateModel } from "../../config/match-model.ts";
import { ResponseHeaderMap } from "../../http/headers/header-map.ts";
import type { HttpMatchData } from "./match-data.ts";
import { NOT_YET } from "./match-result.ts";

describe("a list", () => {
  const tree = treeOf(list([when("a", "1"), act("first")], [when("b", "1"), act("second")]), act("none"));

  test("takes the first whose condition is met, and on_no_match otherwise", () => {
    expect(result(tree, with_(["a", "1"], ["b", "1"]))).toBe("first");
    expect(result(tree, with_(["b", "1"]))).toBe("second");
    expect(result(tree, with_(["b", "2"]))).toBe("none");
  });

  test("without on_no_match matches nothing", () => {
    expect(result(treeOf(tree.node), with_())).toBeNull();
    expect(result(treeOf({ kind: "none" }), with_())).toBeNull();
    expect(result(treeOf({ kind: "none" }, act("always")), with_())).toBe("always");
  });

  test("goes on where a nested tree does not match", () => {
    const inner = treeOf(list([when("x", "1"), act("inner")]));
    const outer = treeOf(list([when("a", "1"), goOn(inner)], [when("a", "1"), act("next")]), act("none"));
    expect(result(outer, with_(["a", "1"], ["x", "1"]))).toBe("inner");
    expect(result(outer, with_(["a", "1"]))).toBe("next");
    // The most specific on_no_match is it.
    const decided = treeOf(list([when("a", "1"), goOn({ ...inner, onNoMatch: act("inner none") })]), act("none"));
    expect(result(decided, with_(["a", "1"]))).toBe("inner none");
  });

  test("tells of what keeps matching, and goes on", () => {
    const keeping = treeOf(
      list([when("a", "1"), act("told", true)], [when("b", "1"), act("taken")]),
      act("at last", true),
    );
    const told: string[] = [];
    const tree = built(keeping);
    const note = ({ name }: Act): void => void told.push(name);
    expect(tree.match(with_(["a", "1"], ["b", "1"]), note)).toEqual({ name: "taken" });
    expect(told).toEqual(["told"]);
    expect(tree.match(with_(["a", "1"]), note)).toBeNull();
    expect(told).toEqual(["told", "told", "at last"]);
    expect(tree.match(with_(["a", "1"]))).toBeNull();
  });

  test("keeps matching behind a nested tree that has matched", () => {
    const inner = treeOf(list([when("x", "1"), act("inner")]));
    const outer = treeOf(list([when("a", "1"), goOn(inner, true)], [when("a", "1"), act("next")]));
    expect(result(outer, with_(["a", "1"], ["x", "1"]))).toBe("next");
  });
});

describe("conditions", () => {
  const holds = (predicate: PredicateModel, given: HttpMatchData) =>
    result(treeOf(list([predicate, act("yes")])), given);
  const later: PredicateModel = {
    kind: "single",
    input: { kind: "response_header", name: "a" },
    matcher: equals("1"),
  };

  test("are joined and turned round", () => {
    const both: PredicateModel = { kind: "all", predicates: [when("a", "1"), when("b", "1")] };
    const either: PredicateModel = { kind: "any", predicates: [when("a", "1"), when("b", "1")] };
    expect([holds(both, with_(["a", "1"], ["b", "1"])), holds(both, with_(["a", "1"]))]).toEqual(["yes", null]);
    expect([holds(either, with_(["b", "1"])), holds(either, with_())]).toEqual(["yes", null]);
    const not: PredicateModel = { kind: "not", predicate: both };
    expect([holds(not, with_(["a", "1"])), holds(not, with_(["a", "1"], ["b", "1"]))]).toEqual(["yes", null]);
  });

  test("a value that is missing is not met, even where none is asked for", () => {
    const nothing: PredicateModel = { kind: "single", input: header("a"), matcher: equals("") };
    expect(holds(nothing, with_())).toBeNull();
    expect(holds({ kind: "not", predicate: nothing }, with_())).toBe("yes");
  });

  test("that cannot be known yet defer the decision, unless another one decides", () => {
    expect(holds(later, with_())).toBe(NOT_YET);
    expect(holds({ kind: "not", predicate: later }, with_())).toBe(NOT_YET);
    expect(holds({ kind: "any", predicates: [later, when("a", "1")] }, with_(["a", "1"]))).toBe("yes");
    expect(holds({ kind: "any", predicates: [later, when("a", "1")] }, with_())).toBe(NOT_YET);
    expect(holds({ kind: "all", predicates: [when("a", "1"), later] }, with_())).toBeNull();
    expect(holds({ kind: "all", predicates: [later, when("a", "1")] }, with_())).toBe(NOT_YET);
    // What follows is not asked either.
    expect(result(treeOf(list([later, act("x")], [when("a", "1"), act("y")]), act("z")), with_(["a", "1"]))).toBe(
      NOT_YET,
    );
    const answered = data({}, { responseHeaders: new ResponseHeaderMap(200, []) });
    expect(holds(later, answered)).toBeNull();
  });
});

describe("maps", () => {
  const exact = treeOf(
    {
      kind: "exact",
      input: header("a"),
      entries: [
        ["1", act("one")],
        ["2", goOn(treeOf(list([when("x", "1"), act("two")])))],
      ],
    },
    act("none"),
  );
  const prefix = treeOf(
    {
      kind: "prefix",
      input: header(":path"),
      entries: [
        ["/", act("root")],
        ["/a", goOn(treeOf(list([when("x", "1"), act("a")])))],
        ["/a/b", act("kept", true)],
      ],
    },
    act("none"),
  );

  test("of whole values", () => {
    expect(["1", "2", "3"].map((value) => result(exact, with_(["a", value])))).toEqual(["one", "none", "none"]);
    expect(result(exact, with_(["a", "2"], ["x", "1"]))).toBe("two");
    expect(result(exact, with_())).toBe("none");
    // Several lines are one value.
    expect(result(exact, with_(["a", "1"], ["a", "2"]))).toBe("none");
  });

  test("of prefixes: the longest, then the next shorter one", () => {
    expect(result(prefix, data({ path: "/b" }))).toBe("root");
    expect(result(prefix, data({ path: "/ab", headers: [["x", "1"]] }))).toBe("a");
    expect(result(prefix, data({ path: "/ab" }))).toBe("root");
    expect(result(prefix, data({ path: "/a/b/c", headers: [["x", "1"]] }))).toBe("a");
  });

  test("defer while their value may still come", () => {
    const later = treeOf({ kind: "exact", input: { kind: "status_code" }, entries: [["200", act("ok")]] }, act("none"));
    expect(result(later, with_())).toBe(NOT_YET);
    expect(result(later, data({}, { responseHeaders: new ResponseHeaderMap(200, []) }))).toBe("ok");
  });
});

describe("IP ranges", () => {
  const range = (cidr: string, onMatch: OnMatchModel<Act>, exclusive = false) => ({
    cidrs: [cidr],
    exclusive,
    onMatch,
  });
  const nested = (name: string) => goOn(treeOf(list([when("x", "1"), act(name)])));
  const tree = (...ranges: ReturnType<typeof range>[]) =>
    treeOf({ kind: "ip", input: { kind: "source_ip" }, ranges }, act("none"));
  const from = (ip: string, x = ""): HttpMatchData =>
    data({ headers: x === "" ? [] : [["x", x]] }, { remote: { address: ip, ip, port: 1 } });

  test("the most specific one, then the first of those that are alike", () => {
    const made = tree(range("10.0.0.0/8", act("ten")), range("10.1.0.0/16", act("b")), range("10.1.0.0/16", act("c")));
    expect(
      ["10.2.0.1", "10.1.0.1", "11.0.0.1", "::ffff:10.1.2.3", "2001:db8::1"].map((ip) => result(made, from(ip))),
    ).toEqual(["ten", "b", "none", "b", "none"]);
  });

  test("a less specific one where that has not matched, unless it is exclusive", () => {
    const open = tree(range("0.0.0.0/0", act("all")), range("10.0.0.0/8", nested("ten")));
    const closed = tree(range("0.0.0.0/0", act("all"), true), range("10.0.0.0/8", nested("ten"), true));
    expect([result(open, from("10.0.0.1", "1")), result(open, from("10.0.0.1"))]).toEqual(["ten", "all"]);
    expect([result(closed, from("10.0.0.1", "1")), result(closed, from("10.0.0.1"))]).toEqual(["ten", "none"]);
    expect(result(closed, from("11.0.0.1"))).toBe("all");
  });

  test("IPv6, and what is no address", () => {
    const made = tree(range("2001:db8::/32", act("doc")), range("::1/128", act("self")));
    expect(["2001:db8:1::2", "::1", "::2"].map((ip) => result(made, from(ip)))).toEqual(["doc", "self", "none"]);
    const named = treeOf({ kind: "ip", input: header("a"), ranges: [range("0.0.0.0/0", act("all"))] }, act("none"));
    expect([result(named, with_(["a", "10.0.0.1"])), result(named, with_(["a", "x"])), result(named, with_())]).toEqual(
      ["all", "none", "none"],
    );
  });

  test("are found as by looking at each of them", () => {
    const octet = fc.integer({ min: 0, max: 3 });
    const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
    const ranges = fc.array(fc.tuple(address, fc.integer({ min: 0, max: 32 })), { minLength: 1, maxLength: 12 });
    const word = (ip: string): number => ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    const holds = (ip: string, [base, bits]: readonly [string, number]): boolean =>
      Math.floor(word(ip) / 2 ** (32 - bits)) === Math.floor(word(base) / 2 ** (32 - bits));
    fc.assert(
      fc.property(ranges, fc.array(address, { minLength: 1, maxLength: 8 }), (all, addresses) => {
        const made = built(tree(...all.map(([base, bits], i) => range(`${base}/${bits}`, act(String(i))))));
        for (const ip of addresses) {
          const holding = all.flatMap((one, i) => (holds(ip, one) ? [{ i, bits: one[1] }] : []));
          const best = holding.sort((a, b) => b.bits - a.bits || a.i - b.i)[0];
          expect(made.match(from(ip))).toEqual({ name: best === undefined ? "none" : String(best.i) });
        }
      }),
    );
  });
});

describe("domains", () => {
  const nested = goOn(treeOf(list([when("x", "1"), act("nested")])));
  const tree = treeOf(
    {
      kind: "domain",
      input: header(":authority"),
      domains: [
        ["a.example.com", act("exact")],
        ["*.example.com", act("example")],
        ["*.com", act("com")],
        ["b.example.com", nested],
        ["*", act("any")],
      ],
    },
    act("none"),
  );

  test.each([
    ["a.example.com", "exact"],
    ["x.example.com", "example"],
    ["y.x.example.com", "example"],
    ["example.com", "com"],
    ["com", "any"],
    ["example.org", "any"],
    // The exact one has not matched; a wildcard has.
    ["b.example.com", "example"],
    ["", "none"],
    ["*.example.com", "example"],
  ])("%s is %s", (authority, expected) => {
    expect(result(tree, data({ authority }))).toBe(expected);
  });

  test("a text of nothing but dots costs no more than its length", () => {
    expect(result(tree, data({ authority: ".".repeat(300_000) }))).toBe("any");
  });
});
