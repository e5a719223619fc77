import { describe, expect, test } from "vitest";
import type { Json } from "../model.ts";
import { meantDuration } from "./durations.ts";
import { readDuration, readEnum, readScalar, readTimestamp } from "./read-scalar.ts";
import { EnumType } from "./registry.ts";
import type { ScalarName } from "./type-lines.ts";

describe("scalars that are right", () => {
  test.each<[ScalarName, Json, unknown]>([
    ["bool", true, true],
    ["string", "é😀", "é😀"],
    ["int32", -5, -5],
    ["int32", "7", 7],
    ["int32", 1e3, 1000],
    ["uint32", "4294967295", 4294967295],
    ["uint32", "1e2", 100],
    ["int64", "-9223372036854775808", -(2n ** 63n)],
    ["uint64", 5, 5n],
    ["uint64", "18446744073709551615", 2n ** 64n - 1n],
    ["double", "-1.5e3", -1500],
    ["double", "NaN", Number.NaN],
    ["float", "Infinity", Number.POSITIVE_INFINITY],
    ["float", Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
    ["bytes", "aGk=", Uint8Array.of(104, 105)],
    ["bytes", "_-8", Uint8Array.of(255, 239)],
    ["bytes", "", new Uint8Array(0)],
  ])("%s %j", (type, json, value) => {
    expect(readScalar(type, json)).toEqual({ value });
  });
});

describe("scalars that are wrong", () => {
  test.each<[ScalarName, Json, string]>([
    ["bool", "yes", "true"],
    ["bool", "off", "false"],
    ["bool", 1, ""],
    ["string", 5, ""],
    ["string", [], ""],
    ["string", "\ud800", ""],
    ["int32", 1.5, ""],
    ["int32", "", ""],
    ["int32", "0x10", ""],
    ["int32", "1 ", ""],
    ["int32", true, ""],
    ["uint64", "1.5", ""],
    ["double", "1,5", ""],
    ["double", "infinity", ""],
    ["double", "", ""],
    ["bytes", "a", ""],
    ["bytes", "a b=", ""],
    ["bytes", 5, ""],
  ])("%s %j", (type, json, suggestion) => {
    const { wrong } = readScalar(type, json);
    expect(wrong?.code).toBe("ERR_CONFIG_TYPE");
    expect(wrong?.suggestion ?? "").toBe(suggestion);
  });

  test("a number for a text lacks its quotes", () => {
    expect(readScalar("string", 1.5).wrong).toEqual({
      code: "ERR_CONFIG_TYPE",
      message: "found the number 1.5",
      expected: "a text in quotes",
    });
  });

  test.each<[ScalarName, Json]>([
    ["int32", 2147483648],
    ["uint32", -1],
    ["uint32", "4294967296"],
    ["int64", "9223372036854775808"],
    ["uint64", "-1"],
    ["uint64", "99999999999999999999999999"],
    ["float", 3.5e38],
  ])("%s %j is out of range", (type, json) => {
    expect(readScalar(type, json).wrong).toMatchObject({
      code: "ERR_CONFIG_RANGE",
      expected: expect.stringMatching(/number/),
    });
  });
});

describe("enums", () => {
  const type = new EnumType("E", {
    e: [
      ["STATIC", 0],
      ["STRICT_DNS", 1],
      ["ALSO_STRICT", 1],
      ["x_lower", 7],
    ],
  });

  test.each<[Json, number]>([
    ["STRICT_DNS", 1],
    ["strict_dns", 1],
    ["strict-dns", 1],
    ["X_LOWER", 7],
    [1, 1],
    [99, 99],
    [-1, -1],
  ])("%j is %i", (json, value) => {
    expect(readEnum(type, json)).toEqual({ value });
  });

  test.each<[Json, string | undefined]>([
    ["STRICT_DSN", "STRICT_DNS"],
    ["dns", undefined],
    [1.5, undefined],
    [2 ** 31, undefined],
    [true, undefined],
    [null, undefined],
  ])("%j is none", (json, suggestion) => {
    const { wrong } = readEnum(type, json);
    expect(wrong).toMatchObject({
      code: "ERR_CONFIG_TYPE",
      expected: "one of STATIC, STRICT_DNS, ALSO_STRICT, x_lower",
    });
    expect(wrong?.suggestion).toBe(suggestion);
  });

  test("a number has its first name", () => {
    expect(type.nameOf(1)).toBe("STRICT_DNS");
    expect(type.nameOf(5)).toBeUndefined();
  });
});

describe("durations", () => {
  test.each<[string, bigint, number]>([
    ["0s", 0n, 0],
    ["1.5s", 1n, 500_000_000],
    ["-1.000000001s", -1n, -1],
    ["-0.5s", 0n, -500_000_000],
    ["315576000000s", 315_576_000_000n, 0],
  ])("%s", (text, seconds, nanos) => {
    expect(readDuration(text)).toEqual({ value: { $typeName: "google.protobuf.Duration", seconds, nanos } });
  });

  test.each<[Json, string | undefined]>([
    ["1.1234567891s", undefined],
    ["315576000001s", undefined],
    ["500ms", "0.5s"],
    ["1.5m", "90s"],
    ["1h", "3600s"],
    ["2 s", "2s"],
    [5, "5s"],
    [0.25, "0.25s"],
    ["5", "5s"],
    ["1s ", undefined],
    [".5s", undefined],
    ["s", undefined],
    ["1s2", undefined],
    [{}, undefined],
    [true, undefined],
  ])("%j is none", (json, suggestion) => {
    expect(readDuration(json).wrong).toMatchObject({
      code: "ERR_CONFIG_TYPE",
      expected: "a duration in seconds, as in 1.5s",
    });
    expect(readDuration(json).wrong?.suggestion).toBe(suggestion);
  });

  test("what was meant is itself a duration", () => {
    for (const text of ["1ns", "1us", "7ms", "3min", "2d", "10sec"]) {
      expect(readDuration(meantDuration(text) ?? "").wrong).toBeUndefined();
    }
  });
});

describe("timestamps", () => {
  test("of any offset and up to nine digits", () => {
    expect(readTimestamp("2024-02-29T12:00:00.000000001+01:00")).toEqual({
      value: { $typeName: "google.protobuf.Timestamp", seconds: 1_709_204_400n, nanos: 1 },
    });
  });

  test.each<[Json]>([["2024-02-29"], ["2024-13-01T00:00:00Z"], ["0000-01-01T00:00:00Z"], ["2024-02-29T12:00:00"], [5]])(
    "%j is none",
    (json) => {
      expect(readTimestamp(json).wrong?.code).toBe("ERR_CONFIG_TYPE");
    },
  );
});
