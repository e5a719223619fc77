import { describe, expect, it } from "vitest";
import { L7Chain } from "../../../../test/support/l7-chain.ts";
import { setFilterState } from "./index.ts";

const entry = (object_key: string, text_format: string, more: object = {}): object => ({
  object_key,
  factory_key: "envoy.string",
  format_string: { text_format, omit_empty_values: true },
  ...more,
});
const chain = (...entries: readonly object[]): L7Chain => new L7Chain(setFilterState, { on_request_headers: entries });

describe("set_filter_state", () => {
  it("sets texts with what is known of the request", () => {
    const { harness } = chain(entry("path", "to %REQ(:PATH)%"), entry("team", "a"));
    const { filterState } = harness.open().headers({ ":path": "/x" }).stream;
    expect([filterState.get("path"), filterState.get("team")]).toEqual(["to /x", "a"]);
  });

  it("sets nothing where nothing came of it and that is to be skipped", () => {
    const dash = { format_string: { text_format: "%REQ(X-TEAM)%" } };
    const { harness } = chain(
      entry("skipped", "%REQ(X-TEAM)%", { skip_if_empty: true }),
      entry("empty", "%REQ(X-TEAM)%"),
      entry("dash", "", { ...dash, skip_if_empty: true }),
    );
    const { filterState } = harness.open().headers().stream;
    expect(filterState.has("skipped")).toBe(false);
    expect([filterState.get("empty"), filterState.get("dash")]).toEqual(["", "-"]);
  });

  it("holds text, not bytes", () => {
    const { harness } = chain(entry("name", "%REQ(X-NAME)%"), entry("broken", "%REQ(X-BROKEN)%"));
    const bytes = Buffer.from("señor").toString("latin1");
    const { filterState } = harness.open().headers({ "x-name": bytes, "x-broken": "\xff" }).stream;
    expect([filterState.get("name"), filterState.get("broken")]).toEqual(["señor", "\xff"]);
  });

  it("leaves a key that was set read-only, and goes on", () => {
    const { harness } = chain(entry("k", "one", { read_only: true }), entry("k", "two"), entry("l", "three"));
    const { filterState } = harness.open().headers().stream;
    expect([filterState.get("k"), filterState.get("l")]).toEqual(["one", "three"]);
    expect(() => filterState.set("k", "four")).toThrow("read-only");
    expect(harness.log).toEqual([]);
  });

  it("refuses what is no format", () => {
    expect(() => chain(entry("k", "%NOPE%"))).toThrow("NOPE");
  });
});
