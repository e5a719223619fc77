// A misspelt entry of the table would refuse a field that is implemented, and say nothing.
import { expect, test } from "vitest";
import { envoyTypes } from "./envoy/registry.ts";
import { supportTable } from "./supported.ts";

test("every message and field of the table is one of Envoy's", () => {
  const unknown: string[] = [];
  for (const [name, fields] of supportTable([])) {
    const message = envoyTypes().message(name);
    if (message === undefined) unknown.push(name);
    else if (fields !== "all") {
      for (const field of fields) if (message.field(field)?.name !== field) unknown.push(`${name}.${field}`);
    }
  }
  expect(unknown).toEqual([]);
});

test("what filters declare is added, and takes nothing away", () => {
  const table = supportTable([
    { "acme.Message": ["a"], "envoy.config.core.v3.Pipe": ["path"] },
    { "acme.Message": ["b"] },
  ]);
  expect(table.get("acme.Message")).toEqual(new Set(["a", "b"]));
  expect(table.get("envoy.config.core.v3.Pipe")).toBe("all");
});
