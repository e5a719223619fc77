import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MatchProblem } from "./match-problem.ts";
import { compileUriRewrite, compileUriTemplate, UriRewrite, UriTemplate } from "./uri-template.ts";

function template(text: string): UriTemplate {
  const made = compileUriTemplate(text);
  if (made instanceof MatchProblem) throw new TypeError(made.message);
  return made;
}

describe("a template matches", () => {
  test.each([
    ["/", "/", true],
    ["/", "/a", false],
    ["/a/b", "/a/b", true],
    ["/a/b", "/a/b/", false],
    ["/a/", "/a/", true],
    ["/a/", "/a", false],
    ["/a/*", "/a/b", true],
    ["/a/*", "/a/", false],
    ["/a/*", "/a/b/c", false],
    ["/a/*/c", "/a/b/c", true],
    ["/a/*/c", "/a/b/d/c", false],
    ["/a/**", "/a/", true],
    ["/a/**", "/a", false],
    ["/a/**", "/a/b/c/", true],
    ["/**", "/", true],
    ["/a/**/z", "/a/b/c/z", true],
    ["/a/**/z", "/a/z", false],
    ["/a/**/z", "/a//z", true],
    ["/a/**/z", "/a/b/z/z", true],
    ["/v/*.m3u8", "/v/live.m3u8", true],
    ["/v/*.m3u8", "/v/.m3u8", false],
    ["/v/*.m3u8", "/v/a.m3u8.m3u8", true],
    ["/v/*.m3u8", "/v/a.ts", false],
    ["/v/**.ts", "/v/a/b.ts", true],
    ["/{a}/{b=x/*}/{c=**}", "/1/x/2/3/4", true],
    ["/{a}/{b=x/*}/{c=**}", "/1/y/2/3/4", false],
    ["/a.b", "/axb", false],
    // A glob takes what a path may hold, but for "*".
    ["/a/*", "/a/b=c", true],
    ["/a=b/{c=d=e}", "/a=b/d=e", true],
    ["/a=b/{c=d=e}", "/a=b/d", false],
    ["/a/*", "/a/%20:@!$&'()+,;~", true],
    ["/a/*", "/a/\u00e4", false],
    ["/a/*", "/a/b c", false],
  ])("%s %s: %s", (text, path, matches) => {
    expect(template(text).matches(path)).toBe(matches);
  });
});

test("variables keep what they stand for", () => {
  expect(template("/{a}/{b=x/*}/{c=**}").variables).toEqual(["a", "b", "c"]);
  expect(template("/{a}/{b=x/*}/{c=**}").capture("/1/x/2/3/4")).toEqual(["1", "x/2", "3/4"]);
  expect(template("/{file}.json").capture("/x.json.json")).toEqual(["x.json"]);
  expect(template("/{rest=**}").capture("/")).toEqual([""]);
  expect(template("/{a}").capture("/1/2")).toBeNull();
});

test("what every match begins with is known", () => {
  expect(template("/a/b/{c}").literalPrefix).toBe("/a/b/");
  expect(template("/a/b").literalPrefix).toBe("/a/b");
  expect(template("/*").literalPrefix).toBe("/");
  expect(template("/{a=b/*}").literalPrefix).toBe("/");
});

test.each([
  "",
  "a",
  "/a b",
  "/ä",
  "//",
  "/a//b",
  "/{a",
  "/{}",
  "/{1}",
  "/{a-b}",
  "/{abcdefghijklmnopq}",
  "/{a}/{a}",
  "/{a}/{b}/{c}/{d}/{e}/{f}",
  "/{a=}",
  "/{a=x/}",
  "/{a={b}}",
  "/**/*",
  "/**/{a}",
  "/**/**",
  "/{a=**}/{b=*}",
  "/{a=**/**}",
  "/*a/b",
  "/{a}b{c}",
  "/a*",
  "/***",
  `/${"a".repeat(256)}`,
])("%j is no template", (text) => {
  expect(compileUriTemplate(text)).toBeInstanceOf(MatchProblem);
});

test("a rewrite puts together what was captured", () => {
  const { variables } = template("/{a}/{b=**}");
  const rewrite = compileUriRewrite("/x/{b}-{a}/{a}", variables);
  expect(rewrite).toBeInstanceOf(UriRewrite);
  expect((rewrite as UriRewrite).apply(["1", "2/3"])).toBe("/x/2/3-1/1");
});

test.each(["", "x/{a}", "{a}", "/x//y", "/{c}", "/{a", "/x y", "/*"])("%j is no rewrite", (text) => {
  expect(compileUriRewrite(text, ["a", "b"])).toBeInstanceOf(MatchProblem);
});

// What Envoy makes of a template: a regular expression.
const PCHAR = "a-zA-Z0-9\\-._~%!$&'()+,;:@=";
function asRegex(text: string): RegExp {
  const glob = (piece: string): string => (piece === "**" ? `[${PCHAR}/]*` : `[${PCHAR}]+`);
  const source = text
    .replace(/[$()+.]/g, "\\$&")
    .replaceAll(/\{(\w+)(?:=([^}]*))?\}/g, (_, name: string, inside = "*") => `(?<${name}>${inside})`)
    .replaceAll(/\*\*|\*/g, glob);
  return new RegExp(`^${source}$`);
}

test("it matches and captures what the regular expression of Envoy does", () => {
  const literal = fc.stringMatching(/^[ab.]{1,2}$/);
  const piece = fc.oneof(
    { weight: 3, arbitrary: literal },
    { weight: 2, arbitrary: fc.constantFrom("*", "{v}", "{v=*}", "{v=a/*}", "{v=**}", "**") },
  );
  const made = fc
    .tuple(fc.array(piece, { minLength: 1, maxLength: 4 }), fc.constantFrom("", "/", ".a", "a"))
    .map(([pieces, end]) => {
      let seen = 0;
      const renamed = pieces.map((text) => text.replace("{v", () => `{v${seen++}`));
      return `/${renamed.join("/")}${end}`;
    })
    .filter((text) => compileUriTemplate(text) instanceof UriTemplate);
  const filling = fc.array(fc.stringMatching(/^[ab./=]{0,3}$/), { minLength: 5, maxLength: 5 });
  const path = (text: string, fillings: readonly string[]): string => {
    let next = 0;
    return text
      .replaceAll(/\{\w+(?:=([^}]*))?\}/g, (_, inside = "*") => inside as string)
      .replaceAll(/\*\*?/g, () => fillings[next++ % fillings.length]!);
  };
  let matches = 0;
  fc.assert(
    fc.property(made, filling, (text, fillings) => {
      const given = path(text, fillings);
      const found = asRegex(text).exec(given);
      const captured = template(text).capture(given);
      expect(captured === null).toBe(found === null);
      if (found === null || captured === null) return;
      matches++;
      expect(captured).toEqual(Object.values(found.groups ?? {}));
    }),
    { numRuns: 3000 },
  );
  expect(matches).toBeGreaterThan(500);
});
