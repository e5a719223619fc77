import { describe, expect, it, test } from "vitest";
import { L7Chain, type L7Options } from "../../../../test/support/l7-chain.ts";
import { headerToMetadata } from "./index.ts";

const NAMESPACE = "envoy.filters.http.header_to_metadata";

function chain(rule: object, options: L7Options = {}): L7Chain {
  return new L7Chain(headerToMetadata, { request_rules: [rule] }, options);
}

function metadataOf(rule: object, headers: Record<string, string>): unknown {
  return chain(rule).harness.open().headers(headers).stream.metadata.get(NAMESPACE);
}

const present = (more: object = {}): object => ({ header: "x-a", on_header_present: { key: "k", ...more } });

describe("a rule", () => {
  it("takes the value of a header, or another in its place", () => {
    expect(metadataOf(present(), { "x-a": "v" })).toEqual({ k: "v" });
    expect(metadataOf(present({ value: "fixed" }), { "x-a": "v" })).toEqual({ k: "fixed" });
    expect(metadataOf(present({ value: "fixed" }), { "x-a": "" })).toEqual({ k: "fixed" });
    expect(metadataOf(present(), { "x-a": "" })).toBeUndefined();
    expect(metadataOf(present(), {})).toBeUndefined();
  });

  it("has a value for a header that is missing", () => {
    const rule = { ...present(), on_header_missing: { key: "none", value: "yes" } };
    expect(metadataOf(rule, {})).toEqual({ none: "yes" });
    expect(metadataOf(rule, { "x-a": "v" })).toEqual({ k: "v" });
  });

  it("writes into the namespace that it names", () => {
    const { stream } = chain(present({ metadata_namespace: "acme" }))
      .harness.open()
      .headers({ "x-a": "v" });
    expect(stream.metadata.get("acme")).toEqual({ k: "v" });
  });

  it("removes the header where it says so, after it was read", () => {
    const removing = chain({ ...present(), remove: true });
    const { stream } = removing.harness.open().headers({ "x-a": "v", "x-b": "w" });
    expect(stream.metadata.get(NAMESPACE)).toEqual({ k: "v" });
    expect(removing.terminal.requestHeaders).not.toHaveProperty("x-a");
    expect(removing.terminal.requestHeaders).toMatchObject({ "x-b": "w" });
  });

  it("rewrites the value", () => {
    const regex_value_rewrite = { pattern: { regex: "^/(cluster[\\d\\w-]+)/?.*$" }, substitution: "\\1" };
    const rule = { header: ":path", on_header_present: { key: "cluster", regex_value_rewrite } };
    expect(metadataOf(rule, { ":path": "/cluster-prod-001/x" })).toEqual({ cluster: "cluster-prod-001" });
    expect(metadataOf(rule, { ":path": "/other" })).toEqual({ cluster: "/other" });
  });

  test.each([
    [":method", "GET"],
    [":path", "/"],
    [":authority", "test.example"],
    ["host", "test.example"],
    [":scheme", "http"],
  ])("reads %s", (header, value) => {
    expect(metadataOf({ header, on_header_present: { key: "k" } }, {})).toEqual({ k: value });
  });

  test.each([
    ["STRING", "NONE", "12", "12"],
    ["STRING", "BASE64", Buffer.from("señor").toString("base64"), "señor"],
    ["STRING", "BASE64", "YQ", "a"],
    ["STRING", "BASE64", "a b", undefined],
    ["NUMBER", "NONE", " -1.5e2 ", -150],
    ["NUMBER", "NONE", "0x10", undefined],
    ["NUMBER", "NONE", "Infinity", undefined],
    ["NUMBER", "NONE", "1e999", undefined],
    ["NUMBER", "BASE64", "MTI=", 12],
    ["PROTOBUF_VALUE", "BASE64", Buffer.from([0x20, 1]).toString("base64"), true],
    ["PROTOBUF_VALUE", "BASE64", "//8=", undefined],
    ["PROTOBUF_VALUE", "NONE", "\x1a\x01x", "x"],
  ])("makes %s with %s of %j: %j", (type, encode, sent, value) => {
    const { harness } = chain(present({ type, encode }));
    const stream = harness.open().headers({ "x-a": sent });
    expect(stream.stream.metadata.get(NAMESPACE)).toEqual(value === undefined ? undefined : { k: value });
  });

  it("passes over values that are too long", () => {
    expect(metadataOf(present(), { "x-a": "v".repeat(8191) })).toEqual({ k: "v".repeat(8191) });
    expect(metadataOf(present(), { "x-a": "v".repeat(8192) })).toBeUndefined();
    const grow = { pattern: { regex: "a" }, substitution: "0123456789" };
    expect(metadataOf(present({ regex_value_rewrite: grow }), { "x-a": "a".repeat(1000) })).toBeUndefined();
  });

  test.each([
    ["a=1; b=2; b=3", "b", "2"],
    ['a="x y"', "a", "x y"],
    ["ab=1", "a", undefined],
    ["a=", "a", undefined],
    ["a=b=c", "a", "b=c"],
    ["; ;a", "a", undefined],
  ])("finds in the cookies %s that %s is %s", (cookie, name, value) => {
    const rule = { cookie: name, on_header_present: { key: "k" }, on_header_missing: { key: "k", value: "none" } };
    expect(metadataOf(rule, { cookie })).toEqual({ k: value ?? "none" });
  });
});

describe("rules", () => {
  it("of responses read the response, local replies included", () => {
    const rules = [
      { header: ":status", on_header_present: { key: "status", type: "NUMBER" } },
      { header: "set-cookie", on_header_present: { key: "cookies" } },
    ];
    const { harness, terminal } = new L7Chain(headerToMetadata, { response_rules: rules });
    const { stream } = harness.open().headers();
    const response = terminal.handle!.newResponse(201);
    response.append("set-cookie", "a=1");
    response.append("set-cookie", "b=2");
    terminal.handle!.sendHeaders(response, true);
    expect(stream.metadata.get(NAMESPACE)).toEqual({ status: 201, cookies: "a=1,b=2" });
    const local = harness.open().headers().stream;
    terminal.handle!.reply({ status: 429 });
    expect(local.metadata.get(NAMESPACE)).toEqual({ status: 429 });
  });

  it("of a route take the place of the filter's", () => {
    const route = { request_rules: [{ header: "x-b", on_header_present: { key: "route" } }] };
    const { harness } = chain(present(), { route: [route] });
    for (let i = 0; i < 2; i++) {
      const { stream } = harness.open().headers({ "x-a": "1", "x-b": "2" });
      expect(stream.metadata.get(NAMESPACE)).toEqual({ route: "2" });
    }
  });

  it("take no key for more than a key", () => {
    const { stream } = chain(present({ key: "__proto__" }))
      .harness.open()
      .headers({ "x-a": "v" });
    expect(Object.keys(stream.metadata.get(NAMESPACE)!)).toEqual(["__proto__"]);
  });

  it("with what is no regular expression are refused", () => {
    expect(() => chain(present({ regex_value_rewrite: { pattern: { regex: "(" } } }))).toThrow("expected");
    expect(() => chain(present({ regex_value_rewrite: { pattern: { regex: "a" }, substitution: "\\3" } }))).toThrow(
      "expected",
    );
  });
});
