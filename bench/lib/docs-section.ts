/** Puts results into docs/benchmarks.md, between the markers of their section. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const DOCS = join(import.meta.dirname, "../../docs/benchmarks.md");

/** @throws Error where the page has lost the markers. */
export function writeSection(name: string, text: string): void {
  const page = readFileSync(DOCS, "utf8");
  const beginMarker = `<!-- ${name}: begin -->`;
  const begin = page.indexOf(beginMarker);
  const end = page.indexOf(`<!-- ${name}: end -->`);
  if (begin === -1 || end < begin) throw new Error(`docs/benchmarks.md has lost its markers of ${name}`);
  writeFileSync(DOCS, `${page.slice(0, begin + beginMarker.length)}\n\n${text}\n\n${page.slice(end)}`);
}
