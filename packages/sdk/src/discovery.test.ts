import { expect, test } from "vitest";
import { DEFINITION, defineDiscovery, defineHttpFilter } from "./index.ts";

const known = { id: "acme.discovery.x", maturity: "alpha", security: "unknown", config: {}, start() {} } as const;

test("a definition is marked and frozen", () => {
  const made = defineDiscovery(known);
  expect((made as unknown as Record<symbol, unknown>)[DEFINITION]).toBe("discovery");
  expect(Object.isFrozen(made)).toBe(true);
});

test.each([
  [
    { ...known, start: undefined },
    "acme.discovery.x: start is missing, expected a function (context, update) => discovery",
  ],
  [
    { ...known, create() {} },
    'acme.discovery.x: unknown field "create", expected one of id, maturity, security, messages, config',
  ],
  [{ ...known, phase: "authn" }, 'unknown field "phase"'],
  [{ ...known, id: "X", start: 5 }, "start 5: expected a function"],
])("what is wrong is told: %#", (definition, message) => {
  expect(() => defineDiscovery(definition as never)).toThrow(message);
});

test("a filter has no start", () => {
  const filter = { ...known, create: () => ({}) };
  expect(() => defineHttpFilter(filter)).toThrow('unknown field "start"');
});
