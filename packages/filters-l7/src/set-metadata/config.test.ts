import { expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { setMetadata } from "./index.ts";

it("reads the older form of one entry, and the list", () => {
  const config = {
    metadata_namespace: "old",
    value: { a: 1 },
    metadata: [{ metadata_namespace: "new", allow_overwrite: true }],
  };
  expect(settingsOf(setMetadata, "config", config)).toEqual({
    entries: [
      { namespace: "old", values: { a: 1 }, allowsOverwrite: true },
      { namespace: "new", values: {}, allowsOverwrite: true },
    ],
  });
  expect(settingsOf(setMetadata, "config", {})).toEqual({ entries: [] });
});

test.each([
  [{ value: {} }, "metadata_namespace: expected the namespace"],
  [{ metadata: [{}] }, "metadata.0.metadata_namespace: expected the namespace"],
  [{ metadata: [{ metadata_namespace: "a", value: [] }] }, "metadata.0.value: expected a mapping"],
  [{ metadata: [{ metadata_namespace: "a", typed_value: {} }] }, "unknown field typed_value"],
])("%j is refused: %s", (config, message) => {
  expect(() => settingsOf(setMetadata, "config", config)).toThrow(message);
});
