import { reply } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { L7Chain } from "../../../../test/support/l7-chain.ts";
import { headerMutation } from "./index.ts";

const append = (key: string, value: string, append_action = "APPEND_IF_EXISTS_OR_ADD") => ({
  append: { header: { key, value }, append_action },
});
const mutations = (request_mutations: object[], response_mutations: object[] = []) => ({
  mutations: { request_mutations, response_mutations },
});

describe("header_mutation", () => {
  it("changes requests in the order of its list", async () => {
    const config = mutations([
      { remove: "x-a" },
      append("x-a", "1"),
      append("x-a", "2"),
      append("x-b", "3", "OVERWRITE_IF_EXISTS_OR_ADD"),
      append("x-c", "4", "ADD_IF_ABSENT"),
    ]);
    const { harness, terminal } = new L7Chain(headerMutation, config);
    await harness.request({ "x-a": "client", "x-b": "client", "x-c": "client" });
    expect(terminal.requestHeaders).toMatchObject({ "x-a": "1, 2", "x-b": "3", "x-c": "client" });
  });

  it("overwrites what is there alone where it is told so", async () => {
    const config = mutations([append("x-a", "1", "OVERWRITE_IF_EXISTS"), append("x-b", "1", "OVERWRITE_IF_EXISTS")]);
    const { harness, terminal } = new L7Chain(headerMutation, config);
    await harness.request({ "x-a": "client" });
    expect(terminal.requestHeaders["x-a"]).toBe("1");
    expect(terminal.requestHeaders).not.toHaveProperty("x-b");
  });

  it("changes responses, also those that a filter makes", async () => {
    const config = mutations([], [append("x-served-by", "sluice"), { remove: "server-secret" }]);
    const { harness, terminal } = new L7Chain(headerMutation, config);
    const upstream = await harness.request();
    terminal.respond(200, { "server-secret": "1" });
    expect(upstream.sent.headers).toMatchObject({ "x-served-by": "sluice" });
    expect(upstream.sent.headers).not.toHaveProperty("server-secret");
    const local = new L7Chain(headerMutation, config, {
      then: [{ hooks: { onRequestHeaders: () => reply({ status: 403 }) } }],
    });
    expect((await local.harness.request()).sent).toMatchObject({ status: 403, headers: { "x-served-by": "sluice" } });
  });

  it("renders command operators", async () => {
    const config = mutations(
      [append("x-path", "%REQ(:PATH)% over %PROTOCOL%"), append("x-none", "%REQ(X-NONE)%")],
      [append("x-status", "%RESPONSE_CODE% %REQ(X-A)%")],
    );
    const { harness, terminal } = new L7Chain(headerMutation, config);
    const stream = await harness.request({ ":path": "/p", "x-a": "a" });
    terminal.respond(201);
    expect(terminal.requestHeaders["x-path"]).toBe("/p over HTTP/1.1");
    expect(terminal.requestHeaders).not.toHaveProperty("x-none");
    expect(stream.sent.headers["x-status"]).toBe("201 a");
  });

  it("keeps an empty value where it is told to", async () => {
    const keeping = { append: { header: { key: "x-none", value: "%REQ(X-NONE)%" }, keep_empty_value: true } };
    const { harness, terminal } = new L7Chain(headerMutation, mutations([keeping]));
    await harness.request();
    expect(terminal.requestHeaders["x-none"]).toBe("");
  });

  it("is applied before what routes say, of which the least specific has the last word", async () => {
    const level = (value: string) => mutations([append("x-order", value)], [append("x-order", value)]);
    const { harness, terminal } = new L7Chain(headerMutation, level("filter"), {
      route: [level("config"), level("host"), level("route")],
    });
    const stream = await harness.request();
    terminal.respond();
    expect(terminal.requestHeaders["x-order"]).toBe("filter, route, host, config");
    expect(stream.sent.headers["x-order"]).toBe("filter, route, host, config");
  });

  it("lets the most specific level have the last word where it is told so", async () => {
    const level = (value: string) => mutations([append("x-order", value)]);
    const config = { ...level("filter"), most_specific_header_mutations_wins: true };
    const { harness, terminal } = new L7Chain(headerMutation, config, {
      route: [level("config"), level("host"), level("route")],
    });
    await harness.request();
    expect(terminal.requestHeaders["x-order"]).toBe("filter, config, host, route");
  });

  it("works without a route", async () => {
    const { harness, terminal } = new L7Chain(headerMutation, mutations([append("x-a", "1")]), { route: null });
    await harness.request();
    expect(terminal.requestHeaders["x-a"]).toBe("1");
  });

  it("is not created with a value that is no format", () => {
    expect(() => new L7Chain(headerMutation, mutations([append("x-a", "%NOPE%")]))).toThrow(
      "%NOPE% is no command operator",
    );
  });
});
