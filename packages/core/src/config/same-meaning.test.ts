import { describe, expect, test } from "vitest";
import { sameMeaning } from "./same-meaning.ts";

const at = (position: string) => ({ path: "listeners[0]", position });

describe("means the same", () => {
  test("wherever it stands in its file", () => {
    const listener = (position: string) => ({
      name: "a",
      filters: [{ id: "x", config: { a: 1 }, place: at(position) }],
    });
    expect(sameMeaning(listener("proxy.yaml:1:1"), listener("proxy.yaml:9:3"))).toBe(true);
  });

  test("with its keys in another order", () => {
    expect(sameMeaning({ a: 1, b: [null] }, { b: [null], a: 1 })).toBe(true);
  });
});

describe("means something else", () => {
  test.each([
    ["a value", { a: 1 }, { a: 2 }],
    ["a key more", { a: 1 }, { a: 1, b: undefined }],
    ["another key", { a: undefined }, { b: undefined }],
    ["an item more", [1], [1, 2]],
    ["a list for an object", [], {}],
    ["bytes", { a: new Uint8Array([1]) }, { a: new Uint8Array([2]) }],
    ["null for an object", { a: null }, { a: {} }],
    ["a configuration's own place", { config: { place: at("a") } }, { config: { place: at("b") } }],
    ["what is set for a filter named place", { place: { config: 1 } }, { place: { config: 2 } }],
  ])("%s", (_what, a, b) => {
    expect(sameMeaning(a, b)).toBe(false);
    expect(sameMeaning(b, a)).toBe(false);
  });
});
