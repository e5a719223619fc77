import { describe, expect, test } from "vitest";
import { grpcMessage, grpcStatusOfHttp, isGrpcType } from "./grpc-words.ts";

describe("a content type", () => {
  test.each(["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"])(
    "%s is gRPC's",
    (type) => {
      expect(isGrpcType(type)).toBe(true);
    },
  );
  test.each([
    undefined,
    "",
    "application/json",
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpcx",
  ])("%s is not", (type) => {
    expect(isGrpcType(type)).toBe(false);
  });
});

test("statuses of HTTP are as gRPC maps them", () => {
  const mapped = [400, 401, 403, 404, 429, 502, 503, 504].map((status) => grpcStatusOfHttp(status));
  expect(mapped).toEqual([13, 16, 7, 12, 14, 14, 14, 14]);
  expect([200, 204, 301, 418, 500, 0].map((status) => grpcStatusOfHttp(status))).toEqual([2, 2, 2, 2, 2, 2]);
});

test("a message is printable ASCII, and comes back by decoding", () => {
  const text = "50% of ä\r\n\u0000~ and 🙂";
  const said = grpcMessage(new TextEncoder().encode(text));
  expect(said).toBe("50%25 of %C3%A4%0D%0A%00~ and %F0%9F%99%82");
  expect(decodeURIComponent(said)).toBe(text);
});
