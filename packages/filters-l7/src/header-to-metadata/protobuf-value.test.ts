import { fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseProtobufValue } from "./protobuf-value.ts";

const json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes("__proto__"));

describe("a serialised google.protobuf.Value", () => {
  it("is what the library for protobuf makes of it", () => {
    fc.assert(
      fc.property(json, (value) => {
        const bytes = toBinary(ValueSchema, fromJson(ValueSchema, value as JsonValue));
        expect(JSON.stringify(parseProtobufValue(bytes))).toBe(
          JSON.stringify(toJson(ValueSchema, fromBinary(ValueSchema, bytes))),
        );
      }),
    );
  });

  it("of any other bytes is nothing, or a value, and never an error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const value = parseProtobufValue(bytes);
        if (value !== undefined) JSON.stringify(value);
      }),
      { numRuns: 2000 },
    );
  });

  it("that is broken off is nothing", () => {
    const bytes = toBinary(ValueSchema, fromJson(ValueSchema, { a: [1, "two", { b: true }] }));
    for (let end = 1; end < bytes.length; end++) expect(parseProtobufValue(bytes.subarray(0, end))).toBeUndefined();
  });

  it("skips fields of later versions", () => {
    expect(parseProtobufValue(Uint8Array.of(0x78, 0x96, 0x01, 0x7d, 1, 2, 3, 4, 0x7a, 1, 0, 0x20, 1))).toBe(true);
  });

  it("is refused where it is deeper than anybody means", () => {
    let bytes: Uint8Array = Uint8Array.of(0x20, 1);
    const wrap = (tag: number, inner: Uint8Array): Uint8Array => {
      const length = inner.length < 128 ? [inner.length] : [(inner.length & 0x7f) | 0x80, inner.length >> 7];
      return Uint8Array.of(tag, ...length, ...inner);
    };
    for (let depth = 0; depth < 100; depth++) bytes = wrap(0x32, wrap(0x0a, bytes));
    expect(parseProtobufValue(bytes)).toBeDefined();
    bytes = wrap(0x32, wrap(0x0a, bytes));
    expect(parseProtobufValue(bytes)).toBeUndefined();
  });
});
