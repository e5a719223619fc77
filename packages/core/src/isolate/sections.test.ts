// Header sections as one text, and edits that are checked before any is made.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HeaderField } from "../http/headers/field.ts";
import { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../http/headers/header-map.ts";
import {
  applyEdits,
  readRequest,
  readResponse,
  readTrailers,
  requestSection,
  responseSection,
  trailersSection,
} from "./sections.ts";

const value = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) });
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);
const fields = fc.array(fc.tuple(name, value)).map((list) => list.map(([n, v]) => new HeaderField(n, v)));
const pairs = (list: readonly HeaderField[]): string[][] => list.map((field) => [field.name, field.value]);

describe("a section is read as it was written", () => {
  test("of a request", () => {
    fc.assert(
      fc.property(fields, value, (list, path) => {
        const map = new RequestHeaderMap("POST", `/${path}`, "test.example", "https", list, "websocket");
        const { fields: read, ...line } = readRequest(requestSection(map));
        expect(line).toEqual({
          method: "POST",
          path: `/${path}`,
          authority: "test.example",
          scheme: "https",
          upgrade: "websocket",
        });
        expect(pairs(read)).toEqual(pairs(list));
      }),
    );
  });

  test("of a response, and trailers", () => {
    fc.assert(
      fc.property(fields, fc.integer({ min: 100, max: 599 }), (list, status) => {
        const response = readResponse(responseSection(new ResponseHeaderMap(status, list)));
        expect([response.status, pairs(response.fields)]).toEqual([status, pairs(list)]);
        expect(pairs(readTrailers(trailersSection(new HeaderMap(list))))).toEqual(pairs(list));
      }),
    );
  });
});

describe("edits", () => {
  const maps = () => ({
    request: new RequestHeaderMap("GET", "/", "test.example", "http", [new HeaderField("a", "1")]),
    response: new ResponseHeaderMap(200),
    own: new HeaderMap(),
  });

  test("are made in order, each on its map", () => {
    const { request, response, own } = maps();
    const edits = [
      ["request", "append", "a", "2"],
      ["request", "set", "b", "3"],
      ["request", "delete", "b", ""],
      ["request", "property", "path", "/other"],
      ["response", "property", "status", "204"],
      ["own", "append", "sum", "9"],
    ].flat();
    applyEdits({ request, response, own }, edits);
    expect([[...request], request.path, response.status, [...own]]).toEqual([
      [
        ["a", "1"],
        ["a", "2"],
      ],
      "/other",
      204,
      [["sum", "9"]],
    ]);
  });

  test.each([
    [["request", "set", "bad name", "1"]],
    [["request", "set", "host", "elsewhere"]],
    [["request", "append", "ok", "a\nb"]],
    [["request", "property", "method", "NO SPACES"]],
    [["request", "property", "upgrade", "websocket"]],
    [["response", "property", "status", "42"]],
  ])("that are not legal leave everything as it was: %j", (illegal) => {
    const { request, response, own } = maps();
    expect(() => applyEdits({ request, response, own }, ["request", "set", "before", "1", ...illegal])).toThrow(
      TypeError,
    );
    expect([[...request], request.method, response.status]).toEqual([[["a", "1"]], "GET", 200]);
  });

  test("for a section that is not there have no effect", () => {
    const { request } = maps();
    applyEdits({ request, response: undefined, own: null }, ["response", "set", "x", "1", "own", "set", "y", "1"]);
    expect([...request]).toEqual([["a", "1"]]);
  });
});
