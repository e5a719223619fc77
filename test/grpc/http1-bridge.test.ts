// HTTP/1 clients that make gRPC calls through the whole proxy to a server on @grpc/grpc-js.
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { send } from "../support/http-request.ts";
import { GrpcWorld, SERVICE, wish } from "./support/test-service.ts";

function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

test("gRPC over HTTP/1: the status is in the headers", async () => {
  await using world = await GrpcWorld.start({ http: { filters: ["grpc_http1_bridge"] } });
  const call = (body: Buffer, path = `${SERVICE}UnaryCall`) =>
    send(world.proxy.port, path, {
      method: "POST",
      headers: { "content-type": "application/grpc" },
      body: frame(body),
    });
  const fine = await call(wish({ sizes: [100_000] }));
  expect(fine.status).toBe(200);
  expect(fine.headers).toMatchObject({ "grpc-status": "0", "content-length": "100005" });
  expect(fine.body.equals(frame(Buffer.alloc(100_000, "a")))).toBe(true);
  const failed = await call(wish({ status: { code: status.NOT_FOUND, message: "no" } }));
  expect([failed.status, failed.headers["grpc-status"], failed.headers["grpc-message"]]).toEqual([503, "5", "no"]);
  const unknown = await call(wish({}), `${SERVICE}Nothing`);
  expect([unknown.status, unknown.headers["grpc-status"]]).toEqual([503, "12"]);
});

test("bare protobuf becomes a call, and its answer bare protobuf", async () => {
  await using world = await GrpcWorld.start({
    http: { filters: [{ grpc_http1_bridge: { upgrade_protobuf_to_grpc: true, ignore_query_parameters: true } }] },
  });
  const call = (body: Buffer) =>
    send(world.proxy.port, `${SERVICE}UnaryCall?time=1`, {
      method: "POST",
      headers: { "content-type": "application/x-protobuf" },
      body,
    });
  const fine = await call(wish({ payload: "answer" }));
  expect([fine.status, fine.headers["content-type"], fine.body.toString()]).toEqual([
    200,
    "application/x-protobuf",
    "answer",
  ]);
  const empty = await call(Buffer.alloc(0));
  expect([empty.status, empty.body.length, empty.headers["grpc-status"]]).toEqual([200, 0, "0"]);
  const failed = await call(wish({ status: { code: status.INVALID_ARGUMENT, message: "bad" } }));
  expect([failed.status, failed.headers["grpc-status"], failed.body.length]).toEqual([503, "3", 0]);
});
