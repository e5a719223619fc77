// The general glue: made once by jco in a child process, kept on disk by digest, and believed only as long as it is what was written.
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { componentDefinition } from "../../packages/core/src/isolate/wasm/component-definition.ts";
import { transpile, withoutDebugLog } from "../../packages/core/src/isolate/wasm/transpile.ts";
import { probe, watComponent } from "./support/components.ts";

function cache(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-wasm-cache-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, "components");
}

const run = (cacheDirectory: string, bytes: Uint8Array = probe()) =>
  transpile(bytes, { cacheDirectory, directory: import.meta.dirname });

test("a component is transpiled once; another one stands beside it", async () => {
  const cacheDirectory = cache();
  const first = await run(cacheDirectory);
  expect(first.isCached).toBe(false);
  expect(await run(cacheDirectory)).toEqual({ ...first, isCached: true });
  expect((await run(cacheDirectory, await watComponent({}))).isCached).toBe(false);
  expect(readdirSync(cacheDirectory)).toHaveLength(2);
  expect(statSync(cacheDirectory).mode & 0o077).toBe(0);
});

test.each([
  ["a script that was changed", "component.js", "export const instantiate = () => {};"],
  ["a module that was cut", "component.core.wasm", "\0asm"],
  ["a manifest that is no JSON", "manifest.json", "{"],
  ["a manifest that names no file", "manifest.json", '{"imports":[],"files":{}}'],
])("%s is made anew", async (_what, file, content) => {
  const cacheDirectory = cache();
  const { script } = await run(cacheDirectory);
  const path = join(script, "..", file);
  const good = readFileSync(path);
  writeFileSync(path, content);
  expect((await run(cacheDirectory)).isCached).toBe(false);
  expect(readFileSync(path)).toEqual(good);
});

test.each([["nothing"], ["a broken one"]])(
  "three at once, where %s stands, end with one that is whole, and leave nothing else",
  async (what) => {
    const cacheDirectory = cache();
    if (what !== "nothing") writeFileSync((await run(cacheDirectory)).script, "broken");
    const all = await Promise.all([run(cacheDirectory), run(cacheDirectory), run(cacheDirectory)]);
    expect(new Set(all.map(({ script }) => script)).size).toBe(1);
    expect((await run(cacheDirectory)).isCached).toBe(true);
    expect(readdirSync(cacheDirectory)).toHaveLength(1);
  },
);

test("what jco refuses is one sentence, and nothing is kept", async () => {
  const cacheDirectory = cache();
  const broken = Buffer.from(await watComponent({}));
  broken.fill(0xff, 200, 260);
  await expect(run(cacheDirectory, broken)).rejects.toThrow(/^cannot be transpiled: [^\n]+$/);
  expect(readdirSync(cacheDirectory)).toEqual([]);
});

test("without the transpiler the sentence says what to install; a plain component does not need it", async () => {
  const options = { transpilerBases: [], directory: tmpdir() };
  await expect(componentDefinition(probe(), { ...options, glue: "jco" })).rejects.toThrow(
    "the component needs general glue, which the package @bytecodealliance/jco-transpile makes, and that is not installed: npm install @bytecodealliance/jco-transpile",
  );
  expect((await componentDefinition(probe(), options)).id).toBe("test.http.probe");
});

describe("the line of jco's output that asks for JCO_DEBUG at every step", () => {
  test("is out of what is kept", async () => {
    expect(readFileSync((await run(cache())).script, "utf8")).not.toContain("JCO_DEBUG");
  });

  test("in other words is a failure: somebody has to look", () => {
    expect(() => withoutDebugLog("if (process.env.JCO_DEBUG) console.log(1);")).toThrow("its debug log has changed");
  });
});
