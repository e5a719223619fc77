import { describe, expect, test } from "vitest";
import { problemLines } from "../../../../../test/support/bind-yaml.ts";
import { Problems } from "../problems.ts";
import { defaultLimits, type SourceLimits } from "./limits.ts";
import { parseSource } from "./parse-source.ts";

function parse(text: string, limits: Partial<SourceLimits> = {}) {
  const problems = new Problems();
  const source = parseSource(text, "f", problems, { ...defaultLimits, ...limits });
  return { source, root: source.root, problems: [...problems], lines: problemLines(problems) };
}

describe("values", () => {
  test.each([
    ["a: text", { a: "text" }],
    ["a: 'it''s'", { a: "it's" }],
    ["a: 5\nb: -5.5\nc: 0x1F\nd: 0o17\ne: 1e3", { a: 5, b: -5.5, c: 31, d: 15, e: 1000 }],
    ["a: true\nb: false\nc: null\nd: ~\ne:", { a: true, b: false, c: null, d: null, e: null }],
    ["on: yes\noff: n", { on: "yes", off: "n" }],
    ["a: 2024-01-31", { a: "2024-01-31" }],
    ["404: a\ntrue: b\n1.50: c", { 404: "a", true: "b", "1.50": "c" }],
    ['{"a": [1, {"b": "\\u00e9"}], "c": {}}', { a: [1, { b: "é" }], c: {} }],
    ['{\n\t"a": 1,\n\t"b": [\n\t\t2\n\t]\n}', { a: 1, b: [2] }],
    ["a: |\n  one\n  two\nb: >-\n  one\n  two\n", { a: "one\ntwo\n", b: "one two" }],
    ["# c\n---\na: 1 # d\n...\n", { a: 1 }],
    ["%YAML 1.1\n---\na: yes\nb: 12:30", { a: "yes", b: "12:30" }],
    ["\uFEFFa: 1", { a: 1 }],
    ["a: 1\r\nb:\r\n  - 2\r\n", { a: 1, b: [2] }],
    ["a: !!str 12", { a: "12" }],
  ])("%j", (text, value) => {
    expect(parse(text)).toMatchObject({ root: value, problems: [] });
  });

  test("an integer that a double cannot hold keeps its digits, as text", () => {
    expect(
      parse("a: 18446744073709551615\nb: -9223372036854775808\nc: 0xFFFFFFFFFFFFFFFF\nd: 9007199254740991").root,
    ).toEqual({
      a: "18446744073709551615",
      b: "-9223372036854775808",
      c: "18446744073709551615",
      d: 9007199254740991,
    });
  });

  test("__proto__ and constructor are keys like any other", () => {
    const { root } = parse('{"__proto__": {"polluted": 1}, "constructor": 2, "a": {"__proto__": [3]}}');
    expect(Object.keys(root ?? {})).toEqual(["__proto__", "constructor", "a"]);
    expect(Object.getPrototypeOf(root)).toBe(Object.prototype);
    expect(Object.hasOwn({}, "polluted")).toBe(false);
  });
});

describe("anchors", () => {
  test("an alias is the value of its anchor, the nearest one before it", () => {
    expect(parse("a: &x 1\nb: *x\nc: &x 2\nd: *x\ne: &m {k: v}\nf: [*m]").root).toMatchObject({
      b: 1,
      d: 2,
      f: [{ k: "v" }],
    });
  });

  test("<< merges mappings: what is written wins, then the first", () => {
    const text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 9\nd:\n  <<: *b\n";
    expect(parse(text).root).toMatchObject({ c: { x: 9, y: 1, z: 2 }, d: { y: 2, z: 2 } });
    expect(parse("a:\n  <<: 5").lines).toEqual([
      "2:7 << merges something else, expected a mapping or a list of mappings",
    ]);
  });

  test("!ignore leaves an entry out and keeps its anchors, as in Envoy", () => {
    expect(parse("!ignore shared:\n  - &x {k: v}\na: *x").root).toEqual({ a: { k: "v" } });
  });

  test("an alias without anchor and one inside its own anchor are told", () => {
    expect(parse("a: *nope").lines[0]).toMatch(/^1:4 .*nope/);
    expect(parse("a: &x [*x]").lines).toEqual(["1:8 the alias *x is inside its own anchor"]);
  });

  test("a bomb of aliases is refused before it goes off", () => {
    const levels = Array.from({ length: 30 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}*l${i}]`);
    const { root, problems, lines } = parse(`l0: &l0 boom\n${levels.join("\n")}`);
    expect(root).toBeUndefined();
    expect(problems.map(({ code }) => code)).toEqual(["ERR_CONFIG_ALIAS"]);
    expect(lines[0]).toMatch(/^\d+:\d+ the aliases expand to too much$/);
  });

  test("many aliases of a small anchor are no bomb", () => {
    const { root, problems } = parse(`x: &x {k: v}\nlist:\n${"  - *x\n".repeat(5000)}`);
    expect(problems).toEqual([]);
    expect(root?.["list"]).toHaveLength(5000);
  });
});

describe("syntax errors", () => {
  test.each([
    ["", "1:1 the file is empty, expected a mapping"],
    ["# only a comment\n", "1:1 the file is empty, expected a mapping"],
    ["~", "1:1 the file is empty, expected a mapping"],
    ["- a\n- b", "1:1 the top level is a list, expected a mapping"],
    ["just text", "1:1 the top level is a scalar, expected a mapping"],
    ["a: 1\n---\nb: 2\n", "2:1 a second document starts here, expected one document in the file"],
    ["a: 1\na: 2", '2:1 the key "a" appears twice, first on line 1'],
    ['{"a": {"b": 1,\n "c": 2, "b": 3}}', '2:10 the key "b" appears twice, first on line 1'],
    ["a: [1, 2", /^1:9 flow sequence/],
    ["a: 'open", /^1:9 missing closing 'quote/],
    ["a:\n\tb: 1", /^2:1 .*tab/i],
    ["a: !custom {b: 1}", /^1:4 unresolved tag: !custom/],
    ["a: !!binary aGk=", /^1:4 unresolved tag/],
    ["a: \u0000", "1:4 control characters are not allowed"],
    ["? [1]\n: 2", "1:3 a key is missing or not a text"],
    ["? \n: 2", "1:3 a key is missing or not a text"],
    ["a: b: c", /^1:4 nested mappings are not allowed/],
  ])("%j", (text, expected) => {
    const { root, lines, problems } = parse(text);
    expect(root).toBeUndefined();
    if (typeof expected === "string") expect(lines[0]).toBe(expected);
    else expect(lines[0]).toMatch(expected);
    expect(problems.every(({ code }) => code === "ERR_CONFIG_SYNTAX" || code === "ERR_CONFIG_DUPLICATE_KEY")).toBe(
      true,
    );
  });

  test("all of them come at once, each with its position", () => {
    const { lines } = parse("a: [1\nb: 'x\nc: 1\n");
    expect(lines.length).toBeGreaterThan(1);
    const twice = parse("a: 1\nb: 1\na: 2\nb: 2\nc: {d: 1, d: 2}");
    expect(twice.lines.map((line) => line.split(" ")[0])).toEqual(["3:1", "4:1", "5:11"]);
  });
});

describe("limits", () => {
  test("text beyond the limit is not parsed", () => {
    expect(parse("a: 12345678", { maxBytes: 10 }).lines).toEqual(["f the text is longer than 10 characters"]);
  });

  test("a text of very many small things is not parsed", () => {
    expect(parse(`a: [${"1,".repeat(20)}]`, { maxParts: 20 }).lines).toEqual(["f the text has more than 20 parts"]);
    expect(parse(`a: [${"1,".repeat(20)}]`, { maxParts: 22 }).problems).toEqual([]);
  });

  test.each([
    ["lists", "[".repeat(20_000) + "]".repeat(20_000)],
    ["mappings", "{a: ".repeat(20_000) + "}".repeat(20_000)],
    ["block lists", `\n${"- ".repeat(20_000)}x`],
    ["keys", `\n${"? ".repeat(20_000)}x`],
    ["lists that never end", "[".repeat(20_000)],
  ])("20 000 nested %s are refused, not a stack overflow", (kind, nested) => {
    const { root, problems } = parse(`a: ${nested}`);
    expect(root).toBeUndefined();
    const codes = problems.map(({ code }) => code);
    expect(codes).toContain(kind === "lists that never end" ? "ERR_CONFIG_SYNTAX" : "ERR_CONFIG_TOO_DEEP");
  });

  test("nesting beyond the limit is told once, at the first place", () => {
    const { problems, lines } = parse(`a: ${"[".repeat(50)}${"]".repeat(50)}`, { maxDepth: 10 });
    expect(problems.map(({ code }) => code)).toEqual(["ERR_CONFIG_TOO_DEEP"]);
    expect(lines).toEqual(["1:13 the nesting is deeper than 10 levels"]);
    expect(parse(`a: ${"[".repeat(9)}${"]".repeat(9)}`, { maxDepth: 10 }).problems).toEqual([]);
  });

  test("a flood of syntax errors ends early", () => {
    const { problems } = parse(`a: [${"]".repeat(200_000)}`);
    expect(problems.length).toBeLessThan(200);
  });

  test("a mapping of 50 000 keys is read in linear time", () => {
    const { root } = parse(Array.from({ length: 50_000 }, (_, i) => `k${i}: v`).join("\n"));
    expect(Object.keys(root ?? {})).toHaveLength(50_000);
  });
});

describe("positions", () => {
  const text = `# head
admin: &admin
  access_log_path: /dev/null
list:
  - name: a
    "quoted key": [1, 22]
  - { name: b, é: x }
copy: *admin
merged:
  <<: *admin
  own: 1
`;
  const { source, root } = parse(text);
  const list = root?.["list"] as Record<string, never>[];
  const place = (container: unknown, key?: string | number, part?: "key" | "value") => {
    const { line, column, path } = source.locate(container as object, key, part);
    return `${line}:${column} ${path}`;
  };

  test.each([
    ["a value", () => place(root, "list"), "5:3 list"],
    ["a key", () => place(root, "list", "key"), "4:1 list"],
    ["the mapping itself", () => place(list[1]), "7:5 list[1]"],
    ["an element", () => place(list, 1), "7:5 list[1]"],
    ["a value in a list", () => place(list[0], "name"), "5:11 list[0].name"],
    ["a key that needs quotes", () => place(list[0], "quoted key", "key"), '6:5 list[0]["quoted key"]'],
    ["an element of a flow list", () => place(list[0]?.["quoted key"], 1), '6:23 list[0]["quoted key"][1]'],
    ["a value after a non-ASCII key", () => place(list[1], "é"), '7:19 list[1]["é"]'],
    ["an alias, where it stands", () => place(root, "copy"), "8:7 copy"],
    [
      "what an alias names, where it was written",
      () => place(root?.["copy"], "access_log_path"),
      "3:20 admin.access_log_path",
    ],
    [
      "a merged value, where it was written",
      () => place(root?.["merged"], "access_log_path"),
      "3:20 merged.access_log_path",
    ],
    ["a missing key, at its mapping", () => place(list[0], "nope"), "5:5 list[0].nope"],
    ["a missing element, at its list", () => place(list, 9), "5:3 list[9]"],
    ["something from elsewhere", () => place({}, "a"), "0:0 "],
  ])("%s", (_, found, expected) => {
    expect(found()).toBe(expected);
  });

  test("a byte order mark and CRLF do not shift them", () => {
    const { source: shifted, root: value } = parse("\uFEFFa:\r\n  b: 1\r\n");
    expect(shifted.locate(value?.["a"] as object, "b")).toMatchObject({ line: 2, column: 6, path: "a.b" });
    expect(shifted.locate(value as object, "a", "key")).toMatchObject({ line: 1, column: 1 });
  });
});
