/**
 * Where a module is that a configuration names, by the rules of ES modules with the configuration as parent: relative paths, absolute
 * ones, `file:` URLs, and packages by the `exports` of their package.json. Node offers no such call for a parent of one's choice.
 * Beyond the rules, a path may lead to the folder of a package: that is how one in the making is run, from its source and without a build.
 */
import { readFileSync, statSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { dirname, join, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export type ResolvedModule =
  | { readonly url: string }
  | { readonly message: string; readonly suggestion?: string | undefined };

export function resolveModule(specifier: string, directory: string): ResolvedModule {
  try {
    return resolveAny(specifier, directory);
  } catch (error) {
    // A package.json that is none, a file: URL that names no file.
    return { message: `"${specifier}" cannot be resolved: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function resolveAny(specifier: string, directory: string): ResolvedModule {
  const path = localPath(specifier, directory);
  if (path === undefined) return resolvePackage(specifier, directory);
  if (isFile(path)) return { url: pathToFileURL(path).href };
  return isFolder(path) ? resolveFolder(specifier, path) : { message: `there is no file ${specifier}` };
}

interface Manifest {
  readonly exports?: unknown;
  readonly main?: unknown;
  readonly sluice?: { readonly source?: unknown };
}

/** What the package's `sluice.source` names, else what it exports. */
function resolveFolder(specifier: string, root: string): ResolvedModule {
  const json = join(root, "package.json");
  if (!isFile(json)) return { message: `the folder ${specifier} has no package.json` };
  const manifest = readManifest(json);
  const source = manifest.sluice?.source;
  if (source === undefined) return resolveIn(root, manifest, specifier, ".");
  const path = typeof source === "string" ? resolve(root, source) : undefined;
  if (path === undefined || !path.startsWith(`${root}${sep}`) || !isFile(path)) {
    return {
      message: `sluice.source in ${specifier}/package.json is ${JSON.stringify(source)}, which is no file of the package`,
    };
  }
  return { url: pathToFileURL(path).href };
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, "utf8")) as Manifest;
}

function localPath(specifier: string, directory: string): string | undefined {
  if (specifier.startsWith("file:")) return fileURLToPath(specifier);
  return /^(?:\.{0,2}\/|\.{1,2}$)/.test(specifier) ? resolve(directory, specifier) : undefined;
}

function resolvePackage(specifier: string, directory: string): ResolvedModule {
  const match = /^(@[^/\s]+\/[^/\s]+|[^@./\s][^/\s]*)(\/.+)?$/.exec(specifier);
  if (match === null) return { message: `"${specifier}" is no name of a package and no path` };
  const [, name = "", subpath = ""] = match;
  const json = findPackage(name, directory);
  if (json === undefined) {
    const suggestion = isFile(resolve(directory, specifier)) ? `./${specifier}` : undefined;
    return { message: `the package "${name}" is not installed here`, suggestion };
  }
  return resolveIn(dirname(json), readManifest(json), name, `.${subpath}`, specifier);
}

/** `subpath`: `.` or `./…`; `name`: what the package is called in messages. */
function resolveIn(root: string, manifest: Manifest, name: string, subpath: string, specifier = name): ResolvedModule {
  const target =
    manifest.exports === undefined
      ? legacyTarget(root, manifest.main, subpath.slice(1))
      : exportedTarget(manifest.exports, subpath);
  const path = target === undefined ? undefined : join(root, target);
  if (path !== undefined && path.startsWith(`${root}${sep}`) && isFile(path)) return { url: pathToFileURL(path).href };
  return {
    message:
      target === undefined
        ? `the package "${name}" does not export "${specifier}"`
        : `the package "${name}" lacks its file ${target}`,
  };
}

function findPackage(name: string, directory: string): string | undefined {
  try {
    return findPackageJSON(name, pathToFileURL(join(directory, "noop.js")));
  } catch {
    return undefined;
  }
}

function legacyTarget(root: string, main: unknown, subpath: string): string | undefined {
  if (subpath !== "") return `.${subpath}`;
  const candidates = typeof main === "string" ? [main, `${main}.js`, join(main, "index.js")] : ["index.js"];
  return candidates.find((candidate) => isFile(join(root, candidate)));
}

/** Node's own conditions for `import`, and those that this process was started with (`--conditions`). */
function conditions(): ReadonlySet<string> {
  const given = [...process.execArgv, ...(process.env["NODE_OPTIONS"] ?? "").split(/\s+/)].flatMap((arg) => {
    const match = /^(?:--conditions=|-C=?)(.+)$/.exec(arg);
    return match?.[1] ?? [];
  });
  return new Set(["node", "import", "module-sync", "default", ...given]);
}

/** PACKAGE_EXPORTS_RESOLVE (Node's documentation, "Resolution algorithm"). */
function exportedTarget(exports: unknown, subpath: string): string | undefined {
  const active = conditions();
  const isMap =
    typeof exports === "object" &&
    exports !== null &&
    !Array.isArray(exports) &&
    Object.keys(exports).some((key) => key.startsWith("."));
  if (!isMap) return subpath === "." ? targetOf(exports, active, "") : undefined;
  const map = exports as Readonly<Record<string, unknown>>;
  if (Object.hasOwn(map, subpath) && !subpath.includes("*")) return targetOf(map[subpath], active, "");
  let best: { key: string; star: string } | undefined;
  for (const key of Object.keys(map)) {
    const [before, after] = key.split("*");
    if (
      before === undefined ||
      after === undefined ||
      !subpath.startsWith(before) ||
      !subpath.endsWith(after) ||
      subpath.length < key.length
    )
      continue;
    if (best === undefined || key.length > best.key.length)
      best = { key, star: subpath.slice(before.length, subpath.length - after.length) };
  }
  return best === undefined ? undefined : targetOf(map[best.key], active, best.star);
}

function targetOf(target: unknown, active: ReadonlySet<string>, star: string): string | undefined {
  if (typeof target === "string") return target.startsWith("./") ? target.replaceAll("*", star) : undefined;
  if (Array.isArray(target)) {
    for (const each of target) {
      const found = targetOf(each, active, star);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  for (const [condition, value] of Object.entries((target ?? {}) as object)) {
    if (!active.has(condition)) continue;
    const found = targetOf(value, active, star);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
