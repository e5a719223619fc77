// The cases of gRPC's interoperability tests (grpc/grpc, doc/interop-test-descriptions.md) through the whole proxy, from @grpc/grpc-js to @grpc/grpc-js.
import { Client, Metadata, compressionAlgorithms, credentials, status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import {
  ECHO_INITIAL,
  ECHO_TRAILING,
  GrpcWorld,
  SERVICE,
  same,
  statusOf,
  unaryCall,
  wish,
} from "./support/test-service.ts";

const REQUEST_SIZES = [27_182, 8, 1828, 45_904];
const ANSWER_SIZES = [31_415, 9, 2653, 58_979];

describe("calls", () => {
  test("empty_unary", async () => {
    await using world = await GrpcWorld.start();
    const { error, body, status: ended } = await world.unary("EmptyCall", Buffer.alloc(0));
    expect([error, body!.length, ended.code]).toEqual([null, 0, status.OK]);
  });

  test("large_unary", async () => {
    await using world = await GrpcWorld.start();
    const { error, body } = await world.unary("UnaryCall", wish({ sizes: [314_159], payload: "x".repeat(271_828) }));
    expect([error, body!.equals(Buffer.alloc(314_159, "a"))]).toEqual([null, true]);
  });

  test("client_streaming", async () => {
    await using world = await GrpcWorld.start();
    const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
      const call = world.client.makeClientStreamRequest(
        `${SERVICE}StreamingInputCall`,
        same,
        same,
        (error, value?: Buffer) => (error === null ? resolve(value) : reject(error)),
      );
      for (const size of REQUEST_SIZES) call.write(Buffer.alloc(size));
      call.end();
    });
    expect(answer!.toString()).toBe("74922");
  });

  test("server_streaming", async () => {
    await using world = await GrpcWorld.start();
    const request = wish({ sizes: ANSWER_SIZES });
    const call = world.client.makeServerStreamRequest(`${SERVICE}StreamingOutputCall`, same, same, request);
    const sizes: number[] = [];
    for await (const message of call as AsyncIterable<Buffer>) sizes.push(message.length);
    expect(sizes).toEqual(ANSWER_SIZES);
  });

  test("ping_pong", async () => {
    await using world = await GrpcWorld.start();
    const call = world.client.makeBidiStreamRequest(`${SERVICE}FullDuplexCall`, same, same);
    const messages = (call as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    for (const [i, size] of ANSWER_SIZES.entries()) {
      call.write(wish({ sizes: [size], payload: "x".repeat(REQUEST_SIZES[i]!) }));
      expect(((await messages.next()).value as Buffer).length).toBe(size);
    }
    call.end();
    expect((await messages.next()).done).toBe(true);
  });

  test("empty_stream", async () => {
    await using world = await GrpcWorld.start();
    const call = world.client.makeBidiStreamRequest(`${SERVICE}FullDuplexCall`, same, same);
    const ended = statusOf(call);
    call.end();
    const messages: Buffer[] = [];
    for await (const message of call as AsyncIterable<Buffer>) messages.push(message);
    expect([messages, (await ended).code]).toEqual([[], status.OK]);
  });

  test("concurrent_large_unary: a thousand at a time over one connection", async () => {
    await using world = await GrpcWorld.start();
    const sizes = Array.from({ length: 1000 }, (_, i) => 1 + ((i * 37) % 5000));
    const outcomes = await Promise.all(sizes.map((size) => world.unary("UnaryCall", wish({ sizes: [size] }))));
    expect(outcomes.map(({ body }) => body?.length)).toEqual(sizes);
    expect(await world.proxy.admin.stat("http.front.downstream_cx_total")).toBe(1);
    await world.proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
  });
});

describe("calls that end early", () => {
  test("timeout_on_sleeping_server: the server hears of it, and of the time that was left", async () => {
    await using world = await GrpcWorld.start();
    const { error } = await world.unary("Sleep", wish({}), { deadlineMs: 200 });
    expect(error!.code).toBe(status.DEADLINE_EXCEEDED);
    await eventually("the server knows", () => world.server.cancelled === 1);
    await world.proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
  });

  test("cancel_after_begin", async () => {
    await using world = await GrpcWorld.start();
    const call = world.client.makeClientStreamRequest(`${SERVICE}StreamingInputCall`, same, same, () => {});
    const ended = statusOf(call);
    call.write(Buffer.alloc(10));
    await eventually("the call is at the server", () => world.server.seen.length === 1);
    call.cancel();
    expect((await ended).code).toBe(status.CANCELLED);
    await eventually("the server knows", () => world.server.cancelled === 1);
  });

  test("cancel_after_first_response", async () => {
    await using world = await GrpcWorld.start();
    const call = world.client.makeBidiStreamRequest(`${SERVICE}FullDuplexCall`, same, same);
    const ended = statusOf(call);
    const first = new Promise<Buffer>((resolve) => call.once("data", resolve));
    call.write(wish({ sizes: [31_415], payload: "x".repeat(27_182) }));
    expect((await first).length).toBe(31_415);
    call.cancel();
    expect((await ended).code).toBe(status.CANCELLED);
    await eventually("the server knows", () => world.server.cancelled === 1);
    await world.proxy.admin.reaches("http.front.downstream_rq_active", 0);
  });
});

describe("statuses", () => {
  const failed = { code: status.UNKNOWN, message: "test status message" };

  test("status_code_and_message", async () => {
    await using world = await GrpcWorld.start();
    const { error } = await world.unary("UnaryCall", wish({ status: failed }));
    expect([error!.code, error!.details]).toEqual([failed.code, failed.message]);
    const call = world.client.makeBidiStreamRequest(`${SERVICE}FullDuplexCall`, same, same);
    const ended = statusOf(call);
    call.on("data", () => {});
    call.write(wish({ status: failed }));
    call.end();
    expect(await ended).toMatchObject({ code: failed.code, details: failed.message });
  });

  test("every status there is", async () => {
    await using world = await GrpcWorld.start();
    for (let code = 1; code <= 16; code++) {
      const { error } = await world.unary("UnaryCall", wish({ status: { code, message: `status ${code}` } }));
      expect([error!.code, error!.details]).toEqual([code, `status ${code}`]);
    }
  });

  test("special_status_message", async () => {
    await using world = await GrpcWorld.start();
    const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    const { error } = await world.unary("UnaryCall", wish({ status: { code: status.UNKNOWN, message } }));
    expect([error!.code, error!.details]).toEqual([status.UNKNOWN, message]);
  });

  test("unimplemented_method, unimplemented_service", async () => {
    await using world = await GrpcWorld.start();
    expect((await world.unary("UnimplementedCall", Buffer.alloc(0))).error!.code).toBe(status.UNIMPLEMENTED);
    const other = await unaryCall(
      world.client,
      "/grpc.testing.UnimplementedService/UnimplementedCall",
      Buffer.alloc(0),
    );
    expect(other.error!.code).toBe(status.UNIMPLEMENTED);
  });
});

describe("metadata and messages", () => {
  test("custom_metadata", async () => {
    await using world = await GrpcWorld.start();
    const metadata = new Metadata();
    metadata.set(ECHO_INITIAL, "test_initial_metadata_value");
    metadata.set(ECHO_TRAILING, Buffer.from([0xab, 0xab, 0xab, 0, 255]));
    const { initial, status: ended } = await world.unary("UnaryCall", wish({ sizes: [10] }), { metadata });
    expect(initial.get(ECHO_INITIAL)).toEqual(["test_initial_metadata_value"]);
    expect(ended.metadata.get(ECHO_TRAILING)).toEqual([Buffer.from([0xab, 0xab, 0xab, 0, 255])]);
    const call = world.client.makeBidiStreamRequest(`${SERVICE}FullDuplexCall`, same, same, metadata);
    const heard = new Promise<Metadata>((resolve) => call.on("metadata", resolve));
    const end = statusOf(call);
    call.on("data", () => {});
    call.end(wish({ sizes: [10] }));
    expect((await heard).get(ECHO_INITIAL)).toEqual(["test_initial_metadata_value"]);
    expect((await end).metadata.get(ECHO_TRAILING)).toEqual([Buffer.from([0xab, 0xab, 0xab, 0, 255])]);
  });

  test("metadata of many values and kilobytes keep their order", async () => {
    await using world = await GrpcWorld.start();
    const metadata = new Metadata();
    const values = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(100));
    for (const value of values) metadata.add(ECHO_INITIAL, value);
    const { initial } = await world.unary("UnaryCall", wish({ sizes: [1] }), { metadata });
    expect(initial.get(ECHO_INITIAL).join(", ")).toBe(values.join(", "));
  });

  test("client_compressed_unary, server_compressed_streaming: what is compressed stays so", async () => {
    await using world = await GrpcWorld.start({}, { "grpc.default_compression_algorithm": compressionAlgorithms.gzip });
    const metadata = new Metadata();
    const { error, body } = await world.unary("UnaryCall", wish({ sizes: [314_159], payload: "x".repeat(271_828) }), {
      metadata,
    });
    expect([error, body!.length]).toEqual([null, 314_159]);
    const lines = await world.proxy.accessLog();
    expect(lines[0]!.received).toBeLessThan(5000);
  });
});

test("servers that are not there are UNAVAILABLE, and so says their message", async () => {
  await using proxy = await startProxy(forwardTo("127.0.0.1:1", { cluster: { protocol: "http2" } }));
  const client = new Client(`127.0.0.1:${proxy.port}`, credentials.createInsecure());
  const { error } = await unaryCall(client, `${SERVICE}EmptyCall`, Buffer.alloc(0));
  expect(error!.code).toBe(status.UNAVAILABLE);
  expect(error!.details).toContain("upstream connect error or disconnect/reset before headers");
  client.close();
});
