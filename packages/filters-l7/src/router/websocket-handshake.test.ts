import { describe, expect, test } from "vitest";
import { RequestHeaderMap, ResponseHeaderMap } from "../../../core/src/http/headers/header-map.ts";
import { completeHandshake } from "./websocket-handshake.ts";

const ACCEPT = "sec-websocket-accept";

function completed(options: {
  upgrade?: string;
  key?: string;
  accept?: string;
  protocol?: string;
}): string | undefined {
  const { upgrade = "websocket", key, accept, protocol = "HTTP/1.1" } = options;
  const request = new RequestHeaderMap("GET", "/", "a", "http", [], upgrade);
  if (key !== undefined) request.set("sec-websocket-key", key);
  const response = new ResponseHeaderMap(101);
  if (accept !== undefined) response.set(ACCEPT, accept);
  completeHandshake(request, response, protocol);
  return response.get(ACCEPT);
}

describe("the proof that the client's key was read", () => {
  test("is made where the upstream has none to give (the example of RFC 6455 section 1.3)", () => {
    expect(completed({ key: "dGhlIHNhbXBsZSBub25jZQ==" })).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  test.each([
    ["is the upstream's where it gave one", { key: "dGhlIHNhbXBsZSBub25jZQ==", accept: "its own" }, "its own"],
    ["is not made for a client that sent no key", {}, undefined],
    ["is not made for another protocol", { upgrade: "spdy/3.1", key: "k" }, undefined],
    ["does not go to a client of HTTP/2", { key: "k", accept: "x", protocol: "HTTP/2" }, undefined],
  ])("%s", (_title, options, expected) => {
    expect(completed(options)).toBe(expected);
  });
});
