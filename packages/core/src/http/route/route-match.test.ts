import { describe, expect, test } from "vitest";
import {
  type RequestChanges,
  headerMatch,
  matched,
  request,
  route,
  routeMatch,
  tableOf,
  text,
} from "../../../../../test/support/route-model.ts";
import type { HeaderMatchModel, QueryMatchModel, RouteMatchModel } from "../../config/model.ts";
import { valueOf } from "./route-match.ts";

function holds(match: Partial<RouteMatchModel>, changes: RequestChanges): boolean {
  return matched(tableOf([route({ match: routeMatch(match) })]), changes) !== null;
}

describe("path", () => {
  const prefix = (value: string) => ({ path: { kind: "prefix", value } }) as const;
  const exact = (value: string) => ({ path: { kind: "exact", value } }) as const;
  const separated = (value: string) => ({ path: { kind: "separated_prefix", value } }) as const;
  const regex = (value: string) => ({ path: { kind: "regex", value } }) as const;
  const ignoringCase = { caseSensitive: false };

  test.each<[Partial<RouteMatchModel>, string, boolean]>([
    [prefix("/a"), "/a", true],
    [prefix("/a"), "/abc?x=/b", true],
    [prefix("/a"), "/b/a", false],
    [prefix("/a"), "/A", false],
    [prefix("/a?"), "/a?b", false],
    [{ ...prefix("/Ab"), ...ignoringCase }, "/aBc", true],
    [exact("/a"), "/a", true],
    [exact("/a"), "/a?x=1", true],
    [exact("/a"), "/a?", true],
    [exact("/a"), "/a/", false],
    [exact("/a"), "/ab", false],
    [{ ...exact("/A"), ...ignoringCase }, "/a", true],
    [separated("/a"), "/a", true],
    [separated("/a"), "/a/b", true],
    [separated("/a"), "/a?x", true],
    [separated("/a"), "/ab", false],
    [separated("/a/b"), "/a/", false],
    [{ ...separated("/A"), ...ignoringCase }, "/a/B", true],
    [regex("/b[io]t"), "/bit", true],
    [regex("/b[io]t"), "/bit?x=1", true],
    [regex("/b[io]t"), "/bite", false],
    [regex("/b[io]t"), "/a/bit", false],
    [regex("/a|/ab"), "/ab", true],
    [regex("/a.*"), "/a/b/c", true],
    [{ ...regex("/a"), ...ignoringCase }, "/A", false],
  ])("%j of %s: %j", (match, path, expected) => {
    expect(holds(match, { path })).toBe(expected);
  });

  test("CONNECT goes to its own matcher alone", () => {
    const connect: RequestChanges = { method: "CONNECT", path: "", authority: "example.com:443" };
    expect(holds({ path: { kind: "connect" } }, connect)).toBe(true);
    expect(holds({ path: { kind: "connect" } }, { path: "/" })).toBe(false);
    expect(holds(prefix(""), connect)).toBe(false);
    expect(holds(regex(".*"), connect)).toBe(false);
  });
});

describe("headers", () => {
  const string = (
    kind: "exact" | "prefix" | "suffix" | "contains" | "regex",
    value: string,
    ignoreCase = false,
  ): HeaderMatchModel["match"] => ({
    kind: "string",
    matcher: text(kind, value, ignoreCase),
  });
  const range = (start: number, end: number): HeaderMatchModel["match"] => ({ kind: "range", start, end });
  const present = (value: boolean): HeaderMatchModel["match"] => ({ kind: "present", present: value });
  const inverted = { invert: true };
  const asEmpty = { treatMissingAsEmpty: true };

  test.each<[HeaderMatchModel, string[], boolean]>([
    [headerMatch("x-a", string("exact", "v")), ["v"], true],
    [headerMatch("X-A", string("exact", "v")), ["v"], true],
    [headerMatch("x-a", string("exact", "v")), ["V"], false],
    [headerMatch("x-a", string("exact", "v", true)), ["V"], true],
    [headerMatch("x-a", string("exact", "v")), [], false],
    [headerMatch("x-a", string("prefix", "v")), ["vw"], true],
    [headerMatch("x-a", string("suffix", "w")), ["vw"], true],
    [headerMatch("x-a", string("contains", "w")), ["vwx"], true],
    [headerMatch("x-a", string("regex", "v.")), ["vw"], true],
    [headerMatch("x-a", string("regex", "v.")), ["vwx"], false],
    // Several lines are one list: a judge that reads the first alone can be passed by.
    [headerMatch("x-a", string("exact", "v")), ["v", "w"], false],
    [headerMatch("x-a", string("exact", "v,w")), ["v", "w"], true],
    [headerMatch("x-a", string("contains", "w")), ["v", "w"], true],
    [headerMatch("x-a", string("exact", "v"), inverted), ["w"], true],
    [headerMatch("x-a", string("exact", "v"), inverted), ["v"], false],
    [headerMatch("x-a", string("exact", "v"), inverted), [], false],
    [headerMatch("x-a", string("exact", "v"), { ...inverted, ...asEmpty }), [], true],
    [headerMatch("x-a", string("exact", ""), asEmpty), [], true],
    [headerMatch("x-a", present(true)), ["v"], true],
    [headerMatch("x-a", present(true)), [], false],
    [headerMatch("x-a", present(true), inverted), [], true],
    [headerMatch("x-a", present(false)), [], true],
    [headerMatch("x-a", present(false)), ["v"], false],
    [headerMatch("x-a", present(false), inverted), ["v"], true],
    [headerMatch("x-a", range(-10, 5)), ["-10"], true],
    [headerMatch("x-a", range(-10, 5)), ["4"], true],
    [headerMatch("x-a", range(-10, 5)), ["5"], false],
    [headerMatch("x-a", range(-10, 5)), ["1.5"], false],
    [headerMatch("x-a", range(-10, 5)), ["1x"], false],
    [headerMatch("x-a", range(-10, 5)), [""], false],
    [headerMatch("x-a", range(-10, 5)), ["1", "2"], false],
    [headerMatch("x-a", range(-10, 5), inverted), ["7"], true],
  ])("%j of %j: %j", (match, values, expected) => {
    const headers = values.map((value) => ["x-a", value] as const);
    expect(holds({ headers: [match] }, { headers: [["x-b", "v"], ...headers] })).toBe(expected);
  });

  test.each([
    [":method", "POST"],
    [":path", "/p?q"],
    [":authority", "example.com"],
    ["host", "example.com"],
    [":scheme", "http"],
  ])("%s is a header of its own", (name, value) => {
    expect(holds({ headers: [headerMatch(name, string("exact", value))] }, { method: "POST", path: "/p?q" })).toBe(
      true,
    );
  });

  test("what an upgrade asks for stands in its headers, as clients send it", () => {
    const upgrade = request();
    upgrade.upgrade = "websocket";
    expect([valueOf(upgrade, "upgrade"), valueOf(upgrade, "connection")]).toEqual(["websocket", "Upgrade"]);
    expect([valueOf(request(), "upgrade"), valueOf(request(), "connection")]).toEqual([null, null]);
  });

  test("a request without path or authority has no such header", () => {
    const connect = request({ method: "CONNECT", path: "", authority: "" });
    expect([valueOf(connect, ":path"), valueOf(connect, ":authority"), valueOf(connect, ":method")]).toEqual([
      null,
      null,
      "CONNECT",
    ]);
  });

  test("all of them must hold", () => {
    const headers = [headerMatch("x-a", present(true)), headerMatch("x-b", present(true))];
    expect(holds({ headers }, { headers: [["x-a", "1"]] })).toBe(false);
    expect(
      holds(
        { headers },
        {
          headers: [
            ["x-b", "1"],
            ["x-a", "1"],
          ],
        },
      ),
    ).toBe(true);
  });
});

describe("query parameters", () => {
  const equals = (name: string, value: string): QueryMatchModel => ({
    name,
    match: { kind: "string", matcher: text("exact", value) },
  });
  const present = (name: string, value: boolean): QueryMatchModel => ({
    name,
    match: { kind: "present", present: value },
  });

  test.each<[QueryMatchModel, string, boolean]>([
    [equals("a", "1"), "/?a=1", true],
    [equals("a", "1"), "/?b=2&a=1&c", true],
    [equals("a", "1"), "/?a=2&a=1", false],
    [equals("a", "1"), "/?aa=1", false],
    [equals("a", "1"), "/a=1", false],
    [equals("a", ""), "/?a", true],
    [equals("a", ""), "/?a=", true],
    [equals("a", "b=c"), "/?a=b=c", true],
    // As it is written: Envoy does not decode.
    [equals("a", "%20"), "/?a=%20", true],
    [equals("a", " "), "/?a=%20", false],
    [present("a", true), "/?a", true],
    [present("a", true), "/?b", false],
    [present("a", false), "/?b", true],
    [present("a", false), "/", true],
    [present("a", false), "/?b&a=", false],
  ])("%j of %s: %j", (match, path, expected) => {
    expect(holds({ queryParameters: [match] }, { path })).toBe(expected);
  });
});

describe("grpc", () => {
  test.each([
    ["application/grpc", true],
    ["application/grpc+proto", true],
    ["application/grpc;charset=utf-8", true],
    ["application/grpc-web", false],
    ["application/json", false],
  ])("%s: %j", (type, expected) => {
    expect(holds({ grpc: true }, { headers: [["content-type", type]] })).toBe(expected);
  });
});
