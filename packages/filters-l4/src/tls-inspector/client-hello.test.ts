// How much work a hostile hello can make: the outcomes are tested with the filter.
import { expect, test } from "vitest";
import { HelloReader } from "./client-hello.ts";

/** Counts the pieces that are cut out of it. */
class Watched extends Uint8Array {
  static cuts = 0;
  override subarray(from?: number, to?: number): Uint8Array<ArrayBuffer> {
    Watched.cuts++;
    return new Uint8Array(this.buffer as ArrayBuffer, from, (to ?? this.length) - (from ?? 0));
  }
}

test("a message of one byte a record is looked at once, however it comes", () => {
  const records = 10_000;
  const bytes = new Watched(6 * records);
  const message = [1, 0, 0xff, 0xff];
  for (let i = 0; i < records; i++) bytes.set([22, 3, 1, 0, 1, message[i] ?? 0], 6 * i);
  const reader = new HelloReader();
  for (let end = 6; end <= bytes.length; end += 6) expect(reader.read(new Watched(bytes.buffer, 0, end))).toBe(end + 5);
  // One for each record, and once more for the header of the message.
  expect(Watched.cuts).toBeLessThan(records + 10);
});
