import { describe, expect, it, test } from "vitest";
import {
  type RequestChanges,
  adds,
  entries,
  forward,
  matched,
  redirect,
  request,
  route,
  routeConfig,
  routeMatch,
  routeStream,
  tableOf,
  virtualHost,
  weighted,
} from "../../../../../test/support/route-model.ts";
import type { ForwardActionModel, RedirectActionModel, RouteMatchModel, RouteModel } from "../../config/model.ts";
import { type RequestHeaderMap, ResponseHeaderMap } from "../headers/header-map.ts";
import { buildRouteTable } from "./build-route-table.ts";
import type { ForwardEntry } from "./forward-entry.ts";
import type { RedirectEntry } from "./route-entry.ts";

function finalized(
  action: Partial<ForwardActionModel>,
  changes: RequestChanges,
  match: Partial<RouteMatchModel> = {},
  more: Partial<RouteModel> = {},
): RequestHeaderMap {
  const entry = matched(
    tableOf([route({ action: forward(action), match: routeMatch(match), ...more })]),
    changes,
  ) as ForwardEntry;
  const headers = request(changes);
  entry.finalizeRequest(headers, routeStream());
  return headers;
}

describe("a path is rewritten", () => {
  const prefix = (value: string) => ({ path: { kind: "prefix", value } }) as const;
  test.each<[string, Partial<RouteMatchModel>, Partial<ForwardActionModel>, string, string]>([
    ["the matched prefix", prefix("/api"), { prefixRewrite: "/v1" }, "/api/x?q=/api", "/v1/x?q=/api"],
    ["the prefix alone", prefix("/api/"), { prefixRewrite: "/" }, "/api/", "/"],
    ["whatever the case", { ...prefix("/API"), caseSensitive: false }, { prefixRewrite: "/v1" }, "/aPi/x", "/v1/x"],
    ["an exact path whole", { path: { kind: "exact", value: "/a" } }, { prefixRewrite: "/b" }, "/a?q", "/b?q"],
    [
      "a separated prefix",
      { path: { kind: "separated_prefix", value: "/a" } },
      { prefixRewrite: "/b" },
      "/a/x",
      "/b/x",
    ],
    ["all of a regex", { path: { kind: "regex", value: "/a/.*" } }, { prefixRewrite: "/b" }, "/a/x?q=1", "/b?q=1"],
    [
      "by a pattern, wherever it fits",
      prefix("/"),
      { regexRewrite: { pattern: "/(\\w)", substitution: "/\\1\\1" } },
      "/a/b?c=/d",
      "/aa/bb?c=/d",
    ],
    ["never the query", prefix("/"), { regexRewrite: { pattern: ".", substitution: "x" } }, "/a?b", "/xx?b"],
  ])("%s", (_name, match, action, path, expected) => {
    const headers = finalized(action, { path }, match);
    expect(headers.path).toBe(expected);
    expect(headers.get("x-envoy-original-path")).toBe(path);
  });

  it("by the variables of a URI template", () => {
    const match = { path: { kind: "template", value: "/{lang}/docs/{page=**}" } } as const;
    const action = { templateRewrite: "/{page}/{lang}" };
    const headers = finalized(action, { path: "/de/docs/a/b?q=/x" }, match);
    expect([headers.path, headers.get("x-envoy-original-path")]).toEqual(["/a/b/de?q=/x", "/de/docs/a/b?q=/x"]);
  });

  it("not where a filter has made another path than the template matched", () => {
    const table = tableOf([
      route({
        match: routeMatch({ path: { kind: "template", value: "/{lang}/docs" } }),
        action: forward({ templateRewrite: "/{lang}" }),
      }),
    ]);
    const entry = matched(table, { path: "/de/docs" }) as ForwardEntry;
    const headers = request({ path: "/other" });
    entry.finalizeRequest(headers, routeStream());
    expect([headers.path, headers.has("x-envoy-original-path")]).toEqual(["/other", false]);
  });

  test.each([
    ["nothing is left", "/a", "/"],
    ["the query alone is left", "/a?b", "/?b"],
    ["what is left names another server", "/http://admin.internal/", "/http://admin.internal/"],
  ])("and is still a path where %s", (_, path, expected) => {
    const pattern = path.startsWith("/a") ? ".*" : "^/";
    const headers = finalized({ regexRewrite: { pattern, substitution: "" } }, { path });
    expect([headers.path, headers.get("x-envoy-original-path")]).toEqual([expected, path]);
  });

  it("but CONNECT has none", () => {
    const entry = matched(tableOf([route({ action: forward({ prefixRewrite: "/b" }) })]), {}) as ForwardEntry;
    const headers = request({ method: "CONNECT", path: "" });
    entry.finalizeRequest(headers, routeStream());
    expect([headers.path, headers.has("x-envoy-original-path")]).toEqual(["", false]);
  });

  it("and a route that rewrites nothing leaves no trace", () => {
    expect(entries(finalized({}, { path: "/a" }))).toEqual([]);
  });
});

describe("a host is rewritten", () => {
  it("to a fixed name, and the client's is kept", () => {
    const headers = finalized({ hostRewrite: "internal" }, { authority: "example.com" });
    expect(headers.authority).toBe("internal");
    expect(entries(headers)).toEqual(["x-envoy-original-host: example.com"]);
  });

  it("to what a header says, which the route itself may have added", () => {
    const headers = finalized(
      { hostRewriteHeader: "x-host" },
      {},
      {},
      { requestHeaders: adds({ "x-host": "from-header" }) },
    );
    expect(headers.authority).toBe("from-header");
  });

  test.each([
    [[]],
    [[["x-host", ""]]],
    [[["x-host", "two words"]]],
    [[["x-host", "a/b"]]],
    [[["x-host", "a@b"]]],
    [[["x-host", "\u00e9"]]],
  ] as ReadonlyArray<[ReadonlyArray<readonly [string, string]>]>)(
    "not where that header holds no host: %j",
    (given) => {
      expect(finalized({ hostRewriteHeader: "x-host" }, { headers: given }).authority).toBe("example.com");
    },
  );

  test.each([
    ["/shop/a?host=evil", "shop.internal"],
    ["/a|b/c", "example.com"],
    ["/@evil/a", "example.com"],
    ["//a", "example.com"],
  ])("to what a pattern makes of the path, as it was before its rewrite: %s", (path, host) => {
    const hostRewritePathRegex = { pattern: "^/([^/]+)/.*$", substitution: "\\1.internal" };
    const headers = finalized({ hostRewritePathRegex, prefixRewrite: "/x" }, { path });
    expect(headers.authority).toBe(host);
  });

  it("to the name of the weighted cluster before the route's", () => {
    expect(
      finalized({ hostRewrite: "route", clusters: [weighted("a", { hostRewrite: "cluster" })] }, {}).authority,
    ).toBe("cluster");
  });

  test.each([
    [[], "example.com"],
    [["a.example"], "a.example,example.com"],
    [["a.example", "b.example"], "a.example,b.example,example.com"],
    [["a.example, example.com"], "a.example, example.com"],
  ])("and x-forwarded-host %j becomes %s", (before, expected) => {
    const headers = before.map((value) => ["x-forwarded-host", value] as const);
    const after = finalized({ hostRewrite: "internal", appendXForwardedHost: true }, { headers });
    expect(after.getAll("x-forwarded-host")).toEqual([expected]);
  });

  it("later, by the name of the chosen host: what the client said is kept before", () => {
    const headers = finalized({ autoHostRewrite: true, appendXForwardedHost: true }, {});
    expect([headers.authority, headers.get("x-forwarded-host")]).toEqual(["example.com", "example.com"]);
    expect(finalized({ autoHostRewrite: true }, {}).has("x-forwarded-host")).toBe(false);
  });
});

describe("headers are changed", () => {
  function order(mostSpecificHeaderMutationsWins: boolean): { request: string[]; response: string[] } {
    const level = (name: string) => ({
      requestHeaders: adds({ "x-level": name }),
      responseHeaders: adds({ "x-level": name }),
    });
    const clusters = [weighted("web", level("cluster"))];
    const table = buildRouteTable(
      routeConfig(
        [virtualHost({ routes: [route({ action: forward({ clusters }), ...level("route") })], ...level("host") })],
        {
          ...level("config"),
          mostSpecificHeaderMutationsWins,
        },
      ),
      [],
    );
    const entry = matched(table) as ForwardEntry;
    const headers = request();
    const response = new ResponseHeaderMap(200);
    entry.finalizeRequest(headers, routeStream());
    entry.finalizeResponse(response, routeStream());
    return { request: headers.getAll("x-level"), response: response.getAll("x-level") };
  }

  it("from the most specific level to the least, so that the least has the last word", () => {
    const expected = ["cluster", "route", "host", "config"];
    expect(order(false)).toEqual({ request: expected, response: expected });
  });

  it("the other way round where the most specific is to win", () => {
    const expected = ["config", "host", "route", "cluster"];
    expect(order(true)).toEqual({ request: expected, response: expected });
  });

  it("and the attempt is counted where the virtual host wants it", () => {
    const entry = matched(tableOf([route()], { includeAttemptCount: true })) as ForwardEntry;
    const headers = request({ headers: [["x-envoy-attempt-count", "9"]] });
    entry.finalizeRequest(headers, routeStream());
    expect(entries(headers)).toEqual(["x-envoy-attempt-count: 1"]);
  });
});

describe("a redirect", () => {
  function location(
    action: Partial<RedirectActionModel>,
    changes: RequestChanges,
    match: Partial<RouteMatchModel> = {},
  ): string {
    const entry = matched(
      tableOf([route({ action: redirect(action), match: routeMatch(match) })]),
      changes,
    ) as RedirectEntry;
    return entry.location(request(changes), routeStream());
  }

  test.each<[Partial<RedirectActionModel>, RequestChanges, string]>([
    [{}, { path: "/a?b" }, "http://example.com/a?b"],
    [{ httpsRedirect: true }, { path: "/a?b" }, "https://example.com/a?b"],
    [{ httpsRedirect: true }, { authority: "example.com:80" }, "https://example.com/"],
    [{ httpsRedirect: true }, { authority: "example.com:8080" }, "https://example.com:8080/"],
    [{ httpsRedirect: true }, { authority: "[::1]:80" }, "https://[::1]/"],
    [{ httpsRedirect: true }, { authority: "[::1]" }, "https://[::1]/"],
    [{ httpsRedirect: true, portRedirect: 8443 }, { authority: "example.com:80" }, "https://example.com:8443/"],
    [{ portRedirect: 8443 }, { authority: "[::1]" }, "http://[::1]:8443/"],
    [
      { schemeRedirect: "http" },
      { scheme: "https", authority: "example.com:443", headers: [["x-forwarded-proto", "https"]] },
      "http://example.com/",
    ],
    [{ hostRedirect: "other.example" }, { path: "/a" }, "http://other.example/a"],
    [{ hostRedirect: "other.example:81", portRedirect: 0 }, {}, "http://other.example:81/"],
    [{ hostRedirect: "other.example", portRedirect: 82 }, {}, "http://other.example:82/"],
    [{ pathRedirect: "/new" }, { path: "/old?q=1" }, "http://example.com/new?q=1"],
    [{ pathRedirect: "/new", stripQuery: true }, { path: "/old?q=1" }, "http://example.com/new"],
    [{ pathRedirect: "/new?own" }, { path: "/old?q=1" }, "http://example.com/new?own"],
    [{ pathRedirect: "/new?own", stripQuery: true }, { path: "/old?q=1" }, "http://example.com/new?own"],
    [{ stripQuery: true }, { path: "/a?q" }, "http://example.com/a"],
    [{ prefixRewrite: "/new/" }, { path: "/old/x?q" }, "http://example.com/new/old/x?q"],
    [
      { regexRewrite: { pattern: "/(\\w+)/(\\w+)", substitution: "/\\2/\\1" } },
      { path: "/a/b?q" },
      "http://example.com/b/a?q",
    ],
  ])("%j of %j goes to %s", (action, changes, expected) => {
    expect(location(action, changes)).toBe(expected);
  });

  it("never lets a path go on with the host's name", () => {
    const regexRewrite = { pattern: "^/old/(.*)$", substitution: "\\1" };
    expect(location({ regexRewrite }, { path: "/old/.evil.example" })).toBe("http://example.com/.evil.example");
    expect(location({ regexRewrite }, { path: "/old/@evil.example" })).toBe("http://example.com/@evil.example");
    expect(location({ pathRedirect: "new" }, { path: "/old" })).toBe("http://example.com/new");
  });

  it("replaces the prefix that its route matched", () => {
    expect(location({ prefixRewrite: "/new" }, { path: "/old/x" }, { path: { kind: "prefix", value: "/old" } })).toBe(
      "http://example.com/new/x",
    );
  });
});
