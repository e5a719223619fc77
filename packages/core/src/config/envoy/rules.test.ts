import { describe, expect, test } from "vitest";
import { bindYaml } from "../../../../../test/support/bind-yaml.ts";
import { EnumType, type FieldType, MessageType } from "./registry.ts";
import { checkRules } from "./rules.ts";
import type { FieldLine, RulesLine } from "./type-lines.ts";

function field(rules: RulesLine, more: Partial<FieldLine> = {}): FieldType {
  const line: FieldLine = { n: "f", i: 1, t: "string", v: rules, ...more };
  return new MessageType("M", { f: [line] }).fields[0] as FieldType;
}

const expected = (rules: RulesLine, value: unknown, more: Partial<FieldLine> = {}) =>
  checkRules(field(rules, more), value).map(({ element, finding }) => [element, finding.expected]);

const seconds = (s: bigint, nanos = 0) => ({ $typeName: "google.protobuf.Duration", seconds: s, nanos });

describe("each rule", () => {
  test.each<[string, RulesLine, unknown, unknown, string]>([
    ["min_len", { min_len: 1 }, "a", "", "a text that is not empty"],
    ["min_len in code points", { min_len: 2 }, "😀😀", "😀", "at least 2 characters"],
    ["max_len", { max_len: 2 }, "😀😀", "abc", "at most 2 characters"],
    ["max_bytes", { max_bytes: 4 }, "abcd", "éée", "at most 4 bytes"],
    ["in", { in: ["http", "https"] }, "http", "ftp", "one of http, https"],
    ["not_in", { not_in: ["a"] }, "b", "a", "none of a"],
    ["pattern", { pattern: "^[^?#]+[^?#/]$" }, "/a", "/a?", "a text that matches ^[^?#]+[^?#/]$"],
    ["header name", { well_known_regex: "HTTP_HEADER_NAME" }, ":path", "a b", "the name of an HTTP header"],
    ["header value", { well_known_regex: "HTTP_HEADER_VALUE" }, "a\tb", "a\u0001", "the value of an HTTP header"],
    [
      "lax header",
      { well_known_regex: "HTTP_HEADER_VALUE", strict: false },
      "\u0001",
      "a\nb",
      "a text without NUL and line ends",
    ],
    ["const", { const: true }, true, false, "true"],
    ["gt", { gt: 0 }, 1, 0, "a number above 0"],
    ["gte", { gte: 1 }, 1, 0, "a number of at least 1"],
    ["lt", { lt: 5 }, 4, 5, "a number below 5"],
    ["lte", { lte: 5n as never }, 5n, 6n, "a number of at most 5"],
    ["gt and lt", { gt: 0, lt: 5 }, 4, 5, "a number above 0 and below 5"],
    ["gte and lte", { gte: 1, lte: 5 }, 5, 6, "a number from 1 to 5"],
    ["not a number", { gte: 0 }, 0.5, Number.NaN, "a number of at least 0"],
    ["durations", { gt: "0s", lt: "300s" }, seconds(1n), seconds(300n), "a duration above 0s and below 300s"],
    [
      "durations below a second",
      { gte: "0.001s" },
      seconds(0n, 1_000_000),
      seconds(0n, 999_999),
      "a duration of at least 0.001s",
    ],
    ["negative durations", { gte: "0s" }, seconds(0n), seconds(0n, -1), "a duration of at least 0s"],
    ["bytes", { min_len: 1, max_len: 2 }, Uint8Array.of(1), Uint8Array.of(1, 2, 3), "at most 2 bytes"],
  ])("%s", (_, rules, good, bad, sentence) => {
    expect(expected(rules, good)).toEqual([]);
    expect(expected(rules, bad)).toEqual([[undefined, sentence]]);
  });

  test("ignore_empty passes over an empty text only", () => {
    const rules: RulesLine = { well_known_regex: "HTTP_HEADER_NAME", ignore_empty: true };
    expect(expected(rules, "")).toEqual([]);
    expect(expected(rules, " ")).toHaveLength(1);
  });

  test("defined_only and not_in of enums name what is left", () => {
    const type = new EnumType("E", {
      e: [
        ["A", 0],
        ["B", 1],
      ],
    });
    expect(checkRules(field({ defined_only: true }, { t: "enum" }), 7, type)[0]?.finding).toMatchObject({
      message: "found 7",
      expected: "one of A, B",
    });
    expect(checkRules(field({ not_in: [1] }, { t: "enum" }), 1, type)[0]?.finding.expected).toBe("one of A");
    expect(checkRules(field({ defined_only: true }, { t: "enum" }), 1, type)).toEqual([]);
  });

  test("lists: count, uniqueness, and each element by its index", () => {
    const list = { c: "list" } as const;
    expect(expected({ min_items: 1 }, [], list)).toEqual([[undefined, "at least 1 element"]]);
    expect(expected({ max_items: 2 }, ["a", "b", "c"], list)).toEqual([[undefined, "at most 2 elements"]]);
    expect(expected({ unique: true }, ["a", "b", "a"], list)).toEqual([[2, "each once"]]);
    expect(expected({ items: { min_len: 1 } }, ["a", "", "b", ""], list)).toEqual([
      [1, "a text that is not empty"],
      [3, "a text that is not empty"],
    ]);
  });

  test("maps: count, keys and values", () => {
    const map = { c: "map" } as const;
    expect(expected({ min_pairs: 1 }, {}, map)).toEqual([[undefined, "at least 1 entry"]]);
    expect(expected({ keys: { min_len: 1 }, values: { min_len: 1 } }, { "": "x", k: "" }, map)).toEqual([
      ["", "a text that is not empty as key"],
      ["k", "a text that is not empty"],
    ]);
  });
});

describe("in a configuration", () => {
  const cluster = (text: string) => bindYaml("envoy.config.cluster.v3.Cluster", text).lines;

  test("an absent field breaks its rule as its default does", () => {
    expect(cluster("type: STATIC")).toEqual(["1:1 name is missing"]);
    expect(bindYaml("envoy.config.route.v3.VirtualHost", "name: a").lines).toEqual(["1:1 domains is missing"]);
  });

  test("a required message", () => {
    expect(bindYaml("envoy.config.core.v3.HttpUri", "uri: a\ncluster: b").lines).toEqual(["1:1 timeout is missing"]);
  });

  test("what is set and wrong is not also missing", () => {
    expect(cluster("name: 5")).toEqual(["1:7 name found the number 5, expected a text in quotes"]);
    expect(bindYaml("envoy.config.core.v3.HttpUri", "uri: a\ncluster: b\ntimeout: 5").lines).toHaveLength(1);
  });

  test("elements that were left out count", () => {
    expect(bindYaml("envoy.config.route.v3.VirtualHost", "name: a\ndomains: [5]").lines).toHaveLength(1);
    expect(bindYaml("envoy.config.route.v3.VirtualHost", "name: a\ndomains: []").lines).toEqual([
      "2:10 domains found a list of 0, expected at least 1 element",
    ]);
  });

  test("an unset optional message has no rules to break", () => {
    expect(cluster("name: a")).toEqual([]);
    expect(cluster("name: a\nconnect_timeout: 0s")).toEqual([
      "2:18 connect_timeout found 0s, expected a duration above 0s",
    ]);
  });

  test("a rule of a wrapper is that of its value", () => {
    const bucket = (text: string) => bindYaml("envoy.type.v3.TokenBucket", text).lines;
    expect(bucket("max_tokens: 1\nfill_interval: 1s\ntokens_per_fill: 0")).toEqual([
      "3:18 tokens_per_fill found 0, expected a number above 0",
    ]);
  });

  test("a broken element is told where it stands, also after elements that were left out", () => {
    const { lines } = bindYaml(
      "envoy.config.route.v3.VirtualHost",
      'name: a\ndomains: ["*"]\nrequest_headers_to_remove: [5, "a", ""]',
    );
    expect(lines).toEqual([
      "3:29 request_headers_to_remove[0] found the number 5, expected a text in quotes",
      "3:37 request_headers_to_remove[2] found an empty text, expected a text that is not empty",
    ]);
  });
});
