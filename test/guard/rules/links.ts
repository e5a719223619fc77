// Links between the pages: every relative link leads to a file or folder, and its anchor to a heading there.
import { posix } from "node:path";
import { lineOf, type SourceFile } from "../tree.ts";

export function linkProblems(files: readonly SourceFile[]): string[] {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const folders = new Set(files.flatMap(({ path }) => ancestorsOf(path)));
  const problems: string[] = [];
  for (const { path, text } of files) {
    if (!path.endsWith(".md")) continue;
    const prose = text.replaceAll(/^```[^]*?^```|`[^`\n]*`/gm, (code) => code.replaceAll(/[^\n]/g, " "));
    for (const match of prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)) {
      const [target = "", anchor] = match[1]!.split("#");
      if (/^[a-z]+:/.test(target)) continue;
      const where = `${path}:${lineOf(prose, match.index)}  ${match[1]}`;
      const resolved = target === "" ? path : posix.join(posix.dirname(path), target).replace(/\/$/, "");
      const page = texts.get(resolved);
      if (page === undefined && !folders.has(resolved)) problems.push(`${where}: leads nowhere`);
      else if (
        anchor !== undefined &&
        page !== undefined &&
        resolved.endsWith(".md") &&
        !headingsOf(page).has(anchor)
      ) {
        problems.push(`${where}: there is no such heading`);
      }
    }
  }
  return problems;
}

function ancestorsOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return [".", ...parts.map((_, index) => parts.slice(0, index + 1).join("/"))];
}

/** Anchors as the usual Markdown renderers make them. */
function headingsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of markdown.matchAll(/^#{1,6}\s+(.+?)\s*$/gm)) {
    const anchor = heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-");
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}
