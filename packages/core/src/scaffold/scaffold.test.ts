// What a new package is called, where it may stand, and what its files say. That it works: test/scaffold and test/pack.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SDK_VERSION } from "@sluice/sdk";
import { afterAll, describe, expect, test } from "vitest";
import { builtinRegistry } from "../../../../test/config/support/filters.ts";
import { loadConfig } from "../config/index.ts";
import { FILTER_KINDS, ScaffoldError, scaffoldFilter, type ScaffoldOptions } from "./scaffold.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "sluice-new-")));
afterAll(() => rmSync(folder, { recursive: true }));

const make = (options: Partial<ScaffoldOptions> & { readonly directory: string }) =>
  scaffoldFilter({ checkout: null, ...options, directory: join(folder, options.directory) });

const read = (path: string): string => readFileSync(join(folder, path), "utf8");

interface Manifest {
  readonly name: string;
  readonly keywords: readonly string[];
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest = (directory: string): Manifest => JSON.parse(read(`${directory}/package.json`)) as Manifest;

describe.each(FILTER_KINDS)("a package of a filter of kind %s", (kind) => {
  const name = `new-${kind}`;
  const { files } = make({ directory: name, kind });

  test("has source, test, configuration and README, and depends on the sdk as a peer", () => {
    expect(files).toEqual([
      ".gitignore",
      "README.md",
      "package.json",
      "proxy.yaml",
      "src/index.test.ts",
      "src/index.ts",
      "tsconfig.build.json",
      "tsconfig.json",
      "tsup.config.ts",
    ]);
    expect(files.filter((file) => !existsSync(join(folder, name, file)))).toEqual([]);
    const { keywords, peerDependencies, devDependencies, dependencies } = manifest(name);
    expect([keywords, Object.keys(dependencies)]).toEqual([["sluice-filter"], ["zod"]]);
    expect(peerDependencies).toEqual({ "@sluice/sdk": `^${SDK_VERSION}` });
    expect(devDependencies).toMatchObject({ "@sluice/core": `^${SDK_VERSION}`, "@sluice/sdk": `^${SDK_VERSION}` });
  });

  test("leaves no word of a template to be filled in", () => {
    expect(files.filter((file) => /__[A-Z]+__/.test(read(`${name}/${file}`)))).toEqual([]);
  });

  test("its README names every key and every script", () => {
    const readme = read(`${name}/README.md`);
    const keys = read(`${name}/src/index.ts`).matchAll(/^ {2}(\w+): z|^ {2}(\w+): text/gm);
    for (const [, one, other] of keys) expect(readme).toContain(`\`${one ?? other}\``);
    for (const script of Object.keys(manifest(name).scripts).filter((one) => one !== "prepack"))
      expect(readme).toMatch(new RegExp(`npm (run )?${script}\\b`));
  });
});

describe("names", () => {
  test.each([
    ["my-filter", "example.http.my-filter"],
    ["sluice-audit", "example.http.audit"],
    ["@acme/sluice-audit", "acme.http.audit"],
    ["@acme/a.b_c~d", "acme.http.a-b-c-d"],
  ])("%s is the filter %s", (name, id) => {
    expect(make({ directory: id, name })).toMatchObject({ name, id });
    expect(read(`${id}/src/index.ts`)).toContain(`id: "${id}"`);
  });

  test.each([
    ["My-Filter", "is no name for a package"],
    ["my filter", "is no name for a package"],
    [".hidden", "is no name for a package"],
    ["@acme", "is no name for a package"],
    ["node_modules", "is no name for a package"],
    ["x".repeat(215), "is no name for a package"],
    ["http", "is a module of Node"],
    ["vitest", "is a package that a filter uses"],
    ["@sluice/core", "is a package that a filter uses, expected another name, as in --name my-core"],
  ])("%s is refused", (name, message) => {
    expect(() => make({ directory: "refused", name })).toThrow(message);
    expect(existsSync(join(folder, "refused"))).toBe(false);
  });

  // The configuration has to mean the new filter, whatever it is called; "." is a folder with `sluice.source` that imports the sdk of this repository.
  test.each([
    ["http", "router"],
    ["http", "true"],
    ["http", "runtime"],
    ["http", "@acme/1e3"],
    ["network", "echo"],
    ["http", "my-filter"],
  ] as const)("a filter of kind %s that is called %s is meant by its own configuration", async (kind, name) => {
    const registry = builtinRegistry();
    const directory = `named-${kind}-${name.replace(/.*\//, "")}`;
    const { id } = make({ directory, kind, name, builtins: registry.ids() });
    symlinkSync(join(import.meta.dirname, "../../../../node_modules"), join(folder, directory, "node_modules"));
    const { config, problems } = await loadConfig({ file: join(folder, directory, "proxy.yaml") }, { registry });
    expect(problems.format()).toBe("");
    expect(JSON.stringify(config!.listeners)).toContain(`"id":"${id}"`);
  });
});

describe("the folder", () => {
  test("may be empty, or a repository without a file", () => {
    mkdirSync(join(folder, "repository/.git"), { recursive: true });
    expect(make({ directory: "repository" }).files).toHaveLength(9);
  });

  test("is left as it is where something stands in it", () => {
    mkdirSync(join(folder, "full"));
    writeFileSync(join(folder, "full/notes.md"), "");
    expect(() => make({ directory: "full" })).toThrow(
      new ScaffoldError(`the folder ${join(folder, "full")} is not empty`),
    );
    expect(readdirSync(join(folder, "full"))).toEqual(["notes.md"]);
  });

  test("is no file, and in none", () => {
    writeFileSync(join(folder, "file"), "");
    for (const directory of ["file", "file/below"])
      expect(() => make({ directory, name: "x" })).toThrow(`${join(folder, "file")} is a file, expected a folder`);
  });

  test("links to a checkout from where it really is", () => {
    mkdirSync(join(folder, "deep/er"), { recursive: true });
    mkdirSync(join(folder, "checkout/packages"), { recursive: true });
    symlinkSync(join(folder, "deep/er"), join(folder, "short"));
    make({ directory: "short/linked", checkout: join(folder, "checkout") });
    expect(manifest("short/linked").devDependencies).toMatchObject({
      "@sluice/core": "file:../../../checkout/packages/core",
      "@sluice/sdk": "file:../../../checkout/packages/sdk",
    });
  });
});
