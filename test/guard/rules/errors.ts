// Error codes: the tables in the sources, the page docs/errors.md, and what the sources use are the same set.
import { isTestCode, isTypeScript, lineOf, type SourceFile } from "../tree.ts";

/** Rows `CODE: "sentence"` of a table in TypeScript. */
export function codesInTable(text: string): Map<string, string> {
  const codes = new Map<string, string>();
  for (const match of text.matchAll(/^\s*(ERR_[A-Z0-9_]+):\s*("(?:[^"\\]|\\.)*")/gm)) {
    codes.set(match[1]!, JSON.parse(match[2]!) as string);
  }
  return codes;
}

/** Rows `| ERR_X | sentence |` of a table in Markdown; more columns may follow. */
export function codesInPage(markdown: string): Map<string, string> {
  const codes = new Map<string, string>();
  for (const match of markdown.matchAll(/^\|\s*`?(ERR_[A-Z0-9_]+)`?\s*\|\s*([^|\n]*?)\s*\|/gm)) {
    codes.set(match[1]!, match[2]!);
  }
  return codes;
}

export function errorPageProblems(table: ReadonlyMap<string, string>, page: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  for (const [code, sentence] of table) {
    const documented = page.get(code);
    if (documented === undefined) problems.push(`docs/errors.md: ${code} is missing`);
    else if (documented !== sentence) problems.push(`docs/errors.md: ${code} says "${documented}", not "${sentence}"`);
  }
  for (const code of page.keys()) {
    if (!table.has(code)) problems.push(`docs/errors.md: ${code} is in no table`);
  }
  return problems;
}

/** Codes that the sources name but no table has, and codes of the tables that no source names. */
export function errorUseProblems(
  files: readonly SourceFile[],
  table: ReadonlyMap<string, string>,
  tablePaths: readonly string[],
): string[] {
  const problems: string[] = [];
  const areas = new Set([...table.keys()].map(areaOf));
  const used = new Set<string>();
  for (const { path, text } of files) {
    if (!isTypeScript(path) || isTestCode(path) || !path.startsWith("packages/")) continue;
    for (const match of text.matchAll(/\bERR_[A-Z0-9_]+\b/g)) {
      const [code] = match;
      if (!table.has(code) && areas.has(areaOf(code))) {
        problems.push(`${path}:${lineOf(text, match.index)}  ${code} is in no table`);
      }
      if (!tablePaths.includes(path) || !new RegExp(`^\\s*${code}:`, "m").test(text) || countOf(text, code) > 1) {
        used.add(code);
      }
    }
  }
  for (const code of table.keys()) if (!used.has(code)) problems.push(`${code} is in a table but nothing uses it`);
  return problems;
}

/** `ERR_CONFIG_TYPE` belongs to `ERR_CONFIG`; Node's own codes (`ERR_HTTP2_…`) belong to no area of ours. */
function areaOf(code: string): string {
  return code.split("_").slice(0, 2).join("_");
}

function countOf(text: string, word: string): number {
  return text.match(new RegExp(`\\b${word}\\b`, "g"))?.length ?? 0;
}
