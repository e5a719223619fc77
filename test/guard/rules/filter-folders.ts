// One filter, one folder, always the same files; and a README that names the filter's id and every configuration key.
import type { StandardSchema } from "@sluice/sdk";
import { isTypeScript, type SourceFile } from "../tree.ts";

export const FILTER_FILES: readonly string[] = [
  "index.ts",
  "config.ts",
  "filter.ts",
  "README.md",
  "config.test.ts",
  "filter.test.ts",
];

/** Folders beside the filters that hold what several of them use. */
const SHARED = new Set(["shared", "common"]);

export interface FilterFolder {
  /** Such as `packages/filters-l7/src/router`. */
  readonly path: string;
  readonly name: string;
  readonly files: ReadonlyMap<string, SourceFile>;
}

export function filterFolders(files: readonly SourceFile[]): FilterFolder[] {
  const folders = new Map<string, Map<string, SourceFile>>();
  for (const file of files) {
    const match = /^(packages\/filters-[^/]+\/src\/([^/]+))\/(.+)$/.exec(file.path);
    if (match === null || SHARED.has(match[2]!)) continue;
    const folder = folders.get(match[1]!) ?? new Map<string, SourceFile>();
    folders.set(match[1]!, folder.set(match[3]!, file));
  }
  return [...folders].map(([path, contents]) => ({ path, name: path.split("/").at(-1)!, files: contents }));
}

export function folderProblems(files: readonly SourceFile[]): string[] {
  const problems: string[] = [];
  for (const folder of filterFolders(files)) {
    for (const name of FILTER_FILES) {
      if (!folder.files.has(name)) problems.push(`${folder.path}: has no ${name}`);
    }
    for (const name of ["config.test.ts", "filter.test.ts"]) {
      const file = folder.files.get(name);
      if (file !== undefined && !/\b(test|it)(\.each|\.for)?\b[^\n]*\(/.test(file.text)) {
        problems.push(`${file.path}: tests nothing`);
      }
    }
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(folder.name)) problems.push(`${folder.path}: is not in kebab-case`);
  }
  for (const { path } of files) {
    if (
      /^packages\/filters-[^/]+\/src\/[^/]+\.ts$/.test(path) &&
      isTypeScript(path) &&
      !/\/index(\.test)?\.ts$/.test(path)
    ) {
      problems.push(`${path}: stands outside a filter's folder`);
    }
  }
  return problems;
}

/** What a definition tells about its configuration (`DefinitionBase` of the sdk). */
export interface Describable {
  readonly id: string;
  readonly messages?: Readonly<Record<string, readonly string[]>>;
  readonly config?: unknown;
  readonly routeConfig?: unknown;
  readonly configJsonSchema?: unknown;
  readonly routeConfigJsonSchema?: unknown;
}

/** The configuration keys of a definition, or null when nothing tells them. */
export function configKeys(definition: Describable): string[] | null {
  const keys = new Set<string>();
  let isTold = false;
  if (definition.messages !== undefined) {
    isTold = true;
    for (const fields of Object.values(definition.messages)) for (const field of fields) keys.add(field);
  }
  const { config, routeConfig, configJsonSchema, routeConfigJsonSchema } = definition;
  for (const schema of [config, routeConfig, configJsonSchema, routeConfigJsonSchema]) {
    const properties =
      (schema as { properties?: unknown; shape?: unknown } | undefined)?.properties ??
      (schema as { shape?: unknown } | undefined)?.shape ??
      (schema as Partial<StandardSchema> | undefined)?.["~standard"]?.jsonSchema?.input({ target: "draft-2020-12" })[
        "properties"
      ];
    if (typeof properties !== "object" || properties === null) continue;
    isTold = true;
    for (const key of Object.keys(properties)) keys.add(key);
  }
  return isTold ? [...keys] : null;
}

export function readmeProblems(folder: string, readme: string, definition: Describable): string[] {
  const problems: string[] = [];
  const named = wordsInCode(readme);
  if (!named.has(definition.id)) problems.push(`${folder}/README.md: does not name the id \`${definition.id}\``);
  if (definition.id.split(".").at(-1) !== folder.split("/").at(-1)!.replaceAll("-", "_")) {
    problems.push(`${folder}: is not named after its id ${definition.id}`);
  }
  const keys = configKeys(definition);
  if (keys === null) {
    problems.push(`${folder}: its definition tells no configuration keys (messages, or properties of a schema)`);
    return problems;
  }
  for (const key of keys) {
    if (!named.has(key)) problems.push(`${folder}/README.md: does not name the configuration key \`${key}\``);
  }
  return problems;
}

/** Words inside inline code, where a reader looks for a key; also the dotted parts of a path such as `token_bucket.max_tokens`. */
function wordsInCode(markdown: string): Set<string> {
  const words = new Set<string>();
  for (const [, code] of markdown.replaceAll(/^```[^]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)) {
    for (const word of code!.split(/[^\w.-]+/)) {
      words.add(word);
      for (const part of word.split(".")) words.add(part);
    }
  }
  return words;
}
