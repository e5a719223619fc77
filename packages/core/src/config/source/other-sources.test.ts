import { describe, expect, test } from "vitest";
import { Problems } from "../problems.ts";
import { DerivedSource } from "./derived-source.ts";
import { parseSource } from "./parse-source.ts";
import { joinPath } from "./path.ts";
import { PlainSource } from "./plain-source.ts";

describe("PlainSource", () => {
  test("knows the path of everything and no positions", () => {
    const root = { listeners: [{ name: "a" }], "odd key": { x: 1 } };
    const source = new PlainSource("sluice.config.ts", root);
    const nowhere = { file: "sluice.config.ts", line: 0, column: 0 };
    expect(source.locate(root)).toEqual({ ...nowhere, path: "" });
    expect(source.locate(root.listeners[0] as object, "name")).toEqual({ ...nowhere, path: "listeners[0].name" });
    expect(source.locate(root["odd key"], "x")).toEqual({ ...nowhere, path: '["odd key"].x' });
    expect(source.locate({}, "x")).toEqual({ ...nowhere, path: "" });
  });

  test("a value that holds itself ends", () => {
    const root: Record<string, never> = {};
    Object.assign(root, { self: root });
    expect(new PlainSource("f", root).locate(root, "self").path).toBe("self");
  });
});

describe("DerivedSource", () => {
  const base = parseSource("clusters:\n  api:\n    dns: web:80\n    extra: {k: 1}\n", "short.yaml", new Problems());
  const clusters = base.root?.["clusters"] as Record<string, Record<string, object>>;
  const api = clusters["api"] as Record<string, object>;

  test("what was made is told at what it was made from", () => {
    const derived = new DerivedSource(base);
    const cluster = derived.mark({ name: "api", type: "LOGICAL_DNS", extra: api["extra"] }, api);
    derived.markEntry(cluster, "name", clusters, "api");
    derived.markEntry(cluster, "type", api, "dns");
    expect(derived.locate(cluster, "name", "key")).toEqual({
      file: "short.yaml",
      line: 2,
      column: 3,
      path: "clusters.api",
    });
    expect(derived.locate(cluster, "type")).toMatchObject({ line: 3, column: 10, path: "clusters.api.dns" });
    expect(derived.locate(cluster)).toMatchObject({ line: 3, column: 5, path: "clusters.api" });
  });

  test("an entry that is not marked is told at its mapping, one that was passed through at itself", () => {
    const derived = new DerivedSource(base);
    const made = derived.mark({ connect_timeout: "1s" }, clusters, "api");
    expect(derived.locate(made, "connect_timeout")).toMatchObject({ line: 3, path: "clusters.api" });
    expect(derived.locate(api["extra"] as object, "k")).toMatchObject({
      line: 4,
      column: 16,
      path: "clusters.api.extra.k",
    });
  });
});

test.each([
  ["", "a", "a"],
  ["a", "b_c", "a.b_c"],
  ["a", 0, "a[0]"],
  ["a", "@type", "a.@type"],
  ["a", "envoy.filters.http.x", 'a["envoy.filters.http.x"]'],
  ["a", 'quo"te', 'a["quo\\"te"]'],
  ["a", "", 'a[""]'],
])("the path %j with %j is %j", (path, key, joined) => {
  expect(joinPath(path, key)).toBe(joined);
});
