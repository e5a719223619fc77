// Extensions get in fail-closed: what is not a definition of a fitting sdk stays out, with a sentence that says why.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DEFINITION, SDK_VERSION, defineHttpFilter, defineNetworkFilter, parsedBy } from "@sluice/sdk";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { checkDefinition } from "./check-definition.ts";
import { checkHooks } from "./hooks.ts";
import { Registry } from "./registry.ts";
import { judge } from "./schema.ts";

const base = { maturity: "alpha", security: "unknown" } as const;
const greeting = defineHttpFilter({
  ...base,
  id: "acme.http.greeting",
  config: z.object({ value: z.string() }),
  create: () => ({}),
});
const limit = defineHttpFilter({
  ...base,
  id: "envoy.filters.http.local_ratelimit",
  config: parsedBy((value) => value),
  routeConfig: parsedBy((value) => value),
  messages: { "envoy.v3.LocalRateLimit": ["stat_prefix"], "envoy.v3.Other": ["x"] },
  routeMessage: "envoy.v3.PerRoute",
  create: () => ({}),
});
const echo = defineNetworkFilter({
  ...base,
  id: "acme.network.echo",
  config: parsedBy(() => ({})),
  create: () => ({}),
});

describe("definitions in memory", () => {
  test("are found by id, kind and message", () => {
    const registry = new Registry();
    expect(registry.add([greeting, limit, echo], "test")).toEqual([]);
    expect(registry.http("acme.http.greeting")).toBe(greeting);
    expect(registry.network("acme.http.greeting")).toBeUndefined();
    expect(registry.network("acme.network.echo")).toBe(echo);
    expect(registry.byMessage("envoy.v3.LocalRateLimit")?.definition).toBe(limit);
    expect(registry.byMessage("envoy.v3.Other")).toBeUndefined();
    expect(registry.byRouteMessage("envoy.v3.PerRoute")?.definition).toBe(limit);
    expect(registry.ids("http")).toEqual(["acme.http.greeting", "envoy.filters.http.local_ratelimit"]);
    expect(registry.suggest("acme.http.greting")).toBe("acme.http.greeting");
  });

  test("one id is one definition", () => {
    const registry = new Registry();
    registry.add(greeting, "first");
    expect(registry.add(greeting, "again")).toEqual([]);
    expect(registry.add({ ...greeting }, "second")).toEqual([
      { source: "second", message: "acme.http.greeting is defined already by first" },
    ]);
  });

  test.each([
    ["nothing", null],
    ["a function", () => {}],
    ["an object without the mark", { id: "acme.http.x", create: () => ({}) }],
  ])("%s is no definition", (_, candidate) => {
    const [problem] = new Registry().add(candidate, "pkg");
    expect(problem?.message).toContain("is no filter definition");
  });

  test("a kind of a later sdk is refused", () => {
    const [problem] = new Registry().add({ ...greeting, [DEFINITION]: "tracer" }, "pkg");
    expect(problem?.message).toBe(
      'acme.http.greeting is a definition of kind "tracer", which this version of Sluice does not know',
    );
  });

  test("a copy of the sdk in the package does no harm: the mark is a registered symbol", () => {
    const foreign = {
      ...base,
      id: "acme.http.foreign",
      config: {},
      create: () => ({}),
      sdkVersion: SDK_VERSION,
      [Symbol.for("sluice.definition")]: "http",
    };
    expect(new Registry().add(foreign, "pkg")).toEqual([]);
  });
});

describe("the version of the sdk", () => {
  const made = (sdkVersion: unknown) => ({ ...greeting, sdkVersion });

  test.each([
    ["1.2.3", "1.2.3"],
    ["1.2.3", "1.9.0"],
    ["0.3.1", "0.3.4"],
    ["1.0.0-beta.1", "1.0.0"],
  ])("made with %s runs on %s", (with_, on) => {
    expect(checkDefinition(made(with_), "pkg", on)).not.toHaveProperty("message");
  });

  test.each([
    ["1.3.0", "1.2.9"],
    ["1.2.3", "2.0.0"],
    ["0.3.0", "0.4.0"],
  ])("made with %s does not run on %s, and the sentence names both", (with_, on) => {
    expect(checkDefinition(made(with_), "pkg", on)).toEqual({
      source: "pkg",
      message: `acme.http.greeting was made with @sluice/sdk ${with_}, which does not fit the ${on} of this Sluice`,
    });
  });

  test.each([undefined, 3, "latest"])("%s is no version", (version) => {
    expect(checkDefinition(made(version), "pkg")).toHaveProperty(
      "message",
      expect.stringContaining("does not say with which version"),
    );
  });
});

describe("modules", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-registry-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const module_ = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return { specifier: `./${name}`, url: pathToFileURL(path).href };
  };
  const sdk = import.meta.resolve("@sluice/sdk");
  const definition = (id: string) =>
    `defineHttpFilter({ id: "${id}", maturity: "alpha", security: "unknown", config: {}, create: () => ({}) })`;

  test("a local TypeScript file is imported as it is", async () => {
    const registry = new Registry();
    const file = module_(
      "audit.ts",
      `import { defineHttpFilter } from "${sdk}";\nconst filter: object = ${definition("acme.http.audit")};\nexport default filter;`,
    );
    expect(await registry.load([file])).toEqual([]);
    expect(registry.idsOf(file.url)).toEqual(["acme.http.audit"]);
    expect(registry.http("acme.http.audit")).toBeDefined();
    expect(await registry.load([file])).toEqual([]);
  });

  test("an array of definitions, and a named `filters` list, as the built-in packages have it", async () => {
    const registry = new Registry();
    const text = `import { defineHttpFilter } from "${sdk}";\nexport FORM [${definition("a.b")}, ${definition("a.c")}];`;
    await registry.load([module_("default.mjs", text.replace("FORM", "default"))]);
    expect(registry.ids()).toEqual(["a.b", "a.c"]);
    const named = new Registry();
    await named.load([module_("named.mjs", text.replace("FORM", "const filters ="))]);
    expect(named.ids()).toEqual(["a.b", "a.c"]);
  });

  test.each([
    ["throws.mjs", 'throw new Error("no licence")', "cannot be loaded: no licence"],
    ["syntax.mjs", "export default {", "cannot be loaded: "],
    ["empty.mjs", "export const x = 1;", "has no default export, expected a filter definition or an array of them"],
    ["wrong.mjs", "export default { id: 1 };", "exports something that is no filter definition"],
  ])("%s is a problem with a sentence", async (name, text, message) => {
    const registry = new Registry();
    const [problem, ...more] = await registry.load([module_(name, text)]);
    expect(more).toEqual([]);
    expect(problem?.source).toBe(`./${name}`);
    expect(problem?.message).toContain(message);
    expect(registry.ids()).toEqual([]);
  });

  test("a missing module is a problem", async () => {
    const [problem] = await new Registry().load([
      { specifier: "@acme/none", url: pathToFileURL(join(folder, "none.mjs")).href },
    ]);
    expect(problem?.message).toContain("cannot be loaded: ");
  });
});

describe("a configuration under a schema", () => {
  test("of a Standard Schema library is parsed, with paths where it is wrong", () => {
    const schema = z.object({ a: z.object({ list: z.array(z.number()) }), b: z.string().default("x") });
    expect(judge(schema, { a: { list: [1] } })).toEqual({ ok: true, value: { a: { list: [1] }, b: "x" } });
    const verdict = judge(schema, { a: { list: [1, "2"] } });
    expect(verdict).toMatchObject({ ok: false, issues: [{ path: ["a", "list", 1] }] });
  });

  test("that is asynchronous is refused", () => {
    const validate = () => Promise.reject(new Error("unheard"));
    const verdict = judge({ "~standard": { version: 1, vendor: "x", validate } }, "x");
    expect(verdict).toEqual({
      ok: false,
      issues: [{ path: [], message: "the extension's schema is asynchronous, expected one that answers at once" }],
    });
  });

  test("that throws is a problem, not an accident", () => {
    const schema = parsedBy(() => {
      throw new Error("oops");
    });
    expect(judge(schema, {})).toEqual({
      ok: false,
      issues: [{ path: [], message: "the extension's schema failed: oops" }],
    });
  });

  test("may not change the configuration that it is given", () => {
    const config = { list: [1] };
    judge(
      parsedBy((value) => (value as { list: number[] }).list.push(2)),
      config,
    );
    judge({ type: "object", properties: { more: { default: 1 } } }, config);
    expect(config).toEqual({ list: [1] });
  });

  const jsonSchema = {
    type: "object",
    properties: {
      name: { type: "string" },
      port: { type: "integer", default: 80 },
      mode: { enum: ["a", "b"] },
      "x/y": { type: "array", items: { type: "number" } },
    },
    required: ["name"],
    additionalProperties: false,
  };

  test.each([
    [{ name: "x" }, null, ""],
    [{}, [], 'property "name" is missing'],
    [{ name: "x", nmae: 1 }, ["nmae"], "unknown property"],
    [{ name: "x", port: "1" }, ["port"], "must be integer"],
    [{ name: "x", mode: "c" }, ["mode"], 'must be one of "a", "b"'],
    [{ name: "x", "x/y": [1, "2"] }, ["x/y", 1], "must be number"],
  ])("as JSON Schema: %o", (value, path, message) => {
    const verdict = judge(jsonSchema, value);
    if (path === null) expect(verdict).toEqual({ ok: true, value: { name: "x", port: 80 } });
    else expect(verdict).toEqual({ ok: false, issues: [{ path, message }] });
  });

  test("that is no JSON Schema is a problem", () => {
    expect(judge({ type: "objekt" }, {})).toMatchObject({
      ok: false,
      issues: [{ message: expect.stringContaining("the extension's schema failed") }],
    });
  });

  test("through the registry, also for routes", () => {
    const registry = new Registry();
    registry.add([greeting, limit], "test");
    expect(registry.judge("acme.http.greeting", "config", { value: 1 }).ok).toBe(false);
    expect(registry.judge("acme.http.greeting", "routeConfig", {})).toMatchObject({
      issues: [{ message: "acme.http.greeting takes no configuration of routes" }],
    });
    expect(registry.judge("envoy.filters.http.local_ratelimit", "routeConfig", {})).toEqual({ ok: true, value: {} });
    expect(registry.judge("nobody", "config", {})).toMatchObject({
      issues: [{ message: 'unknown extension "nobody"' }],
    });
  });
});

describe("hooks", () => {
  test("that the engine knows pass, as an object or of a class", () => {
    class Filter {
      count = 0;
      onRequestHeaders() {
        return this.helper();
      }
      helper() {}
    }
    expect(checkHooks("http", "x", { onRequestHeaders() {}, dispose() {} })).toBeNull();
    expect(checkHooks("http", "x", new Filter())).toBeNull();
    expect(checkHooks("network", "x", { onNewConnection() {}, onData: undefined })).toBeNull();
  });

  test.each([
    ["http", { onRequestHeader() {} }, 'x: unknown hook "onRequestHeader"; did you mean "onRequestHeaders"?'],
    ["http", { onNewConnection() {} }, 'x: unknown hook "onNewConnection"'],
    ["network", { onRequestHeaders() {} }, 'x: unknown hook "onRequestHeaders"'],
    ["http", { helper() {} }, 'x: unknown hook "helper"'],
    ["http", { onRequestData: 3 }, 'x: hook "onRequestData" is number, expected a function'],
    ["http", undefined, "x: create returned undefined, expected an object of hooks"],
    ["http", null, "x: create returned null, expected an object of hooks"],
  ] as const)("%s: %o is refused", (kind, filter, message) => {
    expect(checkHooks(kind, "x", filter)).toBe(message);
  });

  test("a misspelt hook of a class is found", () => {
    class Filter {
      onResponseHeader() {}
    }
    expect(checkHooks("http", "x", new Filter())).toBe(
      'x: unknown hook "onResponseHeader"; did you mean "onResponseHeaders"?',
    );
  });
});

describe("versions of the configuration", () => {
  test("a fork has what was there before any configuration; adopted, it takes the place of all else", () => {
    const registry = new Registry();
    registry.add(limit, "built in");
    const first = registry.fork();
    first.add(greeting, "first");
    expect(registry.ids()).toEqual([limit.id]);
    registry.adopt(first);
    expect(registry.ids()).toEqual([greeting.id, limit.id]);
    const second = registry.fork();
    expect(second.ids()).toEqual([limit.id]);
    expect(second.add({ ...greeting }, "second")).toEqual([]);
    registry.adopt(second);
    expect(registry.get(greeting.id)?.source).toBe("second");
    registry.adopt(registry.fork());
    expect(registry.ids()).toEqual([limit.id]);
  });

  test("a bundle is compiled once a version, for all who ask; another digest is another definition", async () => {
    const base = new Registry();
    const bundleOf = (digest: string) => ({
      specifier: "./a.ts",
      url: "file:///a.ts",
      bundle: {
        digest,
        code: `module.exports = { default: Object.freeze({ [Symbol.for("sluice.definition")]: "http", id: "acme.http.a", maturity: "alpha", security: "unknown",
          sdkVersion: ${JSON.stringify(SDK_VERSION)}, config: { type: "object" }, create: () => ({}) }) };`,
        map: "{}",
        externals: [],
        importsDynamically: false,
      },
    });
    const load = async (digest: string) => {
      const registry = base.fork();
      expect(await registry.load([bundleOf(digest)])).toEqual([]);
      return registry;
    };
    const first = await load("1");
    const again = await load("1");
    const second = await load("2");
    expect(again.http("acme.http.a")).toBe(first.http("acme.http.a"));
    expect(second.http("acme.http.a")).not.toBe(first.http("acme.http.a"));
    expect(again.versionOf("acme.http.a")).toBe(first.versionOf("acme.http.a"));
    expect(second.versionOf("acme.http.a")).not.toBe(first.versionOf("acme.http.a"));
    expect(second.moduleOf("acme.http.a")).toMatchObject({ url: "file:///a.ts", bundle: { digest: "2" } });
  });
});
