import { describe, expect, test } from "vitest";
import { didYouMean, editDistance } from "./did-you-mean.ts";

describe("didYouMean", () => {
  const fields = ["address", "admin", "connect_timeout", "lb_policy", "max_requests"];

  test.each([
    ["adress", "address"],
    ["conect_timeout", "connect_timeout"],
    ["connectTimeout", "connect_timeout"],
    ["LB_POLICY", "lb_policy"],
    ["lb-policy", "lb_policy"],
    ["lb_polciy", "lb_policy"],
    ["max_request", "max_requests"],
  ])("%s is near %s", (wrong, right) => {
    expect(didYouMean(wrong, fields)).toBe(right);
  });

  test.each(["", "x", "zzz", "timeout", "a".repeat(10_000)])("nothing is near %j", (wrong) => {
    expect(didYouMean(wrong, fields)).toBeUndefined();
  });

  test("the nearest of several wins, and the name itself is never proposed", () => {
    expect(didYouMean("web1", ["web1", "web22", "web2"])).toBe("web2");
  });
});

describe("editDistance", () => {
  test.each([
    ["", "", 0],
    ["abc", "", 3],
    ["abc", "abd", 1],
    ["abc", "acb", 1],
    ["kitten", "sitting", 3],
  ])("of %j and %j is %i", (a, b, distance) => {
    expect(editDistance(a, b, 10)).toBe(distance);
    expect(editDistance(b, a, 10)).toBe(distance);
  });

  test("stops at its limit", () => {
    expect(editDistance("aaaaaaaaaa", "bbbbbbbbbb", 3)).toBe(3);
  });
});
