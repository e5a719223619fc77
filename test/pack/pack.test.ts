// What is published works outside the monorepo: every package is packed, the tarballs are installed into an empty
// project, and that project imports them, type-checks against them and runs the command. Needs the build that
// `npm test` makes first.
import { cpSync, existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { within } from "../support/eventually.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import type { Result } from "../support/stranger.ts";
import { Outside, PACKAGES, root } from "./world.ts";

const MINUTES = 60_000;
vi.setConfig({ testTimeout: 2 * MINUTES });

const outside = new Outside();
const { project, packed } = outside;
beforeAll(() => outside.install(), 5 * MINUTES);
afterAll(() => outside.remove());

const run = (program: string, args: readonly string[]): Promise<Result> => outside.run(program, ...args);
const succeed = (program: string, args: readonly string[]): Promise<string> => outside.succeed(program, ...args);

const SHIPPED = /^(package\.json|LICENSE|NOTICE|README\.md|(assets|wit)\/.+|dist\/.+\.(js|js\.map|d\.ts))$/;

describe("the tarballs", () => {
  test.each(PACKAGES)("%s ships its code, its declarations and its licence, and nothing else", (name) => {
    const paths = packed[PACKAGES.indexOf(name)]!.files.map(({ path }) => path);
    const entry = name === "create-sluice-filter" ? "cli" : "index";
    expect(paths).toEqual(
      expect.arrayContaining(["package.json", "LICENSE", "README.md", `dist/${entry}.js`, `dist/${entry}.js.map`]),
    );
    expect(entry === "cli" || paths.includes("dist/index.d.ts")).toBe(true);
    expect(paths.filter((path) => !SHIPPED.test(path))).toEqual([]);
    expect(paths.filter((path) => /\.(test|test-d|bench)\.(?!ts\.tmpl$)/.test(path))).toEqual([]);
  });

  test("every path that a package.json names is in its tarball, but for the sources", () => {
    for (const { name, files } of packed) {
      const manifest = JSON.parse(
        readFileSync(join(project, "node_modules", name, "package.json"), "utf8"),
      ) as Manifest;
      const named = [
        ...Object.values(manifest.bin ?? {}),
        ...Object.values(manifest.exports).flatMap((target) =>
          typeof target === "string" ? [target] : [target["types"]!, target["default"]!],
        ),
      ];
      const shipped = new Set(files.map(({ path }) => `./${path}`));
      expect(
        named.filter((path) => !shipped.has(path)),
        name,
      ).toEqual([]);
    }
  });
});

interface Manifest {
  readonly bin?: Record<string, string>;
  readonly exports: Record<string, string | Record<string, string>>;
}

describe("an empty project that installs them", () => {
  test("has one copy of the sdk, and not that of the monorepo", () => {
    expect(realpathSync(join(project, "node_modules/@sluice/sdk"))).toBe(join(project, "node_modules/@sluice/sdk"));
    for (const name of ["core", "filters-l4", "filters-l7"]) {
      expect(existsSync(join(project, "node_modules/@sluice", name, "node_modules/@sluice")), name).toBe(false);
    }
  });

  test.each([
    ["@sluice/sdk", "defineHttpFilter"],
    ["@sluice/core", "createServer"],
    ["@sluice/filters-l4", "filters"],
    ["@sluice/filters-l7", "filters"],
  ])("imports %s", async (specifier, name) => {
    const script = `const module = await import(${JSON.stringify(specifier)}); console.log(typeof module[${JSON.stringify(name)}]);`;
    expect(await succeed(process.execPath, ["--input-type=module", "-e", script])).toMatch(/^(function|object)\n$/);
  });

  test("imports @sluice/core/testing, and no file beyond the exports", async () => {
    const load = (specifier: string): Promise<Result> =>
      run(process.execPath, [
        "--input-type=module",
        "-e",
        `console.log(Object.keys(await import("${specifier}")).length > 0)`,
      ]);
    expect(await load("@sluice/core/testing")).toMatchObject({ code: 0, stdout: "true\n" });
    expect((await load("@sluice/core/dist/worker.js")).stderr).toContain("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });

  test("tests a filter with the kit, under Node's own runner", async () => {
    writeFileSync(join(project, "kit.test.js"), KIT_TEST);
    const { code, stdout, stderr } = await run(process.execPath, ["--test", "--test-reporter=tap", "kit.test.js"]);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/^# pass 12$/m);
  });

  test("type-checks a filter against the declarations", async () => {
    const check = async (value: string): Promise<Result> => {
      writeFileSync(join(project, "filter.ts"), FILTER.replace("VALUE", value));
      writeFileSync(
        join(project, "tsconfig.json"),
        JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files: ["filter.ts"] }),
      );
      return run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "."]);
    };
    expect(await check("config.value")).toEqual({ code: 0, stdout: "", stderr: "" });
    // Types that silently became `any` would accept this too.
    expect((await check("config.valeu")).stdout).toContain("Property 'valeu' does not exist");
  });
});

describe("the command, installed", () => {
  const sluice = (...args: string[]): Promise<Result> => run(join(project, "node_modules/.bin/sluice"), args);

  /** `sluice run` with two workers. */
  async function start(file: string, config: string): Promise<SluiceProcess> {
    writeFileSync(join(project, file), config);
    const proxy = new SluiceProcess(["run", file, "--concurrency", "2"], "", {
      command: [join(project, "node_modules/.bin/sluice")],
      cwd: project,
      env: outside.stranger.env,
    });
    onTestFinished(() => proxy.kill());
    await within(`${file} is served`, proxy.serves(), MINUTES);
    return proxy;
  }

  test("prints its version, by npx too", async () => {
    const { version } = packed.find(({ name }) => name === "@sluice/core")!;
    expect(await sluice("--version")).toMatchObject({ code: 0, stdout: expect.stringContaining(version) as string });
    expect(await succeed("npx", ["--no-install", "sluice", "--version"])).toContain(version);
  });

  test("validates a configuration, and refuses a bad one with its place", async () => {
    writeFileSync(join(project, "good.yaml"), GOOD);
    expect(await sluice("validate", "good.yaml")).toMatchObject({ code: 0 });
    writeFileSync(join(project, "bad.yaml"), GOOD.replace("max_tokens: 5", "max_tokenz: 5"));
    const refused = await sluice("validate", "bad.yaml");
    expect(refused.code).toBe(1);
    expect(refused.stdout + refused.stderr).toMatch(/bad\.yaml:\d+:\d+.*max_tokenz/);
  });

  test("translates, explains and describes configurations", async () => {
    expect(await sluice("translate", "good.yaml")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("envoy.filters.network.http_connection_manager") as string,
    });
    expect(await sluice("explain", "good.yaml", "--host", "a.example", "--path", "/")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("envoy.filters.http.local_ratelimit") as string,
    });
    const { code, stdout } = await sluice("schema", "good.yaml");
    expect([code, Object.hasOwn(JSON.parse(stdout) as object, "$schema")]).toEqual([0, true]);
  });

  test("measures a built-in filter", async () => {
    const { code, stdout, stderr } = await sluice("bench", BUFFER, "--config", '{"max_request_bytes":9}', ...QUICKLY);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ total: { filter: BUFFER } });
  });

  test("runs: worker threads with the built-in filters answer, and SIGTERM ends it with 0", async () => {
    const proxy = await start("run.yaml", ANSWERING);
    const response = await fetch(`http://127.0.0.1:${proxy.port("front")}/`, { headers: { connection: "close" } });
    const { status, headers } = response;
    expect([status, headers.get("x-served-by"), await response.text()]).toEqual([200, "sluice", "ok"]);
    proxy.signal("SIGTERM");
    expect(await proxy.exited, proxy.err).toBe(0);
  });

  test("runs filters in threads of their own, and components", async () => {
    writeFileSync(join(project, "shout.mjs"), SHOUT);
    cpSync(join(root, "examples/filters/wasm-greeting/wasm/greeting-c.wasm"), join(project, "greeting.wasm"));
    const proxy = await start("runtimes.yaml", RUNTIMES);
    for (let i = 0; i < 3; i++) {
      const { headers } = await fetch(`http://127.0.0.1:${proxy.port("front")}/`);
      expect([headers.get("x-thread"), headers.get("x-greeting"), headers.get("x-far")], proxy.err).toEqual([
        "isolated",
        "hello",
        "hello",
      ]);
    }
  });

  test("on a Node that is too old says so in one sentence", async () => {
    const old = `data:text/javascript,${encodeURIComponent(
      'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.19.5" } });',
    )}`;
    const bin = join(project, "node_modules/@sluice/core/dist/cli.js");
    expect(await run(process.execPath, ["--import", old, bin, "--version"])).toEqual({
      code: 1,
      stdout: "",
      stderr: "sluice needs Node.js 22.19 or newer, but this is Node.js 20.19.5.\n",
    });
    // Syntax that an old Node cannot parse would hide the sentence: nothing newer than ES2020, nothing imported first.
    expect(readFileSync(bin, "utf8")).not.toMatch(/^\s*import\b(?!\()|^\s*(?:export|await)\b|\?\?=|\|\|=|#\w+[ (;]/m);
  });
});

const KIT_TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import { httpFilterConformance, httpHarness } from "@sluice/core/testing";
import { defineHttpFilter } from "@sluice/sdk";

const hello = defineHttpFilter({
  id: "acme.http.hello",
  maturity: "alpha",
  security: "unknown",
  config: { type: "object" },
  create: () => ({ onResponseHeaders: (headers) => headers.set("x-hello", "you") }),
});

test("greets", async () => {
  const harness = await httpHarness(hello);
  assert.equal((await harness.request()).headers["x-hello"], "you");
});

for (const check of httpFilterConformance(hello)) test(check.name, check.run);
`;

const BUFFER = "envoy.filters.http.buffer";
const QUICKLY = ["--rounds", "1", "--json"];

const COMPILER_OPTIONS = {
  target: "es2024",
  lib: ["es2024", "esnext.disposable"],
  module: "nodenext",
  strict: true,
  noEmit: true,
  skipLibCheck: false,
  types: ["node"],
  typeRoots: [join(root, "node_modules/@types")],
};

const FILTER = `import { defineHttpFilter, parsedBy } from "@sluice/sdk";
import "@sluice/core";
import "@sluice/core/testing";
import "@sluice/filters-l4";
import "@sluice/filters-l7";

export default defineHttpFilter({
  id: "acme.http.greeting",
  maturity: "alpha",
  security: "unknown",
  config: parsedBy((value) => ({ value: String(value) })),
  create: (config) => ({
    onRequestHeaders(headers) {
      headers.set("x-greeting", VALUE);
    },
  }),
});
`;

const ANSWERING = `listeners:
  - name: front
    address: 127.0.0.1:0
    http:
      filters:
        - header_mutation:
            mutations:
              response_mutations:
                - append: { header: { key: x-served-by, value: sluice } }
      routes:
        - { prefix: /, respond: { status: 200, body: ok } }
`;

const GOOD = `listeners:
  - address: 127.0.0.1:0
    http:
      filters:
        - local_ratelimit: { token_bucket: { max_tokens: 5, tokens_per_fill: 5, fill_interval: 1s } }
      routes:
        - { prefix: /, cluster: web }
clusters:
  web: { endpoints: ["127.0.0.1:9001"] }
`;

/** Says in which thread it is. */
const SHOUT = `import { isMainThread, resourceLimits } from "node:worker_threads";
import { defineHttpFilter, parsedBy } from "@sluice/sdk";

export default defineHttpFilter({
  id: "acme.http.shout",
  maturity: "alpha",
  security: "unknown",
  portable: true,
  config: parsedBy((value) => value),
  create: () => ({
    onResponseHeaders(headers) {
      headers.set("x-thread", isMainThread ? "main" : resourceLimits.maxOldGenerationSizeMb === 77 ? "isolated" : "worker");
    },
  }),
});
`;

const RUNTIMES = `extensions: ["./shout.mjs", "./greeting.wasm"]
listeners:
  - name: front
    address: 127.0.0.1:0
    http:
      filters:
        - shout: {}
          runtime: { worker: { memory: 77MiB } }
        - wasm-greeting: { value: hello }
        - wasm-greeting: { value: hello, header: x-far }
          name: far
          runtime: worker
      routes:
        - { prefix: /, respond: { status: 200, body: ok } }
`;
