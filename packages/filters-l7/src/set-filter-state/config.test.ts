import { expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { setFilterState } from "./index.ts";

const text = { format_string: { text_format: "a" } };
const one = (entry: object): object => ({ on_request_headers: [entry] });
const named = { object_key: "k", factory_key: "envoy.string" };

it("reads its entries; what is missing is a dash, as in access logs, unless it is omitted", () => {
  expect(settingsOf(setFilterState, "config", one({ ...named, ...text }))).toEqual({
    onRequestHeaders: [{ key: "k", format: "a", missing: "-", isReadOnly: false, skipsEmpty: false }],
  });
  const format_string = { text_format: "a", omit_empty_values: true };
  expect(
    settingsOf(setFilterState, "config", one({ ...named, format_string, read_only: true, skip_if_empty: true })),
  ).toEqual({ onRequestHeaders: [{ key: "k", format: "a", missing: "", isReadOnly: true, skipsEmpty: true }] });
  expect(settingsOf(setFilterState, "config", one({ object_key: "envoy.string", ...text }))).toMatchObject({
    onRequestHeaders: [{ key: "envoy.string" }],
  });
});

test.each([
  [{ ...text, factory_key: "envoy.string" }, "object_key: expected the key"],
  [
    { object_key: "envoy.network.upstream_server_name", ...text },
    'factory_key: "envoy.network.upstream_server_name" is no kind',
  ],
  [
    { object_key: "k", factory_key: "envoy.hashable_string", ...text },
    "is no kind of object here, expected envoy.string",
  ],
  [{ ...named, ...text, shared_with_upstream: "ONCE" }, "shared_with_upstream: expected NONE"],
  [named, "format_string: expected the text to set"],
  [{ ...named, format_string: { json_format: {} } }, "json_format: expected text_format"],
  [{ ...named, format_string: {} }, "text_format: expected a text"],
])("%j is refused: %s", (entry, message) => {
  expect(() => settingsOf(setFilterState, "config", one(entry))).toThrow(message);
});
