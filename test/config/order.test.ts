// What filters declare of their neighbours is held at load: order, phases, metadata that one provides and another requires.
import { defineHttpFilter, defineNetworkFilter, metadataKey } from "@sluice/sdk";
import type { DefinitionBase } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../packages/core/src/config/index.ts";
import { builtinRegistry } from "./support/filters.ts";

const identity = metadataKey<{ subject: string }>("acme.identity");
const base = { maturity: "alpha", security: "unknown", config: {}, create: () => ({}) } as const;

type Declared = Partial<DefinitionBase>;

/** Problems of a chain of filters `acme.http.<name>` in that order, each with what it declares. */
async function problemsOf(
  filters: Readonly<Record<string, Declared>>,
  order = Object.keys(filters),
): Promise<string[]> {
  const registry = builtinRegistry();
  for (const [name, declared] of Object.entries(filters)) {
    expect(registry.add(defineHttpFilter({ ...base, ...declared, id: `acme.http.${name}` }), name)).toEqual([]);
  }
  const value = {
    listeners: [
      { address: "127.0.0.1:0", http: { filters: order, routes: [{ prefix: "/", respond: { status: 200 } }] } },
    ],
  };
  const { problems } = await loadConfig({ value, name: "v" }, { registry });
  return [...problems].map(({ code, path, message, expected }) => `${code} ${path} ${message}, expected ${expected}`);
}

describe("before and after", () => {
  test("a filter behind one that it has to precede", async () => {
    expect(await problemsOf({ cache: {}, gate: { before: ["acme.http.cache"] } })).toEqual([
      'ERR_CONFIG_ORDER listeners[0].http.filters[1] the filter "acme.http.gate" stands behind "acme.http.cache", and "acme.http.gate" has to stand before it, expected "acme.http.gate" in front of "acme.http.cache"',
    ]);
  });

  test("a filter in front of one that it has to follow", async () => {
    expect(await problemsOf({ cache: { after: ["acme.http.gate"] }, gate: {} })).toEqual([
      'ERR_CONFIG_ORDER listeners[0].http.filters[1] the filter "acme.http.gate" stands behind "acme.http.cache", and "acme.http.cache" has to stand after it, expected "acme.http.gate" in front of "acme.http.cache"',
    ]);
  });

  test("the right order, and a neighbour that is not there", async () => {
    expect(await problemsOf({ gate: { before: ["acme.http.cache"], after: ["acme.http.none"] }, cache: {} })).toEqual(
      [],
    );
  });
});

describe("phases", () => {
  test("authn, authz, stats, with filters of no phase anywhere", async () => {
    const filters: Record<string, Declared> = {
      a: { phase: "authn" },
      b: {},
      c: { phase: "authz" },
      d: { phase: "stats" },
      e: {},
    };
    expect(await problemsOf(filters)).toEqual([]);
  });

  test("authentication behind authorization", async () => {
    expect(await problemsOf({ c: { phase: "authz" }, a: { phase: "authn" } })).toEqual([
      'ERR_CONFIG_ORDER listeners[0].http.filters[1] the filter "acme.http.a" of the phase authn stands behind "acme.http.c" of the phase authz, expected the phases in the order authn, authz, stats',
    ]);
  });
});

describe("metadata", () => {
  const reader: Declared = { requires: [identity] };
  const writer: Declared = { provides: [identity] };

  test("provided in front", async () => {
    expect(await problemsOf({ writer, reader })).toEqual([]);
  });

  test("provided by nobody: both names, and who would do", async () => {
    expect(await problemsOf({ reader, writer }, ["acme.http.reader"])).toEqual([
      'ERR_CONFIG_ORDER listeners[0].http.filters[0] the filter "acme.http.reader" requires the metadata "acme.identity", which no filter of its chain provides, expected acme.http.writer in front of it',
    ]);
  });

  test("provided too late", async () => {
    expect(await problemsOf({ reader, writer })).toEqual([
      'ERR_CONFIG_ORDER listeners[0].http.filters[0] the filter "acme.http.reader" requires the metadata "acme.identity", which "acme.http.writer" provides behind it, expected "acme.http.writer" in front of "acme.http.reader"',
    ]);
  });

  test("a provider that is wrong itself is told once", async () => {
    const problems = await problemsOf({ reader, writer }, ["acme.http.writr", "acme.http.reader"]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("acme.http.writr");
  });
});

test("all problems of a chain at once", async () => {
  const problems = await problemsOf({
    last: { phase: "stats" },
    reader: { requires: [identity], phase: "authz" },
    gate: { before: ["acme.http.last", "acme.http.reader"] },
  });
  expect(problems).toHaveLength(4);
});

test("network filters are held to it, too", async () => {
  const registry = builtinRegistry();
  registry.add(defineNetworkFilter({ ...base, id: "acme.network.reader", requires: [identity] }), "reader");
  const value = { listeners: [{ address: "127.0.0.1:0", filters: ["acme.network.reader", "echo"] }] };
  const { problems } = await loadConfig({ value, name: "v" }, { registry });
  expect(problems.format()).toContain('requires the metadata "acme.identity", which no filter of its chain provides');
});
