// gRPC-Web through the whole proxy to a server on @grpc/grpc-js: a client made by hand over HTTP/1 and HTTP/2, binary and base64, and @connectrpc/connect-web.
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { Http2Client } from "../support/http2-client.ts";
import { send } from "../support/http-request.ts";
import { GrpcWorld, SERVICE, wish } from "./support/test-service.ts";

interface WebAnswer {
  readonly status: number;
  readonly type: string;
  readonly messages: Buffer[];
  /** Of the last frame; null where there is none. */
  readonly trailers: Readonly<Record<string, string>> | null;
  readonly grpcStatus: string | undefined;
  readonly grpcMessage: string | undefined;
}

function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** What a client finds in a body: the padding of base64 may stand behind every frame. */
function readWeb(answer: { status: number; headers: Readonly<Record<string, unknown>>; body: Buffer }): WebAnswer {
  const type = String(answer.headers["content-type"]);
  let rest = answer.body;
  if (type.startsWith("application/grpc-web-text"))
    rest = Buffer.concat((rest.toString("latin1").match(/.{4}/gs) ?? []).map((group) => Buffer.from(group, "base64")));
  const messages: Buffer[] = [];
  let trailers: Record<string, string> | null = null;
  while (rest.length > 0) {
    const length = rest.readUInt32BE(1);
    const payload = rest.subarray(5, 5 + length);
    if (rest[0] === 0x80) {
      const lines = payload.toString("latin1").split("\r\n").slice(0, -1);
      trailers = Object.fromEntries(lines.map((line) => line.split(":", 2)));
    } else messages.push(payload);
    rest = rest.subarray(5 + length);
  }
  return {
    status: answer.status,
    type,
    messages,
    trailers,
    grpcStatus: answer.headers["grpc-status"] as string | undefined,
    grpcMessage: answer.headers["grpc-message"] as string | undefined,
  };
}

const KINDS = [
  ["HTTP/1", "application/grpc-web+proto"],
  ["HTTP/1", "application/grpc-web-text"],
  ["HTTP/2", "application/grpc-web"],
  ["HTTP/2", "application/grpc-web-text+proto"],
] as const;

describe.each(KINDS)("over %s, as %s", (protocol, type) => {
  const isText = type.includes("-text");
  const encode = (body: Buffer): Buffer => (isText ? Buffer.from(body.toString("base64")) : body);

  async function call(world: GrpcWorld, method: string, ...requests: Buffer[]): Promise<WebAnswer> {
    const body = Buffer.concat(requests.map((request) => encode(frame(request))));
    const headers = { "content-type": type, accept: type, "x-grpc-web": "1" };
    if (protocol === "HTTP/1")
      return readWeb(await send(world.proxy.port, SERVICE + method, { method: "POST", headers, body }));
    await using client = await Http2Client.open(world.proxy.port);
    return readWeb(await client.send({ ":method": "POST", ":path": SERVICE + method, ...headers }, body));
  }

  test("unary calls, large ones and failed ones", async () => {
    await using world = await GrpcWorld.start({ http: { filters: ["grpc_web"] } });
    const large = await call(world, "UnaryCall", wish({ sizes: [314_159], payload: "x".repeat(271_828) }));
    expect(large).toMatchObject({
      status: 200,
      type: `application/grpc-web${isText ? "-text" : ""}+proto`,
      trailers: { "grpc-status": "0" },
    });
    expect(large.messages.map(({ length }) => length)).toEqual([314_159]);
    const failed = await call(world, "UnaryCall", wish({ status: { code: status.NOT_FOUND, message: "nö" } }));
    const told = failed.trailers ?? { "grpc-status": failed.grpcStatus, "grpc-message": failed.grpcMessage };
    expect(told).toMatchObject({ "grpc-status": "5", "grpc-message": "n%C3%B6" });
    expect([failed.status, failed.messages.length]).toEqual([200, 0]);
    expect(await world.proxy.admin.stat("cluster.web.grpc-web.grpc.testing.TestService.UnaryCall.total")).toBe(2);
  });

  test("streams of answers", async () => {
    await using world = await GrpcWorld.start({ http: { filters: ["grpc_web", "grpc_stats"] } });
    const answer = await call(world, "StreamingOutputCall", wish({ sizes: [31_415, 9, 2653, 58_979, 0] }));
    expect(answer.messages.map(({ length }) => length)).toEqual([31_415, 9, 2653, 58_979, 0]);
    expect(answer.trailers).toEqual({ "grpc-status": "0", "grpc-message": "OK" });
    const stats = await world.proxy.admin.stats();
    expect([
      stats.get("cluster.web.grpc.request_message_count"),
      stats.get("cluster.web.grpc.response_message_count"),
      stats.get("cluster.web.grpc.success"),
    ]).toEqual([1, 5, 1]);
  });

  test("upstreams that are not there", async () => {
    await using world = await GrpcWorld.start({
      http: { filters: ["grpc_web"] },
      cluster: { endpoints: ["127.0.0.1:1"] } as never,
    });
    const answer = await call(world, "UnaryCall", wish({}));
    expect(answer).toMatchObject({ status: 503, messages: [], trailers: null, grpcStatus: "14" });
    expect(answer.grpcMessage).toContain("upstream connect error");
  });
});

test("a body that is no base64 is answered, and the connection goes on", async () => {
  await using world = await GrpcWorld.start({ http: { filters: ["grpc_web"] } });
  await using client = await Http2Client.open(world.proxy.port);
  const headers = { ":method": "POST", ":path": `${SERVICE}UnaryCall`, "content-type": "application/grpc-web-text" };
  const refused = await client.send(headers, "!!!!");
  expect([refused.status, refused.headers["grpc-status"]]).toEqual([400, "13"]);
  const fine = await client.send(headers, frame(wish({ sizes: [3] })).toString("base64"));
  expect(readWeb(fine).messages.map(String)).toEqual(["aaa"]);
  expect((await world.proxy.accessLog())[0]!.details).toBe("grpc_base_64_decode_failed");
});
