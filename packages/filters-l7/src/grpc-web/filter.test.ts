import { describe, expect, it, test } from "vitest";
import { FakeClusters } from "../../../../test/support/fake-cluster.ts";
import { L7Chain } from "../../../../test/support/l7-chain.ts";
import type { RouteEntry } from "../../../core/src/http/route/types.ts";
import { grpcFrame } from "../shared/grpc-frames.ts";
import { grpcWeb } from "./index.ts";

const BINARY = { ":method": "POST", ":path": "/pkg.Echo/Say", "content-type": "application/grpc-web+proto" };
const TEXT = { ...BINARY, "content-type": "application/grpc-web-text", accept: "application/grpc-web-text" };
const GRPC = { "content-type": "application/grpc" };

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const base64 = (of: string): string => Buffer.from(of, "latin1").toString("base64");
const message = (of: string): string => text(grpcFrame(Buffer.from(of)));
const trailers = (of: string): string => text(grpcFrame(Buffer.from(of), 0x80));

const chain = (): L7Chain =>
  new L7Chain(
    grpcWeb,
    {},
    {
      entry: { clusterName: "web" } as Partial<RouteEntry>,
      services: { clusters: new FakeClusters() },
    },
  );

describe("requests", () => {
  it("become gRPC", () => {
    const { harness, terminal } = chain();
    harness
      .open()
      .headers({ ...BINARY, "content-length": "8" }, false)
      .data(message("abc"), true);
    expect(terminal.requestHeaders).toMatchObject({
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-accept-encoding": "identity",
    });
    expect(terminal.requestHeaders).not.toHaveProperty("content-length");
    expect([terminal.body, terminal.ended]).toEqual([message("abc"), true]);
  });

  it("keep what the client can decompress, and how its messages are encoded", () => {
    const { harness, terminal } = chain();
    harness.open().headers({ ...BINARY, "content-type": "application/grpc-web+json", "grpc-accept-encoding": "gzip" });
    expect(terminal.requestHeaders).toMatchObject({
      "content-type": "application/grpc+json",
      "grpc-accept-encoding": "gzip",
    });
  });

  it("in base64 are decoded as they come", () => {
    const { harness, terminal } = chain();
    const body = base64(message("hello")) + base64(message("you"));
    const stream = harness.open().headers(TEXT, false);
    for (const char of body.slice(0, -1)) stream.data(char);
    expect(terminal.body).toBe((message("hello") + message("you")).slice(0, -2));
    stream.data(body.slice(-1), true);
    expect([terminal.body, terminal.ended]).toEqual([message("hello") + message("you"), true]);
  });

  test.each([
    ["AAA*", 13, "grpc_base_64_decode_failed"],
    ["AAAAA", 13, "grpc_base_64_decode_failed_bad_size"],
  ])("whose body is %s are answered 400 and a gRPC status", async (body, status, details) => {
    const { harness } = chain();
    const stream = harness.open().headers(TEXT, false).data(body, true);
    await harness.settle();
    expect(stream.sent).toMatchObject({
      status: 400,
      headers: {
        "content-type": "application/grpc-web-text+proto",
        "grpc-status": String(status),
        "grpc-message": "Bad gRPC-web request, invalid base64 data.",
        "content-length": "0",
      },
      body: "",
      ended: true,
    });
    expect(stream.stream.details).toBe(details);
  });

  it("whose base64 is cut short by trailers are answered 400 too", () => {
    const { harness, terminal } = chain();
    const stream = harness.open().headers(TEXT, false).data("AAAAA").trailers({ "x-t": "1" });
    expect([stream.stream.details, terminal.ended]).toEqual(["grpc_base_64_decode_failed_bad_size", false]);
  });

  it("of other types pass as they are, both ways", () => {
    const { harness, terminal } = chain();
    const stream = harness.open().headers({ "content-type": "application/grpc", "content-length": "3" }, false);
    stream.data("abc", true);
    expect(terminal.requestHeaders).toMatchObject({ "content-type": "application/grpc", "content-length": "3" });
    expect(terminal.requestHeaders).not.toHaveProperty("te");
    terminal.respond(200, GRPC, false).data("xyz").sendTrailers({ "grpc-status": "0" });
    expect(stream.sent).toMatchObject({ headers: GRPC, body: "xyz", trailers: { "grpc-status": "0" } });
  });
});

describe("responses", () => {
  it("have their trailers in the body", () => {
    const { harness, terminal } = chain();
    const stream = harness.open().headers(BINARY);
    terminal.respond(200, { ...GRPC, "content-length": "99" }, false).data(message("one"));
    expect(stream.sent.body).toBe(message("one"));
    terminal.sendTrailers({ "grpc-status": "0", "grpc-message": "fine", "x-more": "1" });
    expect(stream.sent).toMatchObject({
      status: 200,
      headers: { "content-type": "application/grpc-web+proto" },
      body: message("one") + trailers("grpc-status:0\r\ngrpc-message:fine\r\nx-more:1\r\n"),
      trailers: null,
      ended: true,
    });
    expect(stream.sent.headers).not.toHaveProperty("content-length");
  });

  it("are base64, each frame for itself, for who accepts that", () => {
    const { harness, terminal } = chain();
    const stream = harness.open().headers(TEXT);
    terminal.respond(200, GRPC, false);
    const body = message("four") + message("a") + message("");
    for (const char of body) terminal.data(char);
    const expected = base64(message("four")) + base64(message("a")) + base64(message(""));
    expect(stream.sent.body).toBe(expected);
    terminal.sendTrailers({ "grpc-status": "5" });
    expect(stream.sent).toMatchObject({
      headers: { "content-type": "application/grpc-web-text+proto" },
      body: expected + base64(trailers("grpc-status:5\r\n")),
      ended: true,
    });
  });

  it("in base64 end with what there is, where a message is cut short", () => {
    const { harness, terminal } = chain();
    const stream = harness.open().headers(TEXT);
    terminal.respond(200, GRPC, false).data(message("abcd").slice(0, 7), true);
    expect(stream.sent).toMatchObject({ body: base64(message("abcd").slice(0, 7)), ended: true });
    const other = harness.open().headers(TEXT);
    terminal.respond(200, GRPC, false).data(message("abcd").slice(0, 7)).sendTrailers({ "grpc-status": "0" });
    expect(other.sent.body).toBe(base64(message("abcd").slice(0, 7)) + base64(trailers("grpc-status:0\r\n")));
  });

  it("without messages keep their status in the headers", () => {
    const { harness, terminal } = chain();
    const stream = harness.open().headers(BINARY);
    terminal.respond(200, { ...GRPC, "grpc-status": "7", "grpc-message": "no" });
    expect(stream.sent).toMatchObject({
      status: 200,
      headers: { "content-type": "application/grpc-web+proto", "grpc-status": "7", "grpc-message": "no" },
      body: "",
      ended: true,
    });
  });

  it("of an upstream that speaks gRPC-Web itself pass", () => {
    const { harness, terminal } = chain();
    const stream = harness.open().headers(TEXT);
    const body = message("x") + trailers("grpc-status:0\r\n");
    terminal.respond(200, { "content-type": "application/grpc-web+proto" }, false).data(body, true);
    expect(stream.sent.body).toBe(base64(message("x")) + base64(trailers("grpc-status:0\r\n")));
  });

  test.each([
    [404, "12"],
    [503, "14"],
    [401, "16"],
    [500, "2"],
    [200, "2"],
  ])("that are no gRPC, with %i, become status %s with their body as its message", async (status, expected) => {
    const { harness, terminal } = chain();
    const stream = harness.open().headers(BINARY);
    terminal.respond(status, { "content-type": "text/html", "content-length": "10" }, false);
    terminal.data("100% \n");
    terminal.data("done", true);
    await harness.settle();
    expect(stream.sent).toMatchObject({
      status,
      headers: {
        "content-type": "application/grpc-web+proto",
        "grpc-status": expected,
        "grpc-message": "100%25 %0Adone",
        "content-length": "0",
      },
      body: "",
      ended: true,
    });
  });

  it("that are no gRPC leave nothing of trailers, compressed or long bodies", async () => {
    const { harness, terminal } = chain();
    const withTrailers = harness.open().headers(BINARY);
    terminal.respond(500, {}, false).data("x".repeat(10_000)).sendTrailers({ "x-t": "1" });
    await harness.settle();
    expect(withTrailers.sent).toMatchObject({ body: "", trailers: null, ended: true });
    expect(withTrailers.sent.headers["grpc-message"]).toBe("x".repeat(4096));
    const compressed = harness.open().headers(BINARY);
    terminal.respond(500, { "content-encoding": "gzip" }, false).data("\x1f\x8b", true);
    await harness.settle();
    expect(compressed.sent.headers).toMatchObject({ "grpc-status": "2", "content-length": "0" });
    for (const name of ["grpc-message", "content-encoding"]) expect(compressed.sent.headers).not.toHaveProperty(name);
    const bare = harness.open().headers(BINARY);
    terminal.respond(404);
    expect(bare.sent).toMatchObject({ status: 404, headers: { "grpc-status": "12" }, ended: true });
  });

  it("of the proxy itself keep their HTTP status", async () => {
    const { harness, terminal } = chain();
    const stream = harness.open().headers(BINARY);
    terminal.handle!.reply({ status: 503, body: "no healthy upstream", details: "no_healthy_upstream" });
    await harness.settle();
    expect(stream.sent).toMatchObject({
      status: 503,
      headers: { "grpc-status": "14", "grpc-message": "no healthy upstream", "content-length": "0" },
      body: "",
      ended: true,
    });
  });
});

describe("statistics", () => {
  it("are of the cluster and the method", () => {
    const test = chain();
    for (const status of ["0", "0", "5"]) {
      test.harness.open().headers({ ...BINARY, ":path": "/pkg.Echo/Say?x=1" });
      test.terminal.respond(200, GRPC, false).sendTrailers({ "grpc-status": status });
    }
    test.harness.open().headers({ ...BINARY, ":path": "/not-a-method" });
    test.terminal.respond(200, { "grpc-status": "0" });
    const count = (name: string): number => test.count(`cluster.web.grpc-web.pkg.Echo.Say.${name}`);
    expect(["0", "5", "success", "failure", "total"].map(count)).toEqual([2, 1, 2, 1, 3]);
  });
});
