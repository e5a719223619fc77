import { describe, expect, it } from "vitest";
import { L7Chain } from "../../../../test/support/l7-chain.ts";
import { buffer } from "./index.ts";

const ten = { max_request_bytes: 10 };

describe("the buffer filter", () => {
  it("passes a request on when it is whole, with its length", () => {
    const { harness, terminal } = new L7Chain(buffer, ten);
    const stream = harness.open().headers({ ":method": "POST" }, false).data("123").data("456");
    expect(terminal.frames).toEqual([]);
    stream.data("78", true);
    expect(terminal.body).toBe("12345678");
    expect(terminal.ended).toBe(true);
    expect(terminal.requestHeaders).toMatchObject({ "content-length": "8" });
  });

  it("leaves a length that the client gave", () => {
    const { harness, terminal } = new L7Chain(buffer, ten);
    harness.open().headers({ "content-length": "3" }, false).data("123", true);
    expect(terminal.requestHeaders["content-length"]).toBe("3");
  });

  it("says zero for a body that came to nothing", () => {
    const { harness, terminal } = new L7Chain(buffer, ten);
    harness.open().headers({}, false).data("", true);
    expect(terminal.requestHeaders["content-length"]).toBe("0");
    expect(terminal.ended).toBe(true);
  });

  it("keeps trailers, and then says no length", () => {
    const { harness, terminal } = new L7Chain(buffer, ten);
    const stream = harness.open().headers({}, false).data("123");
    expect(terminal.frames).toEqual([]);
    stream.trailers({ "x-t": "1" });
    expect([terminal.body, terminal.trailers]).toEqual(["123", { "x-t": "1" }]);
    expect(terminal.requestHeaders).not.toHaveProperty("content-length");
  });

  it("takes exactly the limit, and answers 413 beyond", () => {
    const { harness, terminal } = new L7Chain(buffer, ten);
    harness.open().headers({}, false).data("1234567890").data("", true);
    expect(terminal.body).toBe("1234567890");
    const large = harness.open().headers({}, false).data("12345678901");
    expect(large.sent).toMatchObject({ status: 413, body: "Payload Too Large" });
    expect(large.stream.details).toBe("request_payload_too_large");
  });

  it("answers 413 when only the last chunk goes beyond the limit", () => {
    const { harness, terminal } = new L7Chain(buffer, ten);
    for (const chunks of [["12345678901"], ["1234567890", "1"]]) {
      const stream = harness.open().headers({}, false);
      for (const [index, chunk] of chunks.entries()) stream.data(chunk, index === chunks.length - 1);
      expect(stream.sent).toMatchObject({ status: 413, body: "Payload Too Large" });
    }
    expect(terminal.frames).toEqual([]);
  });

  it("raises the limit of the connection for its stream, too", () => {
    const { harness, terminal } = new L7Chain(
      buffer,
      { max_request_bytes: 100 },
      { harness: { bufferLimitBytes: 10 } },
    );
    harness.open().headers({}, false).data("x".repeat(50)).data("y".repeat(50), true);
    expect(terminal.body).toHaveLength(100);
  });

  it("lets a request without body through at once", () => {
    const { harness, terminal } = new L7Chain(buffer, ten);
    harness.open().headers();
    expect(terminal.frames).toEqual(["headers", "end"]);
    expect(terminal.requestHeaders).not.toHaveProperty("content-length");
  });

  it("never holds a tunnel", () => {
    const { harness, terminal } = new L7Chain(buffer, ten, {
      harness: {
        hcm: {
          upgrades: [
            { type: "websocket", enabled: true },
            { type: "connect", enabled: true },
          ],
        },
      },
    });
    harness.open().headers({ upgrade: "websocket" }, false).data("frame");
    expect(terminal.frames).toEqual(["headers", "data:5"]);
    harness.open().headers({ ":method": "CONNECT", ":path": "" }, false).data("bytes");
    expect(terminal.frames).toEqual(["headers", "data:5", "headers", "data:5"]);
  });

  it("is off, or has another limit, where the route says so", () => {
    const off = new L7Chain(buffer, ten, { route: [{ disabled: true }] });
    off.harness.open().headers({}, false).data("1");
    expect(off.terminal.frames).toEqual(["headers", "data:1"]);
    const more = new L7Chain(buffer, ten, { route: [{ disabled: true }, { buffer: { max_request_bytes: 3 } }] });
    expect(more.harness.open().headers({}, false).data("1234").sent.status).toBe(413);
  });

  it("works without a route", () => {
    const { harness, terminal } = new L7Chain(buffer, ten, { route: null });
    harness.open().headers({}, false).data("1", true);
    expect(terminal.requestHeaders["content-length"]).toBe("1");
  });

  it("forgets the request when the client goes away", () => {
    const { harness, terminal } = new L7Chain(buffer, ten);
    const stream = harness.open().headers({}, false).data("1").abort();
    expect(stream.sent.status).toBe(0);
    expect(terminal.frames).toEqual([]);
  });
});
