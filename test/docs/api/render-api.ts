/** The public declarations of a package as a reference page, and as the snapshot that makes each change of the contract visible in review. */
import { relative } from "node:path";
import { type Declaration, type Section, withoutComments } from "./read-api.ts";

export interface PageOptions {
  readonly title: string;
  readonly intro: string;
  /** Absolute folder of the page: links to sources are relative to it. */
  readonly folder: string;
}

/** Markdown. Declarations of one name (overloads, a value and its type) share a heading. */
export function renderReference(sections: readonly Section[], { title, intro, folder }: PageOptions): string {
  const names = new Set(sections.flatMap(({ declarations }) => declarations.map(({ name }) => name)));
  const lines = [`# ${title}`, "", "<!-- Generated from the docstrings. -->", "", intro, ""];
  for (const { file, title: heading, declarations } of sections) {
    lines.push(`## ${heading}`, "", `[Source](${relative(folder, file)}).`, "");
    for (const [name, same] of byName(declarations)) {
      lines.push(`### ${name}`, "");
      for (const { doc } of same) if (doc !== "") lines.push(renderDoc(doc, names), "");
      lines.push("```ts", ...same.map(({ text }) => text), "```", "");
    }
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

/** One declaration after the other, by name, without comments. */
export function renderSnapshot(sections: readonly Section[]): string {
  const all = sections.flatMap(({ declarations }) => declarations);
  const sorted = all.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return `${sorted.map(({ text }) => withoutComments(text)).join("\n\n")}\n`;
}

function byName(declarations: readonly Declaration[]): Map<string, Declaration[]> {
  const groups = new Map<string, Declaration[]>();
  for (const declaration of declarations) {
    const same = groups.get(declaration.name);
    if (same === undefined) groups.set(declaration.name, [declaration]);
    else same.push(declaration);
  }
  return groups;
}

const TAGS: Readonly<Record<string, string>> = {
  throws: "Throws",
  default: "Default:",
  returns: "Returns",
  param: "Parameter",
  deprecated: "Deprecated:",
};

function renderDoc(doc: string, names: ReadonlySet<string>): string {
  return doc
    .replace(/\{@link ([^}\s]+)\}/g, (_, name: string) =>
      names.has(name) ? `[${name}](#${name.toLowerCase()})` : `\`${name}\``,
    )
    .replace(
      /(^|\s)@(throws|default|returns|param|deprecated)\b/g,
      (_, before: string, tag: string) => `${before === "" ? "" : "\n\n"}**${TAGS[tag]}**`,
    )
    .replaceAll("<", "&lt;")
    .replace(/`[^`]*`/g, (code) => code.replaceAll("&lt;", "<"));
}
