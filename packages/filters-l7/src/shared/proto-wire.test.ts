import { describe, expect, it, test } from "vitest";
import { writeAnswer, readAsked } from "../../../../test/support/rate-limit-service.ts";
import { Malformed, ProtoReader, ProtoWriter } from "./proto-wire.ts";
import { readAnswer, writeRequest } from "./rate-limit/rls-messages.ts";

describe("requests", () => {
  it("are what protobuf's own reader reads", () => {
    const entries = [
      { key: "user", value: "zoë" },
      { key: "path", value: "x".repeat(300) },
    ];
    const bytes = writeRequest({
      domain: "shop",
      descriptors: [
        { entries, limit: { requestsPerUnit: 4_294_967_295, unit: "YEAR" } },
        { entries: [entries[0]!], limit: null },
      ],
      hitsAddend: 128,
    });
    expect(readAsked(bytes)).toEqual({
      domain: "shop",
      descriptors: [{ entries, limit: { requests_per_unit: 4_294_967_295, unit: "YEAR" } }, { entries: [entries[0]] }],
      hits_addend: 128,
    });
  });
});

describe("answers", () => {
  const whole = writeAnswer({
    overallCode: "OVER_LIMIT",
    statuses: [
      { code: "OK" },
      {
        code: "OVER_LIMIT",
        currentLimit: { name: "n", requestsPerUnit: 300, unit: "DAY" },
        limitRemaining: 7,
        durationUntilReset: "86000.250s",
      },
    ],
    responseHeadersToAdd: [
      { key: "X-A", value: "ä" },
      { key: "x-raw", rawValue: Buffer.from([0xff]).toString("base64") },
    ],
    requestHeadersToAdd: [{ key: "x-b", value: "b" }],
    rawBody: Buffer.from("no").toString("base64"),
    dynamicMetadata: { a: { b: [1, "2", null, false] } },
    quota: { requests: 3, validUntil: "2026-01-01T00:00:00Z" },
  });

  it("are read as protobuf's own writer writes them", () => {
    const answer = readAnswer(whole);
    expect({ ...answer, body: Buffer.from(answer.body).toString() }).toEqual({
      isOverLimit: true,
      limits: [{ requestsPerUnit: 300, windowSeconds: 86_400, name: "n", remaining: 7, resetSeconds: 86_000 }],
      responseHeaders: [
        { name: "x-a", value: "\xc3\xa4" },
        { name: "x-raw", value: "\xff" },
      ],
      requestHeaders: [{ name: "x-b", value: "b" }],
      body: "no",
      metadata: { a: { b: [1, "2", null, false] } },
    });
  });

  it("that are cut off anywhere, or have any byte changed, are read or refused, never anything else", () => {
    const attempt = (bytes: Uint8Array): void => {
      try {
        readAnswer(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed);
      }
    };
    for (let end = 0; end < whole.length; end++) attempt(whole.subarray(0, end));
    for (let at = 0; at < whole.length; at++)
      for (const change of [0x01, 0x80, 0xff]) {
        const bytes = Uint8Array.from(whole);
        bytes[at] = bytes[at]! ^ change;
        attempt(bytes);
      }
  });

  test.each([
    ["an empty one", []],
    ["an unknown code", [8, 3]],
    ["the number 0", [0, 1]],
    ["a wire type that is none", [0x0f]],
    ["a number without an end", [8, ...new Uint8Array(11).fill(0x80)]],
    ["a text as a number", [0x0a, 1, 1]],
  ])("refused: %s", (_name, bytes) => {
    expect(() => readAnswer(Uint8Array.from(bytes))).toThrow(Malformed);
  });

  it("may have fields that are not known", () => {
    const writer = new ProtoWriter();
    writer.number(1, 1);
    writer.number(100, 2 ** 40);
    writer.text(101, "later");
    expect(readAnswer(Buffer.concat([writer.finish(), Uint8Array.from([0xc5, 0x0c, 1, 2, 3, 4])])).isOverLimit).toBe(
      false,
    );
  });
});

test("numbers are exact up to 2^53", () => {
  const writer = new ProtoWriter();
  writer.number(1, 2 ** 53 - 1);
  const reader = new ProtoReader(writer.finish());
  expect([reader.next(), reader.number(), reader.next()]).toEqual([true, 2 ** 53 - 1, false]);
});
