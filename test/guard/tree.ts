// The repository as the guards see it: every text file that would be committed. Rules are functions from such files
// to problems, so that each can be shown to fail on files made up in its test.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface SourceFile {
  /** Path from the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export const root: string = fileURLToPath(new URL("../../", import.meta.url));

const IGNORED_FOLDERS = new Set([".git", "node_modules", "dist", "coverage", "results"]);
const TEXT =
  /\.(ts|mts|js|mjs|as|json|ya?ml|md|c|h|wit|proto|sh|txt|cfg|conf)$|(^|\/)(run|LICENSE|NOTICE|\.npmrc|\.gitignore)$/;

let files: readonly SourceFile[] | null = null;

/** Every text file of the repository, read once per test file. */
export function repository(): readonly SourceFile[] {
  files ??= [...walk("")].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return files;
}

function* walk(folder: string): Generator<SourceFile> {
  for (const entry of readdirSync(root + folder, { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!IGNORED_FOLDERS.has(entry.name)) yield* walk(path);
    } else if (entry.isFile() && TEXT.test(path)) {
      yield { path, text: readFileSync(root + path, "utf8") };
    }
  }
}

/** A file made up for a rule's own test. */
export function file(path: string, text = ""): SourceFile {
  return { path, text };
}

export function isTypeScript(path: string): boolean {
  return path.endsWith(".ts") && !path.endsWith(".d.ts");
}

/** Code that is never published: tests, type tests, benchmarks, and what supports them. */
export function isTestCode(path: string): boolean {
  return /\.(test|test-d|bench)\.ts$/.test(path) || path.startsWith("test/") || path.startsWith("bench/");
}

export function lineOf(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < index; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
