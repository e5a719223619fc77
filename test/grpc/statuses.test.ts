// How calls fail: answers of the proxy as gRPC statuses, upstreams that reset or vanish, and what each side hears of the other's reset.
import { Client, credentials, status } from "@grpc/grpc-js";
import { constants } from "node:http2";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { Http2Client } from "../support/http2-client.ts";
import { type Http2AnswerStream, Http2Origin } from "../support/http2-origin.ts";
import { type Forwarding, type RunningProxy, forwardTo, startProxy } from "../support/proxy.ts";
import { RawOrigin } from "../support/raw-origin.ts";
import { same, statusOf, unaryCall } from "./support/test-service.ts";

const GRPC = { ":status": 200, "content-type": "application/grpc" };
const CALL = { ":method": "POST", ":path": "/pkg.Echo/Say", "content-type": "application/grpc", te: "trailers" };
const FRAME = Buffer.from("\0\0\0\0\u0005hello");
const PATH = "/pkg.Echo/Say";

class World implements AsyncDisposable {
  readonly origin: Http2Origin;
  readonly proxy: RunningProxy;
  readonly client: Client;

  private constructor(origin: Http2Origin, proxy: RunningProxy) {
    this.origin = origin;
    this.proxy = proxy;
    this.client = new Client(`127.0.0.1:${proxy.port}`, credentials.createInsecure());
  }

  static async start(answer: Http2AnswerStream, { cluster, ...more }: Forwarding = {}): Promise<World> {
    const origin = await Http2Origin.start(answer);
    return new World(
      origin,
      await startProxy(forwardTo(origin.address, { ...more, cluster: { protocol: "http2", ...cluster } })),
    );
  }

  call() {
    return unaryCall(this.client, PATH, Buffer.from("hello"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.proxy[Symbol.asyncDispose]();
    await this.origin[Symbol.asyncDispose]();
  }
}

describe("answers of the proxy", () => {
  const direct = (code: number, body = "") => ({
    http: { routes: [{ prefix: "/", respond: { status: code, body } }] },
  });

  test.each([
    [400, status.INTERNAL],
    [401, status.UNAUTHENTICATED],
    [403, status.PERMISSION_DENIED],
    [404, status.UNIMPLEMENTED],
    [429, status.UNAVAILABLE],
    [500, status.UNKNOWN],
    [502, status.UNAVAILABLE],
    [503, status.UNAVAILABLE],
    [504, status.UNAVAILABLE],
    [418, status.UNKNOWN],
  ])("with %i are the status %i, without messages", async (code, expected) => {
    await using world = await World.start(() => {}, direct(code, "50% är\nweg") as Forwarding);
    const { error } = await world.call();
    expect([error!.code, error!.details]).toEqual([expected, "50% är\nweg"]);
    await using client = await Http2Client.open(world.proxy.port);
    const answer = await client.send(CALL, FRAME);
    expect(answer.headers).toMatchObject({
      ":status": 200,
      "content-type": "application/grpc",
      "grpc-status": String(expected),
      "grpc-message": "50%25 %C3%A4r%0Aweg",
    });
    expect([answer.body.length, answer.trailers["grpc-status"]]).toEqual([0, undefined]);
    // Others get HTTP.
    expect((await client.send({ ":method": "POST" }, "x")).status).toBe(code);
  });

  test("where no route matches are UNIMPLEMENTED", async () => {
    await using world = await World.start(() => {}, { route: { prefix: "/other" } as never });
    expect((await world.call()).error!.code).toBe(status.UNIMPLEMENTED);
  });

  test("after the route's time are UNAVAILABLE, after the stream's DEADLINE_EXCEEDED", async () => {
    await using late = await World.start(() => {}, { route: { timeout: "0.05s" } as never });
    const { error } = await late.call();
    expect([error!.code, error!.details]).toEqual([status.UNAVAILABLE, "upstream request timeout"]);
    await using long = await World.start(() => {}, {
      http: { max_stream_duration: "0.05s" } as never,
      route: { timeout: "0s" } as never,
    });
    expect((await long.call()).error!.code).toBe(status.DEADLINE_EXCEEDED);
  });
});

describe("deadlines", () => {
  test("the route's bound is the client's deadline, and the server's", async () => {
    const seen: unknown[] = [];
    await using world = await World.start((_stream, headers) => void seen.push(headers["grpc-timeout"]), {
      route: { timeout: "0s", grpc_timeout_max: "0.1s" } as never,
    });
    const { error } = await unaryCall(world.client, PATH, FRAME, undefined, 60_000);
    expect(error!.code).toBe(status.DEADLINE_EXCEEDED);
    expect(seen).toEqual(["100m"]);
    await world.proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
  });
});

describe("upstreams that answer without messages", () => {
  test("trailers-only stays one frame of headers", async () => {
    await using world = await World.start((stream) => {
      stream.respond({ ...GRPC, "grpc-status": "5", "grpc-message": "no such %C3%A4" }, { endStream: true });
    });
    const { error } = await world.call();
    expect([error!.code, error!.details]).toEqual([status.NOT_FOUND, "no such ä"]);
    await using client = await Http2Client.open(world.proxy.port);
    const answer = await client.send(CALL, FRAME);
    expect([answer.headers["grpc-status"], answer.trailers["grpc-status"]]).toEqual(["5", undefined]);
  });

  test("an HTTP error is what the client makes of it", async () => {
    await using world = await World.start((stream) => {
      stream.respond({ ":status": 503, "content-type": "text/html" });
      stream.end("<html>");
    });
    expect((await world.call()).error!.code).toBe(status.UNAVAILABLE);
  });
});

describe("upstreams that break a call off", () => {
  test.each([
    ["NO_ERROR", constants.NGHTTP2_NO_ERROR],
    ["PROTOCOL_ERROR", constants.NGHTTP2_PROTOCOL_ERROR],
    ["INTERNAL_ERROR", constants.NGHTTP2_INTERNAL_ERROR],
    ["CANCEL", constants.NGHTTP2_CANCEL],
    ["ENHANCE_YOUR_CALM", constants.NGHTTP2_ENHANCE_YOUR_CALM],
    ["REFUSED_STREAM, whenever it is tried", constants.NGHTTP2_REFUSED_STREAM],
  ])("before they answered, by RST_STREAM with %s: UNAVAILABLE", async (_, code) => {
    await using world = await World.start((stream) => stream.close(code));
    const { error } = await world.call();
    expect(error!.code).toBe(status.UNAVAILABLE);
    expect(error!.details).toContain("reset reason: remote reset");
  });

  test("before they answered, by closing the connection: UNAVAILABLE", async () => {
    await using world = await World.start((stream) => stream.session!.destroy());
    const { error } = await world.call();
    expect(error!.code).toBe(status.UNAVAILABLE);
    expect(error!.details).toContain("reset reason: connection termination");
  });

  test("by not being HTTP/2 at all: the status of a bad gateway", async () => {
    await using origin = await RawOrigin.start((peer) => void peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await using proxy = await startProxy(forwardTo(origin.address, { cluster: { protocol: "http2" } }));
    const client = new Client(`127.0.0.1:${proxy.port}`, credentials.createInsecure());
    expect((await unaryCall(client, PATH, FRAME)).error!.code).toBe(status.UNAVAILABLE);
    client.close();
  });

  test.each(["RST_STREAM", "closing the connection"])(
    "in the middle of messages, by %s: an error, and never an end",
    async (how) => {
      await using world = await World.start((stream) => {
        // Without trailers to wait for, Node would end the stream before it resets it.
        stream.respond(GRPC, { waitForTrailers: true });
        stream.write(FRAME, () => {
          if (how === "RST_STREAM") stream.close(constants.NGHTTP2_INTERNAL_ERROR);
          else stream.session!.destroy();
        });
      });
      const call = world.client.makeServerStreamRequest(PATH, same, same, Buffer.alloc(0));
      const ended = statusOf(call);
      const messages: string[] = [];
      call.on("data", (message: Buffer) => messages.push(message.toString()));
      expect(await ended).toMatchObject({
        code: status.INTERNAL,
        details: "Received RST_STREAM with code 2 (Internal server error)",
      });
      expect(messages).toEqual(["hello"]);
    },
  );

  test.each([
    ["CANCEL", constants.NGHTTP2_CANCEL, status.CANCELLED],
    ["ENHANCE_YOUR_CALM", constants.NGHTTP2_ENHANCE_YOUR_CALM, status.RESOURCE_EXHAUSTED],
  ])("in the middle of messages, by RST_STREAM with %s: the client hears which", async (_, code, expected) => {
    await using world = await World.start((stream) => {
      stream.respond(GRPC, { waitForTrailers: true });
      stream.write(FRAME, () => stream.close(code));
    });
    const call = world.client.makeServerStreamRequest(PATH, same, same, Buffer.alloc(0));
    const ended = statusOf(call);
    call.on("data", () => {});
    expect((await ended).code).toBe(expected);
  });

  test("by GOAWAY: what is open ends in peace, what comes goes elsewhere", async () => {
    const answers: Array<() => void> = [];
    await using world = await World.start((stream) => {
      stream.respond(GRPC, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      answers.push(() => stream.end(FRAME));
    });
    const first = world.call();
    await eventually("the first call is there", () => answers.length === 1);
    world.origin.sessions[0]!.goaway(0, 1);
    const second = world.call();
    await eventually("the second call is there", () => answers.length === 2);
    expect(world.origin.sessions.length).toBe(2);
    for (const answer of answers) answer();
    for (const { error, body } of await Promise.all([first, second]))
      expect([error, String(body)]).toEqual([null, "hello"]);
  });
});

describe("clients that break a call off", () => {
  test.each([
    ["CANCEL", constants.NGHTTP2_CANCEL],
    ["INTERNAL_ERROR", constants.NGHTTP2_INTERNAL_ERROR],
    ["NO_ERROR", constants.NGHTTP2_NO_ERROR],
  ])("by RST_STREAM with %s: the server sees CANCEL", async (_, code) => {
    const codes: number[] = [];
    let open = 0;
    await using world = await World.start((stream) => {
      open++;
      stream.on("close", () => codes.push(stream.rstCode));
    });
    await using client = await Http2Client.open(world.proxy.port);
    const stream = client.start(CALL);
    stream.write(FRAME);
    await eventually("the call is there", () => open === 1);
    stream.close(code);
    await eventually("the server knows", () => codes.length === 1);
    expect(codes).toEqual([constants.NGHTTP2_CANCEL]);
  });

  test("by closing the connection: the server sees CANCEL for each call", async () => {
    const codes: number[] = [];
    let open = 0;
    await using world = await World.start((stream) => {
      open++;
      stream.on("close", () => codes.push(stream.rstCode));
    });
    await using client = await Http2Client.open(world.proxy.port);
    for (let i = 0; i < 5; i++) client.start(CALL).write(FRAME);
    await eventually("the calls are there", () => open === 5);
    client.session.destroy();
    await eventually("the server knows", () => codes.length === 5);
    expect(new Set(codes)).toEqual(new Set([constants.NGHTTP2_CANCEL]));
  });
});
