// `sluice schema`: every configuration that the proxy takes fits it, and what the proxy calls unknown does not. ajv stands for an editor.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type DefinitionKind, defineHttpFilter, defineNetworkFilter, type JsonSchema, parsedBy } from "@sluice/sdk";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { run } from "../../packages/core/src/cli/program.ts";
import { extensionsOf, loadConfig } from "../../packages/core/src/config/index.ts";
import { laterKeys, type PartName, shortKeys } from "../../packages/core/src/config/short/keys.ts";
import { configSchema } from "../../packages/core/src/schema/config-schema.ts";
import { parseGolden } from "../config/support/golden-file.ts";
import { builtinRegistry } from "../config/support/filters.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const base = { maturity: "alpha", security: "unknown", create: () => ({}) } as const;
const definitions = [
  defineHttpFilter({
    ...base,
    id: "acme.http.zod",
    config: z
      .object({ value: z.string(), many: z.array(z.lazy(() => z.object({ deep: z.number().default(1) }))).optional() })
      .strict(),
    routeConfig: z.object({ value: z.string() }),
  }),
  defineHttpFilter({ ...base, id: "acme.http.arktype", config: type({ value: "string", "count?": "number" }) }),
  defineHttpFilter({
    ...base,
    id: "acme.http.plain",
    config: { type: "object", properties: { on: { $ref: "#/$defs/flag" } }, $defs: { flag: { type: "boolean" } } },
  }),
  defineHttpFilter({
    ...base,
    id: "acme.http.valibot",
    config: v.object({ value: v.string() }),
    configJsonSchema: { type: "object", properties: { value: { type: "string" } }, required: ["value"] },
  }),
  defineHttpFilter({ ...base, id: "acme.http.silent", config: parsedBy((value) => value) }),
  defineNetworkFilter({ ...base, id: "acme.network.gate", config: z.object({ most: z.number() }) }),
];

const registry = builtinRegistry();
registry.add(definitions, "test");
const schema = configSchema({
  registered: registry.all(),
  bySpecifier: new Map([
    ["@acme/gate", ["acme.network.gate"]],
    ["./one.ts", ["acme.http.zod"]],
  ]),
});
const fits: ValidateFunction = new Ajv2020({ strict: false }).compile(schema);

function problemsOf(config: unknown): string {
  return fits(config)
    ? ""
    : (fits.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`).join("\n");
}

describe("what the proxy takes", () => {
  const folder = at("../config/goldens/good");
  const goldens = readdirSync(folder).map(
    (name) => [name, parseGolden(readFileSync(join(folder, name), "utf8"))] as const,
  );
  // What is let pass as a warning is no part of the schema.
  test.each(goldens.filter(([, { allowsUnsupported }]) => !allowsUnsupported))("%s fits", async (_, { input }) => {
    const own = builtinRegistry();
    const { extensions } = await extensionsOf({ text: input, name: "x" }, { registry: own });
    const bySpecifier = new Map([...extensions].map(([specifier, url]) => [specifier, own.idsOf(url ?? "")]));
    const judge = new Ajv2020({ strict: false }).compile(configSchema({ registered: own.all(), bySpecifier }));
    // Merge keys are YAML's own, and gone when it is read.
    judge(parse(input, { merge: true }));
    expect(judge.errors ?? []).toEqual([]);
  });

  const examples = readdirSync(at("../../examples")).filter((name) => name.endsWith(".yaml"));
  test.each(examples)("examples/%s fits the schema of `sluice schema` for it", async (name) => {
    let out = "";
    const file = join(at("../../examples"), name);
    const code = await run(["schema", file], { out: (more) => (out += more), err: (more) => (out += more) });
    expect([code, code === 0 ? "" : out]).toEqual([0, ""]);
    const own = new Ajv2020({ strict: false }).compile(JSON.parse(out) as JsonSchema);
    const isFitting = own(parse(readFileSync(file, "utf8")));
    expect(own.errors ?? []).toEqual([]);
    expect(isFitting).toBe(true);
  });
});

test("is one for every validator where nothing is loaded beside the built-in filters", async () => {
  let out = "";
  expect(await run(["schema"], { out: (more) => (out += more), err: () => {} })).toBe(0);
  const bare = new Ajv2020({ strict: false }).compile(JSON.parse(out) as object);
  const routes = [{ prefix: "/", respond: { status: 200 } }];
  const filters = [{ admission_control: { success_rate: 90, max_rejection: 50, min_rps: 5 } }];
  expect(bare({ listeners: [{ address: "127.0.0.1:1", http: { filters, routes } }] })).toBe(true);
});

describe("keys", () => {
  const defs = schema["$defs"] as Readonly<Record<string, JsonSchema>>;

  test.each(Object.keys(shortKeys) as PartName[])("of %s are those that the short form has", (part) => {
    expect(Object.keys(defs[part]!.properties ?? {}).sort()).toEqual([...shortKeys[part]].sort());
    expect(defs[part]!["additionalProperties"]).toBe(false);
    for (const key of laterKeys[part] ?? []) expect(defs[part]!.properties).not.toHaveProperty(key);
  });

  test("that are misspelt anywhere in a configuration do not fit, as the proxy has it", async () => {
    const config = parse(WHOLE) as object;
    expect(problemsOf(config)).toBe("");
    let mutations = 0;
    for (const path of keyPaths(config)) {
      const mutated = structuredClone(config) as Record<string, unknown>;
      renameAt(mutated, path);
      const { problems } = await loadConfig({ value: mutated, name: "x" }, { registry });
      const isUnknown = [...problems].some(({ code }) => code === "ERR_CONFIG_UNKNOWN_FIELD");
      if (!isUnknown) continue;
      mutations++;
      expect(problemsOf(mutated), path.join(".")).not.toBe("");
    }
    expect(mutations).toBeGreaterThan(40);
  });
});

/** The paths of all keys of mappings. */
function keyPaths(value: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((inner, i) => keyPaths(inner, [...path, i]));
  return Object.entries(value).flatMap(([key, inner]) => [[...path, key], ...keyPaths(inner, [...path, key])]);
}

function renameAt(root: Record<string | number, unknown>, path: readonly (string | number)[]): void {
  let holder = root;
  for (const step of path.slice(0, -1)) holder = holder[step] as Record<string | number, unknown>;
  const key = path.at(-1)!;
  holder[`${key}_x`] = holder[key];
  delete holder[key];
}

const WHOLE = `
node: { id: a, cluster: b }
admin: 127.0.0.1:0
filter_cost: { sample: 1/64 }
debug_trace: { trusted: [127.0.0.0/8], header: x-debug }
listeners:
  - name: web
    address: 127.0.0.1:0
    buffer_limit: 1000
    tls: { cert: a.pem, key: a.key, min_version: "1.2", alpn: [http/1.1] }
    filters: [{ acme.network.gate: { most: 3 } }]
    http:
      stat_prefix: x
      access_log: [{ to: stdout, format: x }]
      request_id: { generate: true }
      filters:
        - buffer: { max_request_bytes: 1000 }
          on_error: continue
          runtime: { worker: { threads: 2, max_time: 10ms, memory: 64MiB } }
        - header_mutation: { mutations: { request_mutations: [{ append: { header: { key: a, value: b } } }] } }
        - acme.http.zod: { value: x, many: [{ deep: 3 }] }
      request_headers: { set: { a: b }, remove: [c] }
      virtual_hosts:
        - domains: ["*"]
          require_tls: external
          routes:
            - prefix: /
              headers: { x: { prefix: y, ignore_case: true } }
              clusters: [{ name: a, weight: 3, host: z }]
              rewrite: { regex: { pattern: a, substitution: b } }
              filters: { buffer: { buffer: { max_request_bytes: 3 } } }
            - { path: /x, redirect: { https: true, status: 308 } }
            - { path: /y, respond: { status: 200, body: x } }
  - { name: raw, address: "127.0.0.1:0", tcp: { clusters: { a: 1 }, idle_timeout: 3s } }
clusters:
  a: { endpoints: [{ address: "127.0.0.1:1", weight: 2 }], tls: { sni: x, verify: [y] } }
`;

describe("a filter's configuration", () => {
  const chain = (filter: unknown) => ({ listeners: [{ address: "127.0.0.1:0", http: { filters: [filter] } }] });
  const network = (filter: unknown) => ({ listeners: [{ address: "127.0.0.1:0", filters: [filter] }] });

  test.each<[string, DefinitionKind, Record<string, unknown>, Record<string, unknown>]>([
    [
      "of zod",
      "http",
      { "acme.http.zod": { value: "x", many: [{}] } },
      { "acme.http.zod": { value: "x", many: [{ deep: "y" }] } },
    ],
    ["of zod, strict", "http", { zod: { value: "x" } }, { zod: { value: "x", more: 1 } }],
    ["of arktype", "http", { arktype: { value: "x" } }, { arktype: { value: "x", count: "y" } }],
    ["stated beside valibot", "http", { valibot: { value: "x" } }, { valibot: {} }],
    ["as a JSON Schema with references", "http", { plain: { on: true } }, { plain: { on: 1 } }],
    [
      "by the name under which `extensions` has it",
      "http",
      { "./one.ts": { value: "x" } },
      { "./one.ts": { value: 1 } },
    ],
    ["of a message", "http", { buffer: { max_request_bytes: 1 } }, { buffer: { max_request_bytes: "many" } }],
    ["of a network filter", "network", { "@acme/gate": { most: 1 } }, { "@acme/gate": { most: "x" } }],
    ["of another kind of filter", "network", { echo: {} }, { buffer: { max_request_bytes: 1 } }],
  ])("%s is judged", (_, kind, good, bad) => {
    const place = kind === "http" ? chain : network;
    expect(problemsOf(place(good))).toBe("");
    expect(problemsOf(place(bad))).not.toBe("");
  });

  test("of a filter that does not tell is not judged, and the schema says so", () => {
    expect(problemsOf(chain({ silent: { any: "thing" } }))).toBe("");
    const defs = schema["$defs"] as Readonly<Record<string, JsonSchema>>;
    expect(defs["acme.http.silent"]!["description"]).toContain("does not tell what it takes");
  });

  test("on routes is judged by the filter's schema for them", () => {
    const route = (filters: unknown) => ({
      listeners: [{ address: "127.0.0.1:0", http: { routes: [{ prefix: "/", respond: 200, filters }] } }],
    });
    expect(problemsOf(route({ zod: { value: "x" }, buffer: false, mine: { any: 1 } }))).toBe("");
    expect(problemsOf(route({ zod: { value: 1 } }))).not.toBe("");
    expect(problemsOf(route({ arktype: { value: "x" } }))).not.toBe("");
  });

  test("stands in Envoy's form in a TypedStruct", () => {
    const long = (value: unknown) => ({
      static_resources: {
        listeners: [
          {
            filter_chains: [
              {
                filters: [
                  {
                    name: "gate",
                    typed_config: {
                      "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
                      type_url: "type.googleapis.com/acme.network.gate",
                      value,
                    },
                  },
                ],
              },
            ],
          },
        ],
      },
    });
    expect(problemsOf(long({ most: 1 }))).toBe("");
    expect(problemsOf(long({ most: "x" }))).not.toBe("");
    expect(problemsOf({ static_resources: { listener: [] } })).not.toBe("");
  });
});

describe("the command", () => {
  const command = async (...argv: string[]) => {
    let [out, err] = ["", ""];
    const code = await run(["schema", ...argv], { out: (more) => (out += more), err: (more) => (err += more) });
    return { code, out, err };
  };

  test("prints JSON Schema 2020-12 that refers to nothing outside", async () => {
    const { code, out } = await command();
    expect(code).toBe(0);
    const printed = JSON.parse(out) as JsonSchema;
    expect(printed.$schema).toBe("https://json-schema.org/draft/2020-12/schema");
    expect(new Ajv2020({ strict: false }).validateSchema(printed)).toBe(true);
    for (const [, target] of out.matchAll(/"\$ref": "([^"]+)"/g)) {
      const path = target!.slice(2).split("/");
      const found = path.reduce<unknown>(
        (value, step) => (value as Record<string, unknown> | undefined)?.[step],
        printed,
      );
      expect(found, target).toBeDefined();
    }
  });

  test("ends with 2 where an extension of the configuration does not load", async () => {
    const { code, out, err } = await command(at("../config/goldens/bad/short-extensions.yaml"));
    expect([code, out]).toEqual([2, ""]);
    expect(err).not.toBe("");
  });
});
