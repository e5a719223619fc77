import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MatchProblem } from "./match-problem.ts";
import { compileStringMatcher, StringMatcher, type StringMatcherSpec } from "./string-matcher.ts";

function matches(spec: StringMatcherSpec, text: string): boolean {
  const matcher = compileStringMatcher(spec);
  if (!(matcher instanceof StringMatcher)) throw new Error(matcher.message);
  return matcher.matches(text);
}

// The examples of type/matcher/v3/string.proto and of Envoy's matchers_test.cc, and their edges.
describe("a string matcher", () => {
  it.each([
    [{ kind: "exact", value: "abc" }, "abc", true],
    [{ kind: "exact", value: "abc" }, "ABC", false],
    [{ kind: "exact", value: "abc" }, "abcd", false],
    [{ kind: "exact", value: "" }, "", true],
    [{ kind: "exact", value: "" }, "a", false],
    [{ kind: "prefix", value: "abc" }, "abc.xyz", true],
    [{ kind: "prefix", value: "abc" }, "xyz.abc", false],
    [{ kind: "prefix", value: "abc" }, "ab", false],
    [{ kind: "suffix", value: "abc" }, "xyz.abc", true],
    [{ kind: "suffix", value: "abc" }, "abc.xyz", false],
    [{ kind: "suffix", value: "abc" }, "bc", false],
    [{ kind: "contains", value: "abc" }, "xyz.abc.def", true],
    [{ kind: "contains", value: "abc" }, "ab.c", false],
    [{ kind: "regex", value: "foo.*" }, "foo", true],
    [{ kind: "regex", value: "foo.*" }, "foobar", true],
    [{ kind: "regex", value: "foo.*" }, "bar", false],
    [{ kind: "regex", value: "foo" }, "foobar", false],
    [{ kind: "regex", value: "(?i)foo", ignoreCase: false }, "FOO", true],
    [{ kind: "exact", value: "Data", ignoreCase: true }, "dATA", true],
    [{ kind: "exact", value: "data", ignoreCase: true }, "data1", false],
    [{ kind: "prefix", value: "aBc", ignoreCase: true }, "AbC.xyz", true],
    [{ kind: "prefix", value: "abc", ignoreCase: true }, "ab", false],
    [{ kind: "suffix", value: "aBc", ignoreCase: true }, "xyz.AbC", true],
    [{ kind: "suffix", value: "abc", ignoreCase: true }, "bc", false],
    [{ kind: "contains", value: "CONTAINER", ignoreCase: true }, "abc-ContAineR-str-def", true],
    [{ kind: "contains", value: "container", ignoreCase: true }, "other", false],
    [{ kind: "exact", value: "k", ignoreCase: true }, "\u212a", false],
    [{ kind: "contains", value: "é", ignoreCase: true }, "É", false],
    [{ kind: "contains", value: "éA", ignoreCase: true }, "xéa", true],
    [{ kind: "contains", value: "[", ignoreCase: true }, "{", false],
    [{ kind: "exact", value: "@[`{", ignoreCase: true }, "`{@[", false],
  ] satisfies [StringMatcherSpec, string, boolean][])("%j on %j is %s", (spec, text, expected) => {
    expect(matches(spec, text)).toBe(expected);
  });

  it.each([
    [{ kind: "prefix", value: "" }, "prefix is empty"],
    [{ kind: "suffix", value: "" }, "suffix is empty"],
    [{ kind: "contains", value: "", ignoreCase: true }, "contains is empty"],
    [{ kind: "regex", value: "" }, "regex is empty"],
    [{ kind: "regex", value: "a", ignoreCase: true }, "ignore_case has no effect for safe_regex"],
    [{ kind: "regex", value: "a(" }, "regular expression: missing closing ) at offset 1"],
  ] satisfies [StringMatcherSpec, string][])("of %j is a problem: %s", (spec, message) => {
    const found = compileStringMatcher(spec);
    expect(found).toBeInstanceOf(MatchProblem);
    expect(found).toMatchObject({ message, expected: expect.stringMatching(/./) });
  });

  it("ignores the case of ASCII letters and of nothing else", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "A", "z", "Z", "é", "É", "k", "\u212a", "İ", "@", "`"),
      maxLength: 5,
    });
    const fold = (value: string): string =>
      value.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32));
    fc.assert(
      fc.property(text, text, (value, subject) => {
        const is = (kind: StringMatcherSpec["kind"]): boolean => matches({ kind, value, ignoreCase: true }, subject);
        expect(is("exact")).toBe(fold(subject) === fold(value));
        fc.pre(value !== "");
        expect(is("prefix")).toBe(fold(subject).startsWith(fold(value)));
        expect(is("suffix")).toBe(fold(subject).endsWith(fold(value)));
        expect(is("contains")).toBe(fold(subject).includes(fold(value)));
      }),
      { numRuns: 2000 },
    );
  });
});
