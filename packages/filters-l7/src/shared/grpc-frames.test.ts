import fc from "fast-check";
import { expect, it, test } from "vitest";
import { GrpcFrames, grpcFrame } from "./grpc-frames.ts";

/** Cuts `data` after each of these shares of what is left. */
function cut(data: Uint8Array, shares: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let rest = data;
  for (const share of shares) {
    const at = Math.floor(rest.length * share);
    pieces.push(rest.subarray(0, at));
    rest = rest.subarray(at);
  }
  return [...pieces, rest];
}

it("finds the same frames in any pieces", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });
  const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 });
  fc.assert(
    fc.property(messages, shares, (list, at) => {
      const body = Buffer.concat(list.map((message) => grpcFrame(message)));
      const frames = new GrpcFrames();
      let begun = 0;
      for (const piece of cut(body, at)) begun += frames.add(piece);
      expect([begun, frames.count, frames.isBetween]).toEqual([list.length, list.length, true]);
    }),
  );
});

it("stops at the end of each frame, and knows its flags", () => {
  const body = Buffer.concat([
    grpcFrame(Buffer.from("abc")),
    grpcFrame(new Uint8Array(0), 1),
    grpcFrame(Buffer.from("z")),
  ]);
  const frames = new GrpcFrames();
  const ends: number[][] = [];
  for (let at = 0; at < body.length; ends.push([at, frames.flags])) at = frames.next(body, at);
  expect(ends).toEqual([
    [8, 0],
    [13, 1],
    [19, 0],
  ]);
});

test("a frame begins with its first byte, and the longest one is but a number", () => {
  const frames = new GrpcFrames();
  expect(frames.add(Buffer.from([0]))).toBe(1);
  expect(frames.isBetween).toBe(false);
  expect(frames.add(Buffer.from([255, 255, 255, 255]))).toBe(0);
  for (let i = 0; i < 3; i++) expect(frames.add(new Uint8Array(100_000))).toBe(0);
  expect(frames.isBetween).toBe(false);
});
