/**
 * How a bundle's imports are found: local files by the rules of ES modules (no guessed endings), packages from where the importing file
 * stands, both as Node itself would. Packages stay outside: a stand-in module hands their exports through.
 */
import { readFileSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, extname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Loader, OnLoadResult, OnResolveArgs, OnResolveResult, Plugin } from "esbuild";
import { resolveModule } from "../config/resolve-module.ts";

/** What the build found out beside the code. */
export interface PluginFindings {
  /** Called with the path of each local file, before it is read, and of those that are asked for and missing. */
  readonly onFile: (path: string) => void;
  readonly externals: Set<string>;
  importsDynamically: boolean;
}

const EXTERNAL = "sluice-external";
const LOADERS: Readonly<Record<string, Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".json": "json",
};

export function bundlePlugin(findings: PluginFindings): Plugin {
  return {
    name: "sluice-watch",
    setup(build) {
      build.onResolve({ filter: /.*/ }, (args) => resolveImport(args, findings));
      build.onLoad({ filter: /.*/, namespace: EXTERNAL }, ({ path }) => loadExternal(path, findings));
      build.onLoad({ filter: /.*/, namespace: "file" }, ({ path }) => loadFile(path, findings));
    },
  };
}

function resolveImport(args: OnResolveArgs, findings: PluginFindings): OnResolveResult | undefined {
  const { kind, path, importer } = args;
  if (kind === "entry-point") return { path };
  // CommonJS asks for packages itself, when it runs.
  if (kind === "require-call" && !isLocal(path)) return { path, external: true };
  if (path.startsWith("#")) return undefined;
  if (isLocal(path)) return resolveLocal(path, importer, findings);
  if (builtinModules.includes(path.replace(/^node:/, "")) || path.startsWith("node:"))
    return outside(path.startsWith("node:") ? path : `node:${path}`, kind, findings);
  const resolved = resolveModule(path, dirname(importer));
  if ("url" in resolved) {
    if (resolved.url.endsWith(".json")) return { path: fileURLToPath(resolved.url) };
    return outside(resolved.url, kind, findings);
  }
  if (kind !== "dynamic-import") return { errors: [{ text: resolved.message }] };
  // It may never run, or be caught.
  findings.importsDynamically = true;
  return { path, external: true };
}

function isLocal(specifier: string): boolean {
  return /^(?:\.{0,2}\/|file:)/.test(specifier);
}

function resolveLocal(specifier: string, importer: string, findings: PluginFindings): OnResolveResult {
  const path = fileURLToPath(new URL(specifier, pathToFileURL(importer)));
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return { path };
  findings.onFile(path);
  return { errors: [{ text: `there is no file ${specifier}` }] };
}

function outside(url: string, kind: OnResolveArgs["kind"], findings: PluginFindings): OnResolveResult {
  if (kind !== "dynamic-import") return { path: url, namespace: EXTERNAL };
  findings.importsDynamically = true;
  return { path: url, external: true };
}

/** Names are taken from the package itself, so that a missing one is an error with its place. What is not used of them leaves no trace. */
async function loadExternal(url: string, findings: PluginFindings): Promise<OnLoadResult> {
  findings.externals.add(url);
  let names: string[];
  try {
    names = Object.keys((await import(url)) as object);
  } catch (error) {
    return { errors: [{ text: error instanceof Error ? error.message : String(error) }] };
  }
  const lines = [`const take = /* @__PURE__ */ __sluice_external(${JSON.stringify(url)});`];
  for (const [index, name] of names.entries()) {
    const key = JSON.stringify(name);
    lines.push(`const taken${index} = /* @__PURE__ */ take(${key});`, `export { taken${index} as ${key} };`);
  }
  return { contents: lines.join("\n"), loader: "js" };
}

function loadFile(path: string, findings: PluginFindings): OnLoadResult {
  findings.onFile(path);
  const loader = LOADERS[extname(path)];
  if (loader === undefined)
    return { errors: [{ text: `${extname(path)} is no kind of file that modules are made of` }] };
  const text = readFileSync(path, "utf8");
  if (loader === "json" || !text.includes("import.meta")) return { contents: text, loader };
  // On the first line, so that all others keep their numbers.
  const meta = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) };
  return { contents: `var __sluice_meta = ${JSON.stringify(meta)};${text}`, loader };
}
