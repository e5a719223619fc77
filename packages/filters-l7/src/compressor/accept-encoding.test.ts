import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseCoding, parseAcceptEncoding } from "./accept-encoding.ts";

const offers = ["gzip", "br", "zstd"].map((coding) => ({ coding, isPreferred: false }));

describe("accept-encoding", () => {
  it("is a list of codings with weights; what is no weight is no coding", () => {
    expect(parseAcceptEncoding(" GZip ; Q = 0.5 ,, br;q=1.000, *;q=0., zstd;q=2, x;y=1,;q=1")).toEqual([
      { coding: "gzip", quality: 0.5 },
      { coding: "br", quality: 1 },
      { coding: "*", quality: 0 },
    ]);
  });

  it("never leads to what the client refuses, or nobody offers", () => {
    const coding = fc.constantFrom("gzip", "br", "zstd", "identity", "*", "deflate");
    const weight = fc.constantFrom("", ";q=0", ";q=0.1", ";q=0.5", ";q=1");
    const header = fc.array(
      fc.tuple(coding, weight).map(([name, q]) => name + q),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(header, fc.subarray(offers), (parts, offered) => {
        const accepted = parseAcceptEncoding(parts.join(","));
        const choice = chooseCoding(accepted, offered);
        if (choice.coding === "identity") return;
        expect(offered.map((each) => each.coding)).toContain(choice.coding);
        const named = accepted.filter((each) => each.coding === choice.coding);
        const wanted = named.length === 0 ? accepted.filter((each) => each.coding === "*") : named;
        expect(Math.max(...wanted.map((each) => each.quality))).toBeGreaterThan(0);
      }),
    );
  });

  it("takes time in proportion to its length", () => {
    const stars = parseAcceptEncoding("*,".repeat(100_000) + offers.map(({ coding }) => `${coding};q=0`).join(","));
    expect(chooseCoding(stars, offers).kind).toBe("none");
    expect(chooseCoding(parseAcceptEncoding("*,".repeat(100_000)), offers)).toEqual({
      coding: "gzip",
      kind: "wildcard",
    });
    for (const value of [",".repeat(100_000), `gzip;${"q".repeat(100_000)}`, " ".repeat(100_000), ";q=".repeat(50_000)])
      expect(chooseCoding(parseAcceptEncoding(value), offers).kind).toBe("none");
  });
});
