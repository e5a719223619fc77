import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalizePath, NOT_CANONICAL, scanPath } from "./path-canonical.ts";
import { type EscapedSlashesAction, normalizePath, PathAction, PathNormalizer } from "./path-normalize.ts";

const NOTHING = { normalizePath: false, mergeSlashes: false, escapedSlashes: "KEEP_UNCHANGED" } as const;
const NORMALIZE = { ...NOTHING, normalizePath: true } as const;
const MERGE = { ...NOTHING, mergeSlashes: true } as const;

// Envoy's own tables: test/common/http/path_utility_test.cc.
describe("normalize_path does what Envoy's tests say", () => {
  it.each([
    ["/xyz", "/xyz"],
    ["/x/y/z", "/x/y/z"],
    ["/a/b/../c", "/a/c"],
    ["/a/b/./c", "/a/b/c"],
    ["a/b/../c", "/a/c"],
    ["/a/b/../../../../c", "/c"],
    ["/a/..\\c", "/c"],
    ["/%c0%af", "/%c0%af"],
    ["/%5c%25", "/%5c%25"],
    ["/a/b/%2E%2E/c", "/a/c"],
    ["/a/b/%2E./c", "/a/c"],
    ["/a/b/%2E/c", "/a/b/c"],
    ["..", "/"],
    ["/../a/b", "/a/b"],
    ["/./a/b", "/a/b"],
    ["/xyz/..;foo=bar/abc", "/abc"],
    ["/..;foo=bar/abc", "/abc"],
    ["/xyz/..;foo=bar", "/"],
    ["/xyz/.;foo=bar/abc", "/xyz/abc"],
    ["/.;foo=bar/abc", "/abc"],
    ["/xyz/.;foo=bar", "/xyz/"],
    ["/xyz/..;foo=bar/.;v1=2,v2=3/abc", "/abc"],
    ["/..;foo=bar/abc/.;mmm", "/abc/"],
    ["/.;aaa/..;foo=bar/abc/.;mmm", "/abc/"],
    ["/xyz/..;foo=bar/.;fff=zzz", "/"],
    ["/xyz/..;foo=bar/.;fff=zzz?blah=woops", "/?blah=woops"],
    ["/xyz/..;foo=bar/.;fff=zzz/remain;blah-bluh?query", "/remain;blah-bluh?query"],
    ["/A/B/C", "/A/B/C"],
    ["/a/b/%2e%2e/c", "/a/c"],
    ["/a/%2F%2f/c", "/a/%2F%2f/c"],
    ["/xyz/..foo", "/xyz/..foo"],
    ["/xyz/...;foo", "/xyz/...;foo"],
    ["/a/..;param1;param2/b", "/b"],
    ["/xyz?param=/..;foo", "/xyz?param=/..;foo"],
  ])("%s becomes %s", (path, expected) => {
    expect(normalizePath(path, NORMALIZE)).toEqual({ path: expected, action: "none" });
  });

  it.each(["/xyz/.%00../abc", "/xyz/%00.%00./abc", "/xyz/AAAAA%%0000/abc"])("%s is rejected", (path) => {
    expect(normalizePath(path, NORMALIZE)).toEqual({ path, action: "reject" });
  });
});

// The canonicalizer's own table (url_canon_unittest.cc), of the version that Envoy is built with.
describe("normalize_path escapes and unescapes as Envoy's URL library does", () => {
  it.each([
    ["/foo%41%7a", "/fooAz"],
    ["/foo%2D%5f%7E%2E", "/foo-_~."],
    ["/(%28:%3A%29)", "/(%28:%3A%29)"],
    ["/%3A%3a%3C%3c", "/%3A%3a%3C%3c"],
    ["/%7Ffp3%3Eju%3Dduvgw%3Dd", "/%7Ffp3%3Eju%3Dduvgw%3Dd"],
    ["/@asdf%40", "/@asdf%40"],
    ["/foo\tbar", "/foo%09bar"],
    ['/a b"<>^`{|}', "/a%20b%22%3C%3E%5E%60%7B%7C%7D"],
    ["/\x7f\x80\xff", "/%7F%80%FF"],
    ["/[!$&'()*+,:;=]", "/[!$&'()*+,:;=]"],
    ["\\\\foo\\\\bar", "//foo//bar"],
    ["/foo%", "/foo%"],
    ["/foo%2", "/foo%2"],
    ["/foo%2zbar", "/foo%2zbar"],
    ["", "/"],
    ["?q", "/?q"],
    ["//a//../b", "//a/b"],
    ["/a/..", "/"],
    ["/a/.", "/a/"],
    ["/.well-known/x", "/.well-known/x"],
  ])("%j becomes %j", (path, expected) => {
    expect(normalizePath(path, NORMALIZE)).toEqual({ path: expected, action: "none" });
  });

  it.each([
    ["/%A%42", "/%25AB"],
    ["/%%41B", "/%25AB"],
    ["/%%41%42", "/%25AB"],
    ["/%%41", "/%A"],
    ["/%%470", "/%G0"],
    ["/%%2D%41", "/%-A"],
    ["/%%32%66", "/%252f"],
    ["/a/%/../%32%66", "/a/2f"],
  ])("%s becomes %s: no escape appears that nobody wrote", (path, expected) => {
    expect(normalizePath(path, NORMALIZE).path).toBe(expected);
  });

  it.each(["/a\0b", "/a/%00", "/\u0101", "/😀"])("%j is rejected", (path) => {
    expect(normalizePath(path, NORMALIZE)).toEqual({ path, action: "reject" });
  });
});

describe("beyond Envoy, no spelling gets a dot segment through", () => {
  it.each([
    ["/user/%2e%2e;x/admin", "/admin"],
    ["/user/.%2E;/admin", "/admin"],
    ["/user\\..;x/admin", "/admin"],
    ["/user/..;x\\admin", "/admin"],
    ["/user/%2e;a", "/user/"],
  ])("%s becomes %s", (path, expected) => {
    expect(normalizePath(path, NORMALIZE).path).toBe(expected);
  });
});

describe("merge_slashes does what Envoy's tests say", () => {
  it.each([
    ["", ""],
    ["a//b/c", "a/b/c"],
    ["/a//b/c/", "/a/b/c/"],
    ["a//b/c/", "a/b/c/"],
    ["/a", "/a"],
    ["//a/b/c", "/a/b/c"],
    ["/a//b/c", "/a/b/c"],
    ["/a/b/c//", "/a/b/c/"],
    ["/a///b/c", "/a/b/c"],
    ["/a////b/c", "/a/b/c"],
    ["/a//b?a=///c", "/a/b?a=///c"],
    ["/a//b?", "/a/b?"],
    ["//a/?b", "/a/?b"],
    ["/a?//", "/a?//"],
    ["/a/?/b", "/a/?/b"],
  ])("%j becomes %j", (path, expected) => {
    expect(normalizePath(path, MERGE)).toEqual({ path: expected, action: "none" });
  });

  it("comes after the dot segments, so that an empty segment is what `..` takes away", () => {
    expect(normalizePath("/a//../b", { ...NORMALIZE, mergeSlashes: true }).path).toBe("/a/b");
    expect(normalizePath("/a/..//b", { ...NORMALIZE, mergeSlashes: true }).path).toBe("/b");
  });
});

describe("path_with_escaped_slashes_action does what Envoy's tests say", () => {
  const table: [path: string, unescaped: string | null][] = [
    ["", null],
    ["%2f%2F", "//"],
    ["/a%2Fb%2fc/", "/a/b/c/"],
    ["%2b", null],
    ["/a/b/c", null],
    ["%2", null],
    ["%", null],
    ["/abc%2", null],
    ["foo%", null],
    ["/a%2F", "/a/"],
    ["%2fa/", "/a/"],
    ["%%2fa/", "%/a/"],
    ["%2%2fa/", "%2/a/"],
    ["%5c%5C", "\\\\"],
    ["/a%5Cb%5cc/", "/a\\b\\c/"],
    ["/a%5C", "/a\\"],
    ["%5ca/", "\\a/"],
    ["/x/%2E%2e/z%2f%2Fabc%5C../def", "/x/%2E%2e/z//abc\\../def"],
    ["%2fa%5Cb%2fc%5c", "/a\\b/c\\"],
    ["%2fa%5Cb%2fc%5c?%2fabcd%5C%%2f%", "/a\\b/c\\?%2fabcd%5C%%2f%"],
    ["/a?%2f", null],
    ["/a%2?f", null],
  ];

  it.each(table)("%s unescapes to %s", (path, unescaped) => {
    const by = (escapedSlashes: EscapedSlashesAction) => normalizePath(path, { ...NOTHING, escapedSlashes });
    const found = unescaped !== null;
    expect(by("KEEP_UNCHANGED")).toEqual({ path, action: "none" });
    expect(by("UNESCAPE_AND_FORWARD")).toEqual({ path: unescaped ?? path, action: "none" });
    expect(by("UNESCAPE_AND_REDIRECT")).toEqual({ path: unescaped ?? path, action: found ? "redirect" : "none" });
    expect(by("REJECT_REQUEST")).toEqual({ path, action: found ? "reject" : "none" });
  });

  it("redirects to what the other transformations made of the path", () => {
    const all = { normalizePath: true, mergeSlashes: true, escapedSlashes: "UNESCAPE_AND_REDIRECT" } as const;
    expect(normalizePath("/a%2F..%5c..%2f%2fb?x=%2f", all)).toEqual({ path: "/b?x=%2f", action: "redirect" });
    expect(normalizePath("/a/../b", all)).toEqual({ path: "/b", action: "none" });
    expect(normalizePath("/a%2fb%00", all).action).toBe("reject");
  });
});

describe("whatever the settings", () => {
  it.each(["/a#b", "/a?b#c", "#", "/a%2f#"])("a fragment is rejected: %s", (path) => {
    expect(normalizePath(path, NOTHING)).toEqual({ path, action: "reject" });
    expect(normalizePath(path, { ...NORMALIZE, escapedSlashes: "UNESCAPE_AND_FORWARD" }).action).toBe("reject");
  });

  it("the asterisk of OPTIONS stays", () => {
    expect(normalizePath("*", NORMALIZE)).toEqual({ path: "*", action: "none" });
  });

  it("a normalizer is used again and again", () => {
    const normalizer = new PathNormalizer({ ...NORMALIZE, escapedSlashes: "UNESCAPE_AND_REDIRECT" });
    expect(normalizer.normalize("/a%2fb")).toBe(PathAction.redirect);
    expect(normalizer.path).toBe("/a/b");
    expect(normalizer.normalize("/c")).toBe(PathAction.none);
    expect(normalizer.path).toBe("/c");
    expect(normalizer.normalize("/%00")).toBe(PathAction.reject);
    expect(normalizer.path).toBe("/%00");
  });
});

const PIECES = [
  "/",
  "/",
  "\\",
  ".",
  "..",
  "%2e",
  "%2E",
  ";",
  "a",
  "B",
  "%",
  "%2",
  "%2f",
  "%5C",
  "%32",
  "%66",
  "%46",
  "%41",
];
const soup = fc.string({
  unit: fc.constantFrom(...PIECES, "2", "f", "5", "c", "%20", "%25", "%3b", " ", "é", "\xff", "~", "%00"),
  maxLength: 12,
});
const query = fc.oneof(
  fc.constant(""),
  fc.string({ unit: fc.constantFrom(...PIECES, "?", "//"), maxLength: 6 }).map((q) => `?${q}`),
);
const settings = fc.record({
  normalizePath: fc.boolean(),
  mergeSlashes: fc.boolean(),
  escapedSlashes: fc.constantFrom<EscapedSlashesAction[]>(
    "KEEP_UNCHANGED",
    "REJECT_REQUEST",
    "UNESCAPE_AND_REDIRECT",
    "UNESCAPE_AND_FORWARD",
  ),
});

describe("for any path", () => {
  it("a second time changes nothing", () => {
    fc.assert(
      fc.property(soup, query, settings, (path, search, chosen) => {
        const once = normalizePath(`/${path}${search}`, chosen);
        if (once.action === "reject") return;
        expect(normalizePath(once.path, chosen)).toEqual({ path: once.path, action: "none" });
      }),
      { numRuns: 5000 },
    );
  });

  it("the query stays as it is, and a rejected path too", () => {
    fc.assert(
      fc.property(soup, query, settings, (path, search, chosen) => {
        const result = normalizePath(`/${path}${search}`, chosen);
        expect(result.path.slice(result.path.indexOf("?") < 0 ? result.path.length : result.path.indexOf("?"))).toBe(
          search,
        );
        if (result.action === "reject") expect(result.path).toBe(`/${path}${search}`);
      }),
      { numRuns: 3000 },
    );
  });

  it("no dot segment is left, in any spelling, nor a double slash or an escaped one where they were to go", () => {
    fc.assert(
      fc.property(soup, settings, (path, chosen) => {
        const result = normalizePath(`/${path}`, chosen);
        if (result.action === "reject") return;
        if (chosen.normalizePath) {
          expect(result.path).toMatch(/^\/[!-~]*$/);
          for (const segment of result.path.split(/[/\\]/)) expect(segment).not.toMatch(/^(\.|%2e){1,2}(;|$)/i);
        }
        if (chosen.mergeSlashes) expect(result.path).not.toContain("//");
        if (chosen.escapedSlashes !== "KEEP_UNCHANGED") expect(result.path).not.toMatch(/%2f|%5c/i);
      }),
      { numRuns: 5000 },
    );
  });

  it("the scan says canonical of nothing else, and of everything that is but for stray percents", () => {
    fc.assert(
      fc.property(soup, (tail) => {
        const path = `/${tail}`;
        const canonical = canonicalizePath(path, path.length);
        const hasStray = /%(?![0-9a-f]{2})/i.test(path);
        expect((scanPath(path) & NOT_CANONICAL) === 0).toBe(canonical === path && !hasStray);
      }),
      { numRuns: 5000 },
    );
  });

  it("agrees with a plain reading of RFC 3986", () => {
    fc.assert(
      fc.property(soup, (tail) => {
        const path = `/${tail}`;
        fc.pre(!/%(?![0-9a-f]{2})|%00/i.test(path));
        expect(canonicalizePath(path, path.length)).toBe(byTheBook(path));
      }),
      { numRuns: 5000 },
    );
  });

  it("agrees with WHATWG URL where both have one opinion", () => {
    const segment = fc.constantFrom(
      "",
      "a",
      "b.c",
      "...",
      ".",
      "..",
      "%2e",
      "%2E%2e",
      ".%2e",
      "%20",
      "%2F",
      "%",
      "%zz",
      "a b",
      "{x}",
      '"<>`',
      "a;b",
      "!$&'()*+,:=@[]",
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom("/", "/", "\\"), segment), { minLength: 1, maxLength: 7 }),
        (segments) => {
          const path = segments.flat().join("");
          expect(normalizePath(path, NORMALIZE).path).toBe(new URL(`http://host${path}`).pathname);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

/** Sections 6.2.2.2 and 5.2.4 one after the other, with `\` as `/`, parameters off dot segments, and the rest escaped. */
function byTheBook(path: string): string {
  const decoded = path.replaceAll("\\", "/").replace(/%([0-9a-f]{2})/gi, (escape, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(char) ? char : escape;
  });
  const output: string[] = [];
  const segments = decoded.split("/").slice(1);
  segments.forEach((segment, index) => {
    const plain = segment.replace(/^(\.\.?);.*$/, "$1");
    const isDots = plain === "." || plain === "..";
    if (plain === "..") output.pop();
    if (!isDots) output.push(segment);
    else if (index === segments.length - 1) output.push("");
  });
  const resolved = `/${output.join("/")}`;
  return resolved.replace(
    /[^A-Za-z0-9._~!$&'()*+,;=:@%/[\]-]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
