import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { decode, decodeCookie, encode, encodeCookie } from "./encoded-address.ts";

const base64 = (bytes: readonly number[] | string): string => Buffer.from(bytes as string, "latin1").toString("base64");
const NOW_S = 1_767_225_600;

describe("an address in base64", () => {
  it("is Envoy's", () => {
    expect(encode("1.2.3.4:80")).toBe("MS4yLjMuNDo4MA==");
    expect(decode("MS4yLjMuNDo4MA==")).toBe("1.2.3.4:80");
  });

  test.each([["MS4yLjMuNDo4MA="], ["MS4y LjM="], ["a-_b"], ["===="], ["A".repeat(1028)], [""]])(
    "%j is none",
    (text) => {
      expect(decode(text)).toBe("");
    },
  );
});

describe("an address in a cookie", () => {
  it("is Envoy's message", () => {
    // address: "1.2.3.4:80", expires: 1005
    expect(base64([0x0a, 0x0a, ...Buffer.from("1.2.3.4:80"), 0x10, 0xed, 0x07])).toBe(encodeCookie("1.2.3.4:80", 1005));
    expect(base64([0x0a, 0x0a, ...Buffer.from("1.2.3.4:80")])).toBe(encodeCookie("1.2.3.4:80", 0));
  });

  it("comes back as it was written", () => {
    const address = fc.oneof(
      fc.constantFrom("10.0.0.1:80", "[2001:db8::1]:443", "/run/a.sock"),
      fc.stringMatching(/^[ -~]{1,200}$/),
    );
    fc.assert(
      fc.property(address, fc.nat({ max: 2 ** 40 }), (text, moreS) => {
        expect(decodeCookie(encodeCookie(text, NOW_S + moreS), NOW_S)).toBe(text);
        expect(decodeCookie(encodeCookie(text, 0), NOW_S)).toBe(text);
      }),
    );
  });

  it("names no host when its time is over", () => {
    expect(decodeCookie(encodeCookie("1.2.3.4:80", NOW_S), NOW_S)).toBe("1.2.3.4:80");
    expect(decodeCookie(encodeCookie("1.2.3.4:80", NOW_S - 1), NOW_S)).toBeNull();
  });

  it("of an Envoy holds, whatever its clock says: it reckons from the start of its machine", () => {
    expect(decodeCookie(encodeCookie("1.2.3.4:80", 86_400), NOW_S)).toBe("1.2.3.4:80");
  });

  it("may be the address alone, as it was once", () => {
    for (const address of ["1.2.3.4:80", "[::1]:80", "/run/a.sock"])
      expect(decodeCookie(base64(address), NOW_S)).toBe(address);
  });

  test.each([
    ["nothing", []],
    ["no length", [0x0a]],
    ["an address that ends too early", [0x0a, 5, 0x31]],
    ["an empty address", [0x0a, 0]],
    ["a length without end", [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x31]],
    ["a time without end", [0x0a, 1, 0x31, 0x10, 0xff]],
    ["no time", [0x0a, 1, 0x31, 0x10]],
    ["more than both", [0x0a, 1, 0x31, 0x10, 1, 0x1a]],
  ])("is none with %s", (_title, bytes) => {
    expect(decodeCookie(base64(bytes), NOW_S)).toBeNull();
  });

  it("takes any text of a client's without harm", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String({ maxLength: 60 })), (text) => {
        const address = decodeCookie(text, NOW_S);
        expect(address === null || address.length < 1024).toBe(true);
      }),
    );
  });
});
