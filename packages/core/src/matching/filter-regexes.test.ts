import { describe, expect, it } from "vitest";
import { filterRegexes } from "./filter-regexes.ts";

describe("regular expressions of filters", () => {
  it("match whole texts, and replace every match", () => {
    expect(filterRegexes.compile("a+").matches("aaa")).toBe(true);
    expect(filterRegexes.compile("a+").matches("aab")).toBe(false);
    expect(filterRegexes.compileRewrite("(a)(b?)", "[\\2\\1]").apply("ab-a")).toBe("[ba]-[a]");
  });

  it("are refused with what would be right", () => {
    expect(() => filterRegexes.compile("(")).toThrow(/expected/);
    expect(() => filterRegexes.compile("(?=a)")).toThrow(/expected/);
    expect(() => filterRegexes.compileRewrite("a", "\\1")).toThrow(/group/);
  });

  it("take linear time on any text", () => {
    expect(filterRegexes.compile("(a+)+").matches(`${"a".repeat(50_000)}b`)).toBe(false);
  });
});
