// Which module may import which: filters-* → sdk ← core, core/src/cli → filters-*, examples → sdk. Also that a
// published file imports only what its package.json declares, and that no import reaches into another package.
import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { isTestCode, isTypeScript, lineOf, type SourceFile } from "../tree.ts";

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

// Statements are found at the start of a line, where the formatter puts them, so that text in comments does not count.
const STATEMENT = /^(?:import|export)\b[^;'"`]*?\bfrom\s*["']([^"']+)["']|^import\s*["']([^"']+)["']/gm;
// Dynamic imports and import types stand anywhere in a line that is no comment.
const EXPRESSION = /^(?!\s*(?:\*|\/\/|\/\*)).*?\bimport\(\s*["']([^"']+)["']/gm;

export function importsOf(text: string): Import[] {
  const found: Import[] = [];
  for (const pattern of [STATEMENT, EXPRESSION]) {
    for (const match of text.matchAll(pattern)) {
      found.push({ specifier: (match[1] ?? match[2])!, line: lineOf(text, match.index) });
    }
  }
  return found;
}

interface Package {
  readonly folder: string;
  readonly name: string;
  readonly exports: ReadonlySet<string>;
  readonly declared: ReadonlySet<string>;
}

interface Manifest {
  readonly name?: string;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

function packagesOf(files: readonly SourceFile[]): Package[] {
  const found: Package[] = [];
  for (const { path, text } of files) {
    if (!/^(packages\/[^/]+|examples\/filters\/[^/]+|bench)\/package\.json$/.test(path)) continue;
    const manifest = JSON.parse(text) as Manifest;
    found.push({
      folder: posix.dirname(path),
      name: manifest.name ?? "",
      exports: new Set(Object.keys(manifest.exports ?? {})),
      declared: new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })),
    });
  }
  return found;
}

export function importProblems(files: readonly SourceFile[]): string[] {
  const packages = packagesOf(files);
  const problems: string[] = [];
  for (const { path, text } of files) {
    if (!isTypeScript(path)) continue;
    const home = packages.find((candidate) => path.startsWith(`${candidate.folder}/`)) ?? null;
    for (const { specifier, line } of importsOf(text)) {
      const problem = problemOf(path, specifier, home, packages);
      if (problem !== null) problems.push(`${path}:${line}  imports ${specifier}: ${problem}`);
    }
  }
  return problems;
}

function problemOf(path: string, specifier: string, home: Package | null, packages: readonly Package[]): string | null {
  if (specifier.startsWith("node:")) {
    return home?.name === "@sluice/sdk" && isPublished(path) ? "the sdk imports nothing" : null;
  }
  if (isBuiltin(specifier)) return `write node:${specifier}`;
  if (specifier.startsWith(".")) return relativeProblem(path, specifier, home, packages);

  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const target = packages.find((candidate) => candidate.name === name);
  if (target !== undefined && specifier !== name && !target.exports.has(`.${specifier.slice(name.length)}`)) {
    return `${name} does not export that path`;
  }
  if (home === null || !isPublished(path)) return null;

  if (home.name === "@sluice/sdk") return "the sdk imports nothing";
  if (name.startsWith("@sluice/") && name !== home.name && name !== "@sluice/sdk") {
    if (home.folder.startsWith("packages/filters-")) return "filters import the sdk alone";
    if (home.folder.startsWith("examples/")) return "examples import the sdk alone";
    if (name.startsWith("@sluice/filters-") && !path.startsWith("packages/core/src/cli/")) {
      return "only core/src/cli may name the filter packages";
    }
  }
  return home.declared.has(name) ? null : `${home.folder}/package.json does not declare ${name}`;
}

/** Sources of a package, without its tests and its build. */
function isPublished(path: string): boolean {
  return (
    /^(packages\/[^/]+\/src|examples\/filters\/[^/]+(?!\/scripts))\//.test(path) &&
    !isTestCode(path) &&
    !path.endsWith(".config.ts")
  );
}

function relativeProblem(
  path: string,
  specifier: string,
  home: Package | null,
  packages: readonly Package[],
): string | null {
  if (home === null || !isPublished(path)) return null;
  const target = posix.join(posix.dirname(path), specifier);
  if (target.startsWith(`${home.folder}/`)) {
    return isPublished(target) || target.endsWith(".json") ? null : "published code imports code that is not";
  }
  const other = packages.find((candidate) => target.startsWith(`${candidate.folder}/`));
  return other === undefined ? "leaves its package" : `reaches into ${other.name}; import it by its name`;
}
