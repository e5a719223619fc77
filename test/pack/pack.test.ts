// What is published works outside the monorepo: every package is packed, the tarballs are installed into an empty
// project, and that project imports them, type-checks against them and runs the command. Needs the build that
// `npm test` makes first.
import { execFile, type ExecFileException, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const PACKAGES = ["sdk", "filters-l4", "filters-l7", "core"] as const;
const MINUTES = 60_000;
vi.setConfig({ testTimeout: 2 * MINUTES });

interface Packed {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly files: ReadonlyArray<{ readonly path: string; readonly mode: number }>;
}

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const project = realpathSync(mkdtempSync(join(tmpdir(), "sluice-pack-")));
const packed: Packed[] = [];

/** What npm and vitest put around this test; the project must not see it. */
const FOREIGN = /^(npm_(?!config_)|npm_config_(local_)?prefix$|INIT_CWD$|NODE_(OPTIONS|PATH|ENV)$|VITEST|VITE_)/;

/** The Node of this test is first in the path. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !FOREIGN.test(name)));
  return { ...env, PATH: `${dirname(process.execPath)}:${env["PATH"]}`, NO_COLOR: "1" };
}

/** Runs a program in the project. */
function run(program: string, args: readonly string[], cwd = project): Promise<Result> {
  const env = ownEnvironment();
  return new Promise((resolve) => {
    const options = { cwd, env, timeout: 2 * MINUTES, maxBuffer: 1 << 24 };
    execFile(program, args, options, (error: ExecFileException | null, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 255, stdout, stderr });
    });
  });
}

async function succeed(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, cwd);
  expect(code, `${program} ${args.join(" ")}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}

beforeAll(async () => {
  for (const name of PACKAGES) {
    const folder = join(root, "packages", name);
    expect(existsSync(join(folder, "dist/index.js")), `packages/${name} is built (npm run build)`).toBe(true);
    const output = await succeed("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], folder);
    // Some versions of npm print an array, some an object by name.
    packed.push(Object.values(JSON.parse(output) as Record<string, Packed>)[0]!);
  }
  writeFileSync(join(project, "package.json"), '{ "name": "outside", "private": true, "type": "module" }\n');
  const tarballs = packed.map(({ filename }) => join(project, filename.replace(/^@/, "").replace("/", "-")));
  await succeed("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", ...tarballs]);
}, 5 * MINUTES);

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe("the tarballs", () => {
  test.each(PACKAGES)("%s ships its code, its declarations and its licence, and nothing else", (name) => {
    const paths = packed.find((one) => one.name === `@sluice/${name}`)!.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(["package.json", "LICENSE", "dist/index.js", "dist/index.js.map", "dist/index.d.ts"]),
    );
    expect(
      paths.filter(
        (path) => !/^(package\.json|LICENSE|NOTICE|README\.md|assets\/.+|dist\/.+\.(js|js\.map|d\.ts))$/.test(path),
      ),
    ).toEqual([]);
    expect(paths.filter((path) => /\.(test|test-d|bench)\./.test(path))).toEqual([]);
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

  test("runs: worker threads with the built-in filters answer, and SIGTERM ends it with 0", async () => {
    writeFileSync(join(project, "run.yaml"), ANSWERING);
    const proxy = spawn(join(project, "node_modules/.bin/sluice"), ["run", "run.yaml", "--concurrency", "2"], {
      cwd: project,
      env: ownEnvironment(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    onTestFinished(() => void proxy.kill("SIGKILL"));
    const ended = once(proxy, "exit");
    let log = "";
    const isUp = Promise.withResolvers<void>();
    proxy.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes("serves with 2 workers")) isUp.resolve();
    });
    await Promise.race([isUp.promise, ended]);
    const address = /listener front: (127\.0\.0\.1:\d+)/.exec(log)?.[1];
    expect(address, log).toBeDefined();
    const response = await fetch(`http://${address}/`, { headers: { connection: "close" } });
    expect([response.status, response.headers.get("x-served-by"), await response.text()]).toEqual([
      200,
      "sluice",
      "ok",
    ]);
    proxy.kill("SIGTERM");
    expect(await ended, log).toEqual([0, null]);
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
