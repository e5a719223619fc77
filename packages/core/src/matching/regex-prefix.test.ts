import fc from "fast-check";
import { expect, test } from "vitest";
import { compileRegex, LinearRegex } from "./linear-regex.ts";
import { regexPrefix } from "./regex-prefix.ts";

test.each([
  ["/api/v1/.*", "/api/v1/"],
  ["^/api/v[12]/x", "/api/v"],
  ["/api/v1/?", "/api/v1"],
  ["/a{2}", "/"],
  ["/a\\.b", "/a"],
  ["/a|/b", ""],
  ["(?i)/a", ""],
  ["(/a)", ""],
  ["/a\\Q\\E*", ""],
  ["/plain", "/plain"],
  [".*", ""],
  ["a*", ""],
  ["", ""],
])("%j begins with %j", (pattern, prefix) => {
  expect(regexPrefix(pattern)).toBe(prefix);
});

test("whatever a pattern matches begins with its prefix", () => {
  const piece = fc.constantFrom(
    "/",
    "a",
    "b",
    ".",
    "*",
    "?",
    "+",
    "{2}",
    "[ab]",
    "\\.",
    "^",
    "$",
    "(a)",
    "|",
    "(?i)",
    "\\Q\\E",
  );
  const pattern = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
  let matches = 0;
  fc.assert(
    fc.property(pattern, fc.stringMatching(/^[/abAB.]{0,4}$/), (source, text) => {
      const regex = compileRegex(source);
      if (!(regex instanceof LinearRegex) || !regex.fullMatch(text)) return;
      matches++;
      expect(text.startsWith(regexPrefix(source))).toBe(true);
    }),
    { numRuns: 5000 },
  );
  expect(matches).toBeGreaterThan(20);
});
