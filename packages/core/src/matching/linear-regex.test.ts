import { RE2JS } from "re2js";
import { describe, expect, it } from "vitest";
import { compileRegex, LinearRegex, RegexProblem } from "./linear-regex.ts";
import { Substitution } from "./regex-substitution.ts";

function compiled(pattern: string): LinearRegex {
  const regex = compileRegex(pattern);
  if (regex instanceof RegexProblem) throw new Error(regex.message);
  return regex;
}

function problem(pattern: string): RegexProblem {
  const regex = compileRegex(pattern);
  if (regex instanceof LinearRegex) throw new Error(`${pattern} is accepted`);
  return regex;
}

describe("the engine of a full match", () => {
  it.each([
    "(a+)+$",
    "(a+)+b",
    "(a*)*b",
    "(a|a)*b",
    "(a|aa)+$",
    "(a|ab|b)*c",
    "([a-z]+)*@",
    "(.*)*x",
    "(.*a){12}",
    "a*a*a*b",
    ".*.*=.*",
    "\\s*\\w*\\s*x",
    "(a|ab)(c|bcd)(d*)",
    "(a?){30}a{30}",
    "a?a?a?a?a?a?a?a?aaaaaaaa",
    "(?:[ab]*a)*b",
    "(?:a*b?)*c",
    "(x+x+)+y",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "([a-zA-Z0-9]|-)+(\\.([a-zA-Z0-9]|-)+)*(\\.)?(a*)*",
    "(?i)(?:k|K)*x",
    ".*foo.*",
    "a{1,500}a{1,500}b",
    "(?:a{1,40}){1,25}b",
    "(?:a?b?c?){1}a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?",
    ".*(?:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab)",
  ])("is re2js where backtracking could explode or grow with the square: %s", (pattern) => {
    expect(compiled(pattern).engine).toBe("re2js");
    expect(compiled(pattern).searchEngine).toBe("re2js");
  });

  it.each([
    "",
    "/",
    "/healthz",
    "^/api/.*$",
    "/api/v[0-9]+/users/[^/]+",
    "/(api|app|admin)(/.*)?",
    "/(foo|foobar|foobaz)",
    "https?://[^/]+/.*",
    ".*\\.(css|js|png)",
    "/a/.*/b",
    "/foo/?.*",
    "(?i)[a-z0-9-]+\\.example\\.com",
    "[\\w.+-]+@[\\w-]+\\.com",
    "(\\d{1,3}\\.){3}\\d{1,3}",
    "(?:[a-z]+,)*;",
    "(?:a(?:bc*)?)*d",
    "/v[12]/(?P<tenant>[[:alnum:]_-]{1,64})/.*",
    "Bearer [A-Za-z0-9._~+/-]+=*",
    "spiffe://[^/]+/ns/[^/]+/sa/[^/]+",
  ])("is RegExp where the next character decides: %s", (pattern) => {
    expect(compiled(pattern).engine).toBe("regexp");
  });

  it.each(["\\bfoo", "foo\\B", "\\pL+", "\\p{Greek}", "(?m)^a$", "(?i)é", "[^\\s\\S]", "a(?:b){0}", "(?i)[à-ý]"])(
    "is re2js where the syntax is beyond what is surely translated: %s",
    (pattern) => {
      expect(compiled(pattern).engine).toBe("re2js");
    },
  );
});

describe("the engine of a search", () => {
  it.each([
    "^/service/([^/]+)(/.*)$",
    "^/old/(.*)",
    "^(a*)",
    "/v[0-9]/",
    "foo|bar|baz",
    "/[^/]+",
    "id=[^&]*",
    "[?&]token=([^&]*)",
    "^/api|^/app",
    "\\d{1,3}",
    "[0-9]+",
  ])("is RegExp where one trial, or all together, are bounded: %s", (pattern) => {
    expect(compiled(pattern).searchEngine).toBe("regexp");
  });

  it.each([
    ["a trial from each position would run to the end", "[a-z]+@"],
    ["a trial from each position would run to the end", ".*x"],
    ["a run before something else", "a+b"],
    ["a trial that succeeds explores beyond its match", "a(?:[ab]*c)?"],
    ["it matches nothing anywhere", "a*"],
    ["an optional round that matches nothing", "^(|a)?b"],
    ["a group that JavaScript would forget", "^(?:(a)|b)+"],
    ["a group that JavaScript would forget", "^(?:a(b)?)+"],
  ])("is re2js where %s: %s", (_, pattern) => {
    expect(compiled(pattern).searchEngine).toBe("re2js");
  });
});

describe("a full match", () => {
  it.each([
    ["b", "abc", false],
    ["a|b", "ab", false],
    ["^a$", "a\n", false],
    ["a$", "a", true],
    [".", "\n", false],
    [".", "\r", true],
    [".", "\u2028", true],
    ["(?s).", "\n", true],
    ["[^a]", "\n", true],
    [".", "\ud83d\ude00", true],
    [".", "\ud83d", true],
    ["\\d", "٣", false],
    ["\\w", "é", false],
    ["\\s", "\v", false],
    ["[[:space:]]", "\v", true],
    ["\\s", "\xa0", false],
    ["(?i)k", "\u212a", true],
    ["(?i)[^s]", "ſ", false],
    ["\\Qa.b\\E+", "a.bb", true],
    ["\\Qa.b\\E", "axb", false],
    ["\\x{1F600}", "😀", true],
    ["\\101\\x42", "AB", true],
    ["a{,2}", "a{,2}", true],
    ["(?U)a+", "aaa", true],
    ["(?P<x>a)(?<y>b)", "ab", true],
    ["[]a]+", "]a]", true],
    ["[^]a]", "]", false],
    ["\\xff", "\xff", true],
    ["[\\x80-\\xff]+", "é", true],
  ])("of %j on %j is %s", (pattern, text, expected) => {
    const regex = compiled(pattern);
    expect(regex.engine).toBe("regexp");
    expect(regex.fullMatch(text)).toBe(expected);
  });

  it("means the same as re2js by every class, for every character of the first planes' starts", () => {
    const names = "alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit".split(" ");
    const classes = names.flatMap((name) => [`[[:${name}:]]`, `[[:^${name}:]]`, `(?i)[[:${name}:]]`]);
    classes.push(
      "\\d",
      "\\D",
      "\\s",
      "\\S",
      "\\w",
      "\\W",
      "(?i)\\w",
      "(?i)\\W",
      "(?i)[a-z]",
      "(?i)[^k-s]",
      ".",
      "(?s).",
    );
    for (const name of classes) {
      const regex = compiled(name);
      const oracle = RE2JS.compile(name);
      expect(regex.engine).toBe("regexp");
      for (const start of [0, 0x2000, 0x2120, 0xd7f0, 0xdff0, 0xfff0, 0x1f600, 0x10fff0]) {
        for (let code = start; code < start + 0x200 && code <= 0x10ffff; code++) {
          const text = String.fromCodePoint(code);
          if (regex.fullMatch(text) !== oracle.testExact(text)) expect.fail(`${name} on U+${code.toString(16)}`);
        }
      }
    }
  });

  it.each(["(?:[^/]+/)*", "(?:(a)|(b)|(/))*", ".*/", "(?:a?/?b?c)*"])(
    "of a text as long as RegExp gets one does not exhaust its stack: %s",
    (pattern) => {
      const regex = compiled(pattern);
      expect(regex.engine).toBe("regexp");
      const text = "a/".repeat(1 << 17);
      const expected = !pattern.includes("c");
      expect(regex.fullMatch(text)).toBe(expected);
      expect(regex.fullMatch(`${text}a/`)).toBe(expected);
    },
  );
});

describe("a search", () => {
  it("reports where the match is and its groups, unset ones as empty", () => {
    for (const pattern of ["(b)(c)?", "(b)(c)?\\B|(b)()"]) {
      expect(compiled(pattern).find("abd")).toEqual({
        start: 1,
        end: 2,
        groups: expect.arrayContaining(["b", "b", ""]),
      });
      expect(compiled(pattern).find("a")).toBeNull();
      expect(compiled(pattern).find("ba", 1)).toBeNull();
    }
    expect(compiled("^b").find("ab", 1)).toBeNull();
    expect(compiled("\\bb").find("ab", 1)).toBeNull();
    expect(compiled("\\bb").find("b", 9)).toBeNull();
  });

  it("prefers the first branch, not the longest", () => {
    expect(compiled("a|ab").find("ab")?.groups).toEqual(["a"]);
    expect(compiled("(a|ab)(c|bcd)(d*)").find("abcd")?.groups).toEqual(["abcd", "a", "bcd", ""]);
  });
});

describe("replacing", () => {
  // The table of RE2's own test of GlobalReplace.
  it.each([
    [
      "(qu|[b-df-hj-np-tv-z]*)([a-z]+)",
      "\\2\\1ay",
      "the quick brown fox jumps over the lazy dogs.",
      "ethay ickquay ownbray oxfay umpsjay overay ethay azylay ogsday.",
    ],
    ["\\w+", "\\0-NOSPAM", "abcd.efghi@google.com", "abcd-NOSPAM.efghi-NOSPAM@google-NOSPAM.com-NOSPAM"],
    ["^", "(START)", "foo", "(START)foo"],
    ["^", "(START)", "", "(START)"],
    ["$", "(END)", "", "(END)"],
    ["b", "bb", "ababababab", "abbabbabbabbabb"],
    ["b", "bb", "bbbbbb", "bbbbbbbbbbbb"],
    ["b+", "bb", "bbbbbb", "bb"],
    ["b*", "bb", "bbbbbb", "bb"],
    ["b*", "bb", "aaaaa", "bbabbabbabbabbabb"],
    ["a.*a", "(\\0)", "aba\naba", "(aba)\n(aba)"],
  ])("%j by %j in %j as RE2 does", (pattern, rewrite, text, expected) => {
    expect(compiled(pattern).replaceAll(text, rewrite)).toBe(expected);
  });

  // The examples of Envoy's RegexMatchAndSubstitute and of its route field regex_rewrite.
  it.each([
    ["^/service/([^/]+)(/.*)$", "\\2/instance/\\1", "/service/foo/v1/api", "/v1/api/instance/foo"],
    ["one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"],
    ["^(.*?)one(.*)$", "\\1two\\2", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/one/zzz"],
    ["(?i)/xxx/", "/yyy/", "/aaa/XxX/bbb", "/aaa/yyy/bbb"],
  ])("%j by %j in %j as Envoy's documentation says", (pattern, rewrite, text, expected) => {
    expect(compiled(pattern).replaceAll(text, rewrite)).toBe(expected);
  });

  it("takes what JavaScript would expand literally, and one digit only", () => {
    for (const pattern of ["(b)", "(b)\\B"]) {
      expect(compiled(pattern).replaceAll("abc", "$&$1$$\\10\\\\")).toBe("a$&$1$$b0\\c");
    }
  });

  it("steps over whole code points between empty matches", () => {
    expect(compiled("x*").replaceAll("😀y", "-")).toBe("-😀-y-");
  });

  it("takes a compiled template, and remembers the last uncompiled one", () => {
    const regex = compiled("/(a)");
    const swap = regex.substitution("\\1/");
    expect(swap).toBeInstanceOf(Substitution);
    expect(regex.replaceAll("/a/a", swap as Substitution)).toBe("a/a/");
    expect(regex.replaceAll("/a", "x")).toBe("x");
    expect(regex.replaceAll("/a", "y")).toBe("y");
    expect(regex.replaceAll("/a", "y")).toBe("y");
  });

  it("changes nothing by a template that RE2 refuses", () => {
    expect(compiled("a").replaceAll("a", "\\1")).toBe("a");
    expect(compiled("a").replaceAll("a", "\\")).toBe("a");
    expect(compiled("a").replaceAll("a", "\\")).toBe("a");
  });

  it("refuses a text whose matches may take the square of its length", () => {
    // Each match has to read on to the end to know that there is no z.
    const greedy = compiled("a.*z|a");
    expect(greedy.searchEngine).toBe("re2js");
    expect(greedy.replaceAll("a".repeat(1000), "b")).toBe("b".repeat(1000));
    expect(() => greedy.replaceAll("a".repeat(20_000), "b")).toThrow(RangeError);
    expect(greedy.replaceAll(`${"a".repeat(300_000)}z`, "b")).toBe("b");
    expect(compiled("a").replaceAll("a".repeat(300_000), "b")).toHaveLength(300_000);
  });

  // The table of RE2's own test of CheckRewriteString.
  it.each([
    ["abc", "foo", true],
    ["abc", "foo\\", false],
    ["abc", "foo\\0bar", true],
    ["a(b)c", "foo", true],
    ["a(b)c", "foo\\0bar", true],
    ["a(b)c", "foo\\1bar", true],
    ["a(b)c", "foo\\2bar", false],
    ["a(b)c", "f\\\\2o\\1o", true],
    ["a(b)(c)", "foo\\12", true],
    ["a(b)(c)", "f\\2o\\1o", true],
    ["a(b)(c)", "f\\oo\\1", false],
  ])("with %j and %j is checked beforehand as RE2 does", (pattern, rewrite, ok) => {
    expect(compiled(pattern).substitution(rewrite) instanceof Substitution).toBe(ok);
  });

  it("says what is wrong with a template and where", () => {
    expect(compiled("(a)").substitution("x\\2")).toEqual({
      message: "substitution refers to group 2, which the pattern does not have",
      expected: "a group from 0 to 1",
      position: 1,
    });
    expect(compiled("a").substitution("\\n")).toMatchObject({ message: 'substitution has "\\n"', position: 0 });
    expect(compiled("a").substitution("x\\")).toMatchObject({
      message: "substitution ends with a backslash",
      position: 1,
    });
  });
});

describe("a pattern that RE2 does not accept", () => {
  it.each([
    ["a(b", "missing closing )", 1],
    ["(a)(b(c)", "missing closing )", 3],
    ["a)b", "unexpected )", 1],
    ["(a)[)])", "unexpected )", 6],
    ["/[a-", "missing closing ]", 1],
    ["[b-a]", "invalid character class range", 1],
    ["a[[:word]:]", "invalid character class range", 2],
    ["\\p{Klingon}", "invalid character class range", 0],
    ["ab\\y", "invalid escape sequence", 2],
    ["(a)\\1", "invalid escape sequence", 3],
    ["\\C", "invalid escape sequence", 0],
    ["*a", "missing argument to repetition operator", 0],
    ["[**]a**", "invalid nested repetition operator", 5],
    ["a++", "invalid nested repetition operator", 1],
    ["a{1001}", "invalid repeat count", 1],
    ["a{2,1}", "invalid repeat count", 1],
    ["(?:a{100}){100}", "invalid repeat count", 10],
    ["x(?=y)", "invalid or unsupported Perl syntax", 1],
    ["(?<!y)", "invalid named capture", 0],
    ["(?P<n>a)(?P<n>b)", "duplicate capture group name", 12],
    ["(?P<a b>c)", "invalid named capture", 0],
    ["abc\\", "trailing backslash at end of expression", 3],
  ])("is a problem: %s", (pattern, reason, position) => {
    const found = problem(pattern);
    expect(found.message).toContain(`regular expression: ${reason}`);
    expect(found.message).toContain(`at offset ${position}`);
    expect(found.position).toBe(position);
    expect(found.expected).not.toBe("an expression in the syntax of RE2");
  });

  it("quotes the piece that is wrong", () => {
    expect(problem("/a/x++").message).toBe('regular expression: invalid nested repetition operator "++" at offset 4');
  });

  it("is a problem without a place when it is too long to look for it", () => {
    expect(problem(`${"a".repeat(3000)}(`)).toMatchObject({
      message: "regular expression: missing closing )",
      position: -1,
    });
  });

  it("is a problem when it nests too deeply", () => {
    expect(problem("(".repeat(5000) + ")".repeat(5000)).message).toContain("expression nests too deeply");
  });
});
