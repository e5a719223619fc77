import { expect, it, test } from "vitest";
import { RequestHeaderMap } from "../../../core/src/http/headers/header-map.ts";
import { KeptRequest } from "./kept-request.ts";

const keptUpTo = (limit: number): KeptRequest => new KeptRequest(new RequestHeaderMap("POST", "/", "a", "http"), limit);
const text = ({ body }: KeptRequest): string => Buffer.concat(body).toString("latin1");

it("keeps bytes that change after", () => {
  const kept = keptUpTo(10);
  const chunk = Buffer.from("abc");
  expect(kept.data(chunk)).toBe(false);
  chunk.fill(0);
  kept.data(Buffer.from("defg"));
  expect(text(kept)).toBe("abcdefg");
});

it("costs what its bytes cost, however small the pieces", () => {
  const kept = keptUpTo(100_000);
  const one = Buffer.from("x");
  for (let i = 0; i < 100_000; i++) kept.data(one);
  expect(kept.isLost).toBe(false);
  expect(kept.body).toHaveLength(1);
  expect(kept.body[0]!.buffer.byteLength).toBeLessThanOrEqual(200_000);
  expect(text(kept)).toBe("x".repeat(100_000));
});

test.each([
  ["nothing", 0, [""], []],
  ["all there is room for", 4, ["ab", "cd"], ["abcd"]],
])("of %s", (_, limit, chunks, expected) => {
  const kept = keptUpTo(limit);
  for (const chunk of chunks) expect(kept.data(Buffer.from(chunk))).toBe(false);
  expect(kept.body.map((chunk) => Buffer.from(chunk).toString())).toEqual(expected);
});

it("lets go of everything once it is too much, and says so once", () => {
  const kept = keptUpTo(4);
  expect([kept.data(Buffer.from("abcd")), kept.data(Buffer.from("e")), kept.data(Buffer.from("f"))]).toEqual([
    false,
    true,
    false,
  ]);
  expect([kept.isLost, kept.body]).toEqual([true, []]);
});
