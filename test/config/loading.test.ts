// The door of the configuration: files, texts, values, modules; what is too much; and the way back by `translateConfig`.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConfigSource, loadConfig, translateConfig } from "../../packages/core/src/config/index.ts";
import { builtinRegistry } from "./support/filters.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-loading-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function put(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

async function problemsOf(source: ConfigSource, allowUnsupported = false): Promise<string> {
  const { config, problems } = await loadConfig(source, { registry: builtinRegistry(), allowUnsupported });
  expect(config === null).toBe(problems.hasErrors);
  return problems.format().replaceAll(folder, "<folder>");
}

const echo = "listeners: [{ name: e, address: 127.0.0.1:0, filters: [echo] }]\n";

describe("sources", () => {
  test("a YAML file, a JSON file, a text and a value mean the same", async () => {
    const value = { listeners: [{ name: "e", address: "127.0.0.1:0", filters: ["echo"] }] };
    const sources: ConfigSource[] = [
      { file: put("echo.yaml", echo) },
      { file: put("echo.json", JSON.stringify(value)) },
      { text: echo, name: "t" },
      { value, name: "v" },
    ];
    for (const source of sources) {
      const { config } = await loadConfig(source, { registry: builtinRegistry() });
      expect(config?.listeners.map((listener) => listener.filterChain.filters[0]?.name)).toEqual([
        "envoy.filters.network.echo",
      ]);
    }
  });

  test("sluice.config.ts brings its own filters, resolved beside it", async () => {
    mkdirSync(join(folder, "filters"), { recursive: true });
    put("filters/hello.mjs", definition("acme.http.hello"));
    const file = put(
      "sluice.config.ts",
      'const port: number = 0;\nexport default { extensions: ["./filters/hello.mjs"], listeners: [{ address: `127.0.0.1:${port}`, http: { filters: ["hello"], routes: [{ prefix: "/", respond: 200 }] } }] };\n',
    );
    const { config, problems } = await loadConfig({ file }, { registry: builtinRegistry() });
    expect(problems.format()).toBe("");
    expect(config?.extensions.map(({ specifier }) => specifier)).toEqual(["./filters/hello.mjs"]);
    const [listener] = config?.listeners ?? [];
    expect(listener?.filterChain.filters[0]).toMatchObject({
      hcm: { filters: [{ id: "acme.http.hello" }, { id: "envoy.filters.http.router" }] },
    });
  });

  test("problems of a value have paths and no positions", async () => {
    const value = {
      listeners: [{ address: "127.0.0.1:1", http: { routes: [{ prefix: "/", cluster: "webb" }] } }],
      clusters: { web: "127.0.0.1:2" },
    };
    const lines = await problemsOf({ value, name: "config" });
    expect(lines).toBe(
      'config  listeners[0].http.routes[0].cluster  the cluster "webb" is not defined; did you mean "web"?\n1 error\n',
    );
  });

  test("a file that is not there, and one that is no text", async () => {
    expect(await problemsOf({ file: join(folder, "none.yaml") })).toBe(
      "<folder>/none.yaml  the file cannot be read: it does not exist\n1 error\n",
    );
    writeFileSync(join(folder, "binary.yaml"), Buffer.from([0xff, 0xfe, 0x00]));
    expect(await problemsOf({ file: join(folder, "binary.yaml") })).toContain("not UTF-8");
  });

  test("files that the short form names are found beside it, wherever the process runs", async () => {
    put("body.txt", "from a file");
    const file = put(
      "files.yaml",
      "listeners: [{ address: 127.0.0.1:1, http: { routes: [{ prefix: /, respond: { status: 200, file: body.txt } }] } }]\n",
    );
    const { config } = await loadConfig({ file }, { registry: builtinRegistry() });
    const route = { action: { kind: "direct", body: new TextEncoder().encode("from a file") } };
    expect(config?.listeners[0]?.filterChain.filters[0]).toMatchObject({
      hcm: { routeConfig: { virtualHosts: [{ routes: [route] }] } },
    });
  });
});

function definition(id: string): string {
  const marked = `{ [Symbol.for("sluice.definition")]: "http", sdkVersion: "0.1.0", id: "${id}", maturity: "alpha", security: "unknown", config: { type: "object" }, create: () => ({}) }`;
  return `export default ${marked};\n`;
}

describe("too much", () => {
  test("a file of 50 MB is refused before it is read", async () => {
    const file = put("large.yaml", `# ${"x".repeat(50_000_000)}\n`);
    expect(await problemsOf({ file })).toMatch(/large\.yaml {2}the file is larger than \d+ bytes/);
  });

  test("aliases that expand without end are refused", async () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 12; i++) lines.push(`a${i}: &a${i} [${`*a${i - 1}, `.repeat(10)}]`);
    expect(await problemsOf({ text: lines.join("\n"), name: "bomb.yaml" })).toMatch(
      /bomb\.yaml:\d+:\d+ {2}the aliases expand to too much/,
    );
  });

  test("nesting without end is refused", async () => {
    expect(await problemsOf({ text: `listeners: ${"[".repeat(100_000)}`, name: "deep.yaml" })).toContain(
      "deep.yaml:1:",
    );
  });

  test("ten thousand routes and clusters are compiled in a moment", async () => {
    const routes = Array.from({ length: 10_000 }, (_, i) => `        - { path: /r${i}, cluster: c${i % 1000} }`);
    const clusters = Array.from({ length: 1000 }, (_, i) => `  c${i}: 127.0.0.1:${i + 1}`);
    const text = `listeners:\n  - address: 127.0.0.1:1\n    http:\n      routes:\n${routes.join("\n")}\nclusters:\n${clusters.join("\n")}\n`;
    const { config, problems } = await loadConfig({ text, name: "many.yaml" }, { registry: builtinRegistry() });
    expect(problems.format()).toBe("");
    expect(config?.clusters.length).toBe(1000);
  });
});

describe("translation", () => {
  test("the long form of a short one is a file that loads, as YAML and as JSON", async () => {
    for (const format of ["yaml", "json"] as const) {
      const { text, problems } = await translateConfig(
        { text: echo, name: "echo" },
        { registry: builtinRegistry(), format },
      );
      expect(problems.format()).toBe("");
      expect(await problemsOf({ text: text ?? "", name: "long" })).toBe("");
      expect(text).toContain("envoy.extensions.filters.network.echo.v3.Echo");
    }
  });

  test("a wrong configuration has none", async () => {
    const { text, problems } = await translateConfig(
      { text: "listeners: 5", name: "x" },
      { registry: builtinRegistry() },
    );
    expect(text).toBeNull();
    expect(problems.hasErrors).toBe(true);
  });
});

test("what is not supported is an error, or a warning where that is asked for", async () => {
  const text = "static_resources: {}\noverload_manager: {}\n";
  expect(await problemsOf({ text, name: "f" })).toMatch(
    /^f:2:1 {2}overload_manager {2}overload_manager is not supported/,
  );
  expect(await problemsOf({ text, name: "f" }, true)).toMatch(/^f:2:1 {2}overload_manager {2}warning: /);
});
