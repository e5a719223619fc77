import { describe, expect, it, test } from "vitest";
import { L7Chain } from "../../../../test/support/l7-chain.ts";
import { grpcFrame } from "../shared/grpc-frames.ts";
import { grpcHttp1Bridge } from "./index.ts";

const CALL = { ":method": "POST", ":path": "/pkg.Echo/Say?a=b", "content-type": "application/grpc" };
const PROTOBUF = { ...CALL, "content-type": "application/x-protobuf; x=1", "content-length": "5" };
const GRPC = { "content-type": "application/grpc" };
const frame = (of: string, flags = 0): string => Buffer.from(grpcFrame(Buffer.from(of), flags)).toString("latin1");

const UPGRADE = { upgrade_protobuf_to_grpc: true };
const chain = (config: object = {}): L7Chain => new L7Chain(grpcHttp1Bridge, config);

/** Opens a stream of an HTTP/2 client. */
function openHttp2(of: L7Chain) {
  const stream = of.harness.open();
  Object.defineProperty(stream.stream, "protocol", { value: "HTTP/2" });
  return stream;
}

describe("gRPC over HTTP/1", () => {
  it("gets its status in the headers, when the whole response is there", async () => {
    const { harness, terminal } = chain();
    const stream = harness.open().headers(CALL, false).data(frame("hi"), true);
    expect(terminal.requestHeaders).toMatchObject({ "content-type": "application/grpc", te: "trailers" });
    expect(terminal.body).toBe(frame("hi"));
    terminal.respond(200, { ...GRPC, "x-a": "1" }, false).data(frame("you").slice(0, 3));
    await harness.settle();
    expect(stream.sent.status).toBe(0);
    terminal.data(frame("you").slice(3)).sendTrailers({ "grpc-status": "0", "grpc-message": "fine", "x-t": "1" });
    await harness.settle();
    expect(stream.sent).toMatchObject({
      status: 200,
      headers: {
        "content-type": "application/grpc",
        "x-a": "1",
        "grpc-status": "0",
        "grpc-message": "fine",
        "content-length": "8",
      },
      body: frame("you"),
      ended: true,
    });
    expect(stream.sent.headers).not.toHaveProperty("x-t");
  });

  test.each(["5", "16", "99", "none"])("is answered 503 where the status is %s", async (status) => {
    const { harness, terminal } = chain();
    const stream = harness.open().headers(CALL, false).data(frame("hi"), true);
    terminal.respond(200, GRPC, false).sendTrailers({
      "grpc-status": status,
      "grpc-message": "no",
      "grpc-status-details-bin": "AA",
    });
    await harness.settle();
    expect(stream.sent).toMatchObject({
      status: 503,
      headers: {
        "grpc-status": status,
        "grpc-message": "no",
        "grpc-status-details-bin": "AA",
        "content-length": "0",
      },
      body: "",
    });
  });

  it("is answered 503 where a status without messages is not OK", () => {
    const { harness, terminal } = chain();
    const failed = harness.open().headers(CALL);
    terminal.respond(200, { ...GRPC, "grpc-status": "5" });
    expect(failed.sent).toMatchObject({ status: 503, headers: { "grpc-status": "5" }, ended: true });
    const fine = harness.open().headers(CALL);
    terminal.respond(200, { ...GRPC, "grpc-status": "0" });
    expect(fine.sent).toMatchObject({ status: 200, headers: { "grpc-status": "0" } });
  });

  it("gets answers that are no gRPC as they are", () => {
    const { harness, terminal } = chain();
    const stream = harness.open().headers(CALL);
    terminal.respond(404, { "content-type": "text/html" }, false).data("<html>");
    expect(stream.sent).toMatchObject({ status: 404, body: "<html>" });
  });

  it("has no more of a response than the buffer limit", async () => {
    const { harness, terminal } = new L7Chain(grpcHttp1Bridge, {}, { harness: { bufferLimitBytes: 10 } });
    const stream = harness.open().headers(CALL);
    terminal.respond(200, GRPC, false).data("x".repeat(11));
    await harness.settle();
    expect(stream.stream.details).toBe("response_payload_too_large");
    expect(stream.sent).toMatchObject({ status: 200, headers: { "grpc-status": "2" }, ended: true });
  });
});

describe("what is not bridged", () => {
  it("passes: gRPC over HTTP/2, protobuf, everything else", () => {
    const all = chain({ ignore_query_parameters: true });
    for (const [stream, headers] of [
      [openHttp2(all), CALL],
      [all.harness.open(), PROTOBUF],
      [all.harness.open(), { ...CALL, "content-type": "application/grpc-web" }],
      [all.harness.open(), { ":path": "/x?y" }],
    ] as const) {
      stream.headers(headers);
      all.terminal.respond(200, GRPC, false).data("part");
      expect(stream.sent).toMatchObject({ status: 200, body: "part" });
      expect(stream.stream.requestHeaders.path).toContain("?");
      expect(all.terminal.requestHeaders).not.toHaveProperty("te");
    }
  });
});

describe("the query", () => {
  it("is cut off where that is asked for; the route was found with it", () => {
    const routed = new Set<string>();
    const all = new L7Chain(
      grpcHttp1Bridge,
      { ignore_query_parameters: true, ...UPGRADE },
      { route: (path) => (routed.add(path), []) },
    );
    for (const headers of [CALL, PROTOBUF]) {
      const stream = all.harness.open().headers(headers);
      void stream.stream.routeEntry();
      expect(stream.stream.requestHeaders.path).toBe("/pkg.Echo/Say");
    }
    expect([...routed]).toEqual(["/pkg.Echo/Say?a=b", "/pkg.Echo/Say"]);
  });
});

describe("protobuf that becomes gRPC", () => {
  it("is one message, and so is its answer", async () => {
    for (const open of [(of: L7Chain) => of.harness.open(), openHttp2]) {
      const all = chain(UPGRADE);
      const stream = open(all).headers(PROTOBUF, false).data("hel");
      await all.harness.settle();
      expect(all.terminal.frames).toEqual([]);
      stream.data("lo", true);
      await all.harness.settle();
      expect(all.terminal.requestHeaders).toMatchObject({ "content-type": "application/grpc", te: "trailers" });
      expect(all.terminal.requestHeaders).not.toHaveProperty("content-length");
      expect([all.terminal.body, all.terminal.ended]).toEqual([frame("hello"), true]);
      all.terminal.respond(200, GRPC, false);
      for (const char of frame("answer")) all.terminal.data(char);
      all.terminal.sendTrailers({ "grpc-status": "0" });
      await all.harness.settle();
      expect(stream.sent).toMatchObject({
        status: 200,
        headers: { "content-type": "application/x-protobuf", "grpc-status": "0", "content-length": "6" },
        body: "answer",
        ended: true,
      });
    }
  });

  it("may be empty", () => {
    const all = chain(UPGRADE);
    all.harness.open().headers({ ...PROTOBUF, "content-length": "0" });
    expect([all.terminal.body, all.terminal.ended]).toEqual([frame(""), true]);
  });

  it("keeps its trailers", async () => {
    const all = chain(UPGRADE);
    all.harness.open().headers(PROTOBUF, false).data("hello").trailers({ "x-t": "1" });
    await all.harness.settle();
    expect([all.terminal.body, all.terminal.trailers]).toEqual([frame("hello"), { "x-t": "1" }]);
  });

  it("that failed has no body", async () => {
    const all = chain(UPGRADE);
    const stream = all.harness.open().headers(PROTOBUF, false).data("hello", true);
    await all.harness.settle();
    all.terminal.respond(200, GRPC, false).data(frame("half")).sendTrailers({ "grpc-status": "13" });
    await all.harness.settle();
    expect(stream.sent).toMatchObject({ status: 503, body: "", headers: { "grpc-status": "13" } });
    const bare = all.harness.open().headers(PROTOBUF);
    all.terminal.respond(200, { ...GRPC, "grpc-status": "5" });
    expect(bare.sent).toMatchObject({
      status: 503,
      headers: { "content-type": "application/x-protobuf", "grpc-status": "5" },
    });
  });

  test.each([
    ["two messages", frame("a") + frame("b")],
    ["a compressed one", frame("a", 1)],
    ["half of one", frame("abc").slice(0, 6)],
    ["no message", ""],
  ])("is answered 502 where the upstream sends %s", async (_what, body) => {
    const all = chain(UPGRADE);
    const stream = all.harness.open().headers(PROTOBUF, false).data("hello", true);
    await all.harness.settle();
    all.terminal.respond(200, GRPC, false).data(body).sendTrailers({ "grpc-status": "0" });
    await all.harness.settle();
    expect(stream.sent).toMatchObject({
      status: 502,
      body: "the upstream's answer is not one uncompressed message",
      ended: true,
    });
    expect(stream.stream.details).toBe("grpc_bridge_not_one_message");
  });

  it("gets answers of the proxy as HTTP", async () => {
    const all = chain(UPGRADE);
    const stream = all.harness.open().headers(PROTOBUF, false).data("hello", true);
    await all.harness.settle();
    all.terminal.handle!.reply({ status: 503, body: "no healthy upstream" });
    expect(stream.sent).toMatchObject({
      status: 503,
      headers: { "content-type": "text/plain" },
      body: "no healthy upstream",
    });
  });
});
