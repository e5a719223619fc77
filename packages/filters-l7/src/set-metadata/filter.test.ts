import { describe, expect, it } from "vitest";
import { L7Chain } from "../../../../test/support/l7-chain.ts";
import { setMetadata } from "./index.ts";

function metadataOf(entries: readonly object[], namespace: string): unknown {
  const { harness } = new L7Chain(setMetadata, { metadata: entries });
  return harness.open().headers().stream.metadata.get(namespace);
}

const entry = (value: object, allow_overwrite = false): object => ({ metadata_namespace: "n", value, allow_overwrite });

describe("set_metadata", () => {
  it("sets its values", () => {
    expect(metadataOf([entry({ team: "a", tags: ["x"], limits: { rate: 5 } })], "n")).toEqual({
      team: "a",
      tags: ["x"],
      limits: { rate: 5 },
    });
  });

  it("leaves a namespace that is there, unless it may be overwritten", () => {
    expect(metadataOf([entry({ a: 1 }), entry({ a: 2, b: 2 })], "n")).toEqual({ a: 1 });
    expect(metadataOf([entry({ a: 1, c: 1 }), entry({ a: 2, b: 2 }, true)], "n")).toEqual({ a: 2, b: 2, c: 1 });
  });

  it("counts what it left as it was", () => {
    const metadata = [entry({ a: 1 }), entry({ a: 2 }), entry({ a: 3 }, true), entry({ a: 4 })];
    const chain = new L7Chain(setMetadata, { metadata });
    chain.harness.open().headers();
    expect(chain.count("http.test.set_metadata.overwrite_denied")).toBe(2);
  });

  it("merges as Envoy does: mappings by key, lists behind one another, another kind replaces", () => {
    const first = entry({ map: { a: 1, deep: { x: 1 } }, list: [1], text: "a", kind: { a: 1 } });
    const second = entry({ map: { b: 2, deep: { y: 2 } }, list: [1, 2], text: null, kind: "text" }, true);
    expect(metadataOf([first, second], "n")).toEqual({
      map: { a: 1, b: 2, deep: { x: 1, y: 2 } },
      list: [1, 1, 2],
      text: null,
      kind: "text",
    });
  });

  it("leaves its configuration, and other streams, what they are", () => {
    const entries = [entry({ list: [1] }), entry({ list: [2] }, true)];
    const { harness } = new L7Chain(setMetadata, { metadata: entries });
    for (let i = 0; i < 3; i++) expect(harness.open().headers().stream.metadata.get("n")).toEqual({ list: [1, 2] });
    expect(entries).toEqual([entry({ list: [1] }), entry({ list: [2] }, true)]);
  });

  it("takes no key for more than a key", () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}}') as object;
    expect(Object.keys(metadataOf([entry(value), entry(value, true)], "n") as object)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});
