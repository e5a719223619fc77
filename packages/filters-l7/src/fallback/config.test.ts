import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { fallback } from "./index.ts";

describe("fallback's configuration", () => {
  it("is nothing unless it is told something", () => {
    for (const which of ["config", "routeConfig"] as const)
      expect(settingsOf(fallback, which, {})).toEqual({
        when: ["no_healthy_upstream", "overflow"],
        cluster: "",
        respond: null,
      });
  });

  it("reads all of it", () => {
    const respond = { status: 200, body: "{}", headers: { "Content-Type": "application/json" } };
    expect(settingsOf(fallback, "config", { when: ["circuit_open"], cluster: "b", respond })).toEqual({
      when: ["overflow"],
      cluster: "b",
      respond: { status: 200, body: "{}", headers: { "content-type": "application/json" } },
    });
    expect(settingsOf(fallback, "config", { respond: {} })).toMatchObject({ respond: { status: 503, body: "" } });
  });

  test.each([
    [{ when: [] }, "when: expected a list of no_healthy_host, circuit_open"],
    [{ when: "circuit_open" }, "when: expected a list of"],
    [{ when: ["slow"] }, "when: expected a list of"],
    [{ cluster: 1 }, "cluster: expected a text"],
    [{ respond: 503 }, "respond: expected a mapping"],
    [{ respond: { status: 101 } }, "respond.status: expected a whole number from 200 to 599"],
    [{ respond: { status: 204, body: "x" } }, "respond.body: an answer with the status 204 has none"],
    [{ respond: { headers: [] } }, "respond.headers: expected a mapping"],
    [{ respond: { headers: { ":status": "1" } } }, "expected the name of a header"],
    [{ respond: { headers: { "Content-Length": "1" } } }, "content-length is written by the proxy"],
    [{ respond: { headers: { "x-a": "a\r\nb" } } }, "expected a text of one line"],
    [{ respond: { headers: { "x-a": 1 } } }, "expected a text of one line"],
    [{ respond: { code: 1 } }, "unknown field code"],
    [{ fallback: "b" }, "unknown field fallback"],
  ] as ReadonlyArray<[object, string]>)("refuses %j: %s", (config, message) => {
    for (const which of ["config", "routeConfig"] as const)
      expect(() => settingsOf(fallback, which, config)).toThrow(message);
  });
});
