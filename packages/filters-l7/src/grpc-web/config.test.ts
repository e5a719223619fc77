import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { acceptsText, webType } from "./content-type.ts";
import { grpcWeb } from "./index.ts";

describe("configuration", () => {
  it("is empty", () => {
    expect(settingsOf(grpcWeb, "config", {})).toEqual({});
    expect(settingsOf(grpcWeb, "config", null)).toEqual({});
    expect(() => settingsOf(grpcWeb, "config", { cors: true })).toThrow("unknown field cors");
  });
});

describe("content types", () => {
  test.each([
    ["application/grpc-web", false, ""],
    ["application/grpc-web+proto", false, "+proto"],
    ["application/grpc-web-text", true, ""],
    ["application/grpc-web-text+proto", true, "+proto"],
    ["Application/gRPC-Web+JSON ; charset=utf-8", false, "+json"],
  ])("%s", (type, isText, subtype) => expect(webType(type)).toEqual({ isText, subtype }));

  test.each([
    "application/grpc",
    "application/grpc-webs",
    "application/grpc-web+",
    "application/grpc-web+a\r\nb",
    "text/html",
    "",
  ])("%j is none of them", (type) => expect(webType(type)).toBeNull());

  test.each([
    [undefined, false],
    ["*/*", false],
    ["application/grpc-web-text", true],
    ["text/html, application/grpc-web-text+proto;q=1", true],
    ["application/grpc-web+proto, application/grpc-web-text", false],
  ])("an answer for who accepts %s is text: %s", (accept, expected) => expect(acceptsText(accept)).toBe(expected));
});
