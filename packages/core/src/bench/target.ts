/** What the TARGET of `sluice bench` names: a configuration, a package's directory, a file, a built-in filter's id, or an installed package. */
import { readFileSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { resolveModule } from "../config/resolve-module.ts";
import { BenchError, type SubjectModule } from "./types.ts";

export type BenchTarget =
  | { readonly kind: "config"; readonly file: string }
  | {
      readonly kind: "module";
      readonly module: SubjectModule;
      /** The package.json whose `sluice.bench` says with what it is measured; null: none was found. */
      readonly manifest: string | null;
    }
  | { readonly kind: "builtin"; readonly id: string };

const CONFIG_FILES = new Set([".yaml", ".yml", ".json"]);
const MODULE_FILES = new Set([".ts", ".mts", ".js", ".mjs", ".wasm"]);

/** @throws BenchError */
export function findTarget(target: string, directory: string, builtinIds: readonly string[]): BenchTarget {
  const path = resolve(directory, target);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return packageDirectory(target, path);
  if (found !== undefined) return file(target, path);
  if (/^\.{0,2}\//.test(target)) throw new BenchError(`there is no file or directory ${target}`);
  if (builtinIds.includes(target)) return { kind: "builtin", id: target };
  const resolved = resolveModule(target, directory);
  if (!("url" in resolved)) {
    throw new BenchError(
      `${resolved.message}; expected a package's directory, a file, the name of an installed package, the id of a built-in filter, or a configuration`,
    );
  }
  const module = { specifier: target, url: resolved.url };
  return { kind: "module", module, manifest: manifestAbove(fileURLToPath(resolved.url)) };
}

function file(target: string, path: string): BenchTarget {
  const extension = extname(path);
  if (CONFIG_FILES.has(extension) || basename(path).startsWith("sluice.config.")) return { kind: "config", file: path };
  if (!MODULE_FILES.has(extension)) {
    throw new BenchError(
      `${target} is neither a module (${[...MODULE_FILES].join(", ")}) nor a configuration (${[...CONFIG_FILES].join(", ")})`,
    );
  }
  const module = { specifier: target, url: pathToFileURL(path).href };
  return { kind: "module", module, manifest: manifestAbove(path) };
}

/** What its package.json names; its source where that is not built. */
function packageDirectory(target: string, path: string): BenchTarget {
  const manifest = join(path, "package.json");
  const resolved = resolveModule(path, path);
  const source = ["src/index.ts", "index.ts"].map((name) => join(path, name)).find(isFile);
  if (!("url" in resolved) && source === undefined) {
    throw new BenchError(`${target} has nothing to measure: ${resolved.message}, and there is no src/index.ts`);
  }
  const url = "url" in resolved ? resolved.url : pathToFileURL(source!).href;
  return { kind: "module", module: { specifier: target, url }, manifest: isFile(manifest) ? manifest : null };
}

/** @throws BenchError where it is no JSON object. */
export function readManifest(path: string): Readonly<Record<string, unknown>> {
  try {
    const manifest: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof manifest === "object" && manifest !== null) return manifest as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new BenchError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new BenchError(`${path} is no JSON object`);
}

function manifestAbove(path: string): string | null {
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    const manifest = join(directory, "package.json");
    if (isFile(manifest)) return manifest;
    if (directory === dirname(directory)) return null;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
