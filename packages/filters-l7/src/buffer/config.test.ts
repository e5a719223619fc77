import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { buffer } from "./index.ts";

describe("configuration", () => {
  it("is a number of bytes", () => {
    expect(settingsOf(buffer, "config", { max_request_bytes: 1024 })).toEqual({ maxRequestBytes: 1024 });
  });

  test.each([
    [{}, "max_request_bytes: expected the number of bytes"],
    [{ max_request_bytes: 0 }, "max_request_bytes: expected a whole number from 1"],
    [{ max_request_bytes: "1k" }, "max_request_bytes: expected a whole number"],
    [{ max_request_bytes: 1, max_time: 2 }, "max_time: unknown field max_time"],
    [[], ": expected a mapping"],
  ])("%j is refused: %s", (config, message) => {
    expect(() => settingsOf(buffer, "config", config)).toThrow(message);
  });
});

describe("configuration of a route", () => {
  it("turns the filter off or replaces its limit", () => {
    expect(settingsOf(buffer, "routeConfig", { disabled: true })).toEqual({ override: null });
    expect(settingsOf(buffer, "routeConfig", { buffer: { max_request_bytes: 5 } })).toEqual({
      override: { maxRequestBytes: 5 },
    });
  });

  test.each([
    [{}, "expected disabled: true, or buffer"],
    [{ disabled: false }, "expected disabled: true, or buffer"],
    [{ disabled: true, buffer: { max_request_bytes: 5 } }, "disabled: disabled and buffer are both set"],
    [{ buffer: {} }, "buffer.max_request_bytes: expected the number"],
    [{ buffer: { max_request_bytes: 5, x: 1 } }, "buffer.x: unknown field x"],
  ])("%j is refused: %s", (config, message) => {
    expect(() => settingsOf(buffer, "routeConfig", config)).toThrow(message);
  });
});
