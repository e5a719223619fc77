// Layers in main, handles in filters: what a key is worth, and who hears of a change.
import { describe, expect, test } from "vitest";
import type { Random } from "@sluice/sdk";
import type { RuntimeLayerModel } from "../config/model.ts";
import { RuntimeLayers } from "./runtime-layers.ts";
import { FilterRuntime, RuntimeStore } from "./runtime-store.ts";

const half: Random = { next: () => 0.5, below: (bound) => Math.floor(bound / 2) };

describe("layers", () => {
  const fixed = (name: string, entries: Record<string, string>): RuntimeLayerModel => ({
    name,
    kind: "static",
    entries,
  });

  test("the last that has a key decides; the admin's place is where it stands", () => {
    const layers = new RuntimeLayers();
    layers.configure({
      layers: [fixed("base", { a: "1", b: "1", c: "1" }), { name: "admin", kind: "admin" }, fixed("top", { c: "3" })],
    });
    layers.modify(
      new Map([
        ["b", "2"],
        ["c", "2"],
        ["d", "2"],
      ]),
    );
    expect(layers.final).toEqual({ a: "1", b: "2", c: "3", d: "2" });
    expect(layers.dump()).toEqual({
      layers: ["base", "admin", "top"],
      entries: {
        a: { layer_values: ["1", "", ""], final_value: "1" },
        b: { layer_values: ["1", "2", ""], final_value: "2" },
        c: { layer_values: ["1", "2", "3"], final_value: "3" },
        d: { layer_values: ["", "2", ""], final_value: "2" },
      },
    });
  });

  test("an empty value takes an override back, and what the admin set outlives a new configuration", () => {
    const layers = new RuntimeLayers();
    layers.modify(
      new Map([
        ["a", "1"],
        ["b", "2"],
      ]),
    );
    layers.modify(
      new Map([
        ["a", ""],
        ["never", ""],
      ]),
    );
    layers.configure({ layers: [fixed("base", { c: "3" }), { name: "admin", kind: "admin" }] });
    expect([layers.final, layers.hasAdminLayer]).toEqual([{ b: "2", c: "3" }, true]);
    layers.configure({ layers: [fixed("base", {})] });
    expect([layers.final, layers.hasAdminLayer]).toEqual([{}, false]);
  });

  test("a key may be called as it likes", () => {
    const layers = new RuntimeLayers();
    layers.modify(
      new Map([
        ["__proto__", "1"],
        ["constructor", "2"],
      ]),
    );
    expect(layers.dump().entries["constructor"]?.final_value).toBe("2");
    const store = new RuntimeStore();
    store.update({});
    expect(new FilterRuntime(store, half).number("constructor", 5).value).toBe(5);
  });
});

describe("handles", () => {
  function runtimeOf(entries: Record<string, string> = {}) {
    const store = new RuntimeStore();
    store.update(entries);
    return { store, runtime: new FilterRuntime(store, half) };
  }

  test.each([
    ["5", 5],
    ["-0.5", -0.5],
    [" 1e3 ", 1000],
    ["", 7],
    ["true", 7],
    ["0x10", 7],
    ["1e999", 7],
    ["five", 7],
  ])("the number of %j is %d", (text, expected) => {
    expect(runtimeOf({ key: text }).runtime.number("key", 7).value).toBe(expected);
  });

  test.each([
    ["true", true],
    ["FALSE", false],
    ["1", true],
    ["no", true],
  ])("the boolean of %j, true unless told, is %s", (text, expected) => {
    expect(runtimeOf({ key: text }).runtime.boolean("key", true).value).toBe(expected);
  });

  test.each<[string, number, number]>([
    ["10", 10, 100],
    ["250", 100, 100],
    ['{"numerator":5,"denominator":"MILLION"}', 5, 1_000_000],
    ['{"denominator":"TEN_THOUSAND"}', 0, 10_000],
    ['{"numerator":1.5}', 3, 10_000],
    ['{"numerator":1,"denominator":"TEN"}', 3, 10_000],
    ["{", 3, 10_000],
    ["-1", 3, 10_000],
  ])("the fraction of %j is %d of %d", (text, numerator, denominator) => {
    const fraction = runtimeOf({ key: text }).runtime.fraction("key", { numerator: 3, denominator: 10_000 });
    expect([fraction.numerator, fraction.denominator]).toEqual([numerator, denominator]);
  });

  test("are as many as there are keys with defaults, and follow every change", () => {
    const { store, runtime } = runtimeOf();
    const limit = runtime.key("limit", 3);
    const name = runtime.key("name", "none");
    const isOn = runtime.key("on", false);
    const share = runtime.fraction("share", { numerator: 50 });
    expect(runtime.key("limit", 3)).toBe(limit);
    expect(store.size).toBe(4);
    expect([limit.value, name.value, isOn.value, share.includes()]).toEqual([3, "none", false, false]);
    store.update({ limit: "8", name: "x", on: "true", share: "51" });
    expect([limit.value, name.value, isOn.value, share.includes()]).toEqual([8, "x", true, true]);
    store.update({ limit: "text" });
    expect([limit.value, name.value]).toEqual([3, "none"]);
  });

  test("a fraction of a hash is the same each time", () => {
    const { runtime } = runtimeOf({ share: "30" });
    const share = runtime.fraction("share", { numerator: 0 });
    expect([share.includes(29), share.includes(30), share.includes(129), share.includes(130)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  test("end with their filter: they keep their value, and nobody keeps them", () => {
    const { store, runtime } = runtimeOf({ a: "1" });
    const a = runtime.number("a", 0);
    runtime.release();
    store.update({ a: "2" });
    expect([a.value, runtime.number("a", 0).value, store.size]).toEqual([1, 2, 0]);
  });
});
