/**
 * A new filter package from templates: `assets/scaffold/common` and one folder a kind, with `__WORDS__` to fill in. What it makes installs, tests, builds, is
 * benchmarked and runs as it stands.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SDK_VERSION } from "@sluice/sdk";
import { checkoutOf } from "./checkout.ts";
import { manifestOf, usesPackage } from "./manifest.ts";

export const FILTER_KINDS = ["http", "network", "listener"] as const;
export type FilterKind = (typeof FILTER_KINDS)[number];

export interface ScaffoldOptions {
  /** Where the package comes to stand: missing, or an empty folder (a `.git` is no matter). */
  readonly directory: string;
  /** @default "http" */
  readonly kind?: FilterKind | undefined;
  /** The package's name. @default that of the folder */
  readonly name?: string | undefined;
  /** Whether a Node that is new enough has to come with the package, as the one in the path is not. @default false */
  readonly bringsNode?: boolean | undefined;
  /** Ids of the filters that come with Sluice: the new one's short name must not mean one of them. @default none */
  readonly builtins?: readonly string[] | undefined;
  /** Folder of a checkout of Sluice whose packages the new one links to; null: those of the registry. @default the checkout that this code runs from */
  readonly checkout?: string | null | undefined;
}

export interface Scaffolded {
  readonly name: string;
  readonly id: string;
  /** Relative to the folder, sorted. */
  readonly files: readonly string[];
  /** The checkout that it links to; null: none. */
  readonly checkout: string | null;
}

/** Why there is no new package: one plain sentence. */
export class ScaffoldError extends Error {
  override readonly name = "ScaffoldError";
}

/** npm's rule for new names, without the length. */
const PACKAGE_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const REFUSED_NAMES = new Set(["node_modules", "favicon.ico"]);

/** Writes the package. @throws ScaffoldError; nothing is written then, unless the disk fails half-way */
export function scaffoldFilter(options: ScaffoldOptions): Scaffolded {
  const directory = resolve(options.directory);
  const kind = options.kind ?? "http";
  const name = options.name ?? basename(directory);
  checkName(name);
  const place = checkFolder(directory, options.directory);
  const id = idOf(name, kind);
  const short = id.slice(id.lastIndexOf(".") + 1);
  const isFree = isPlainKey(short) && options.builtins?.includes(`envoy.filters.${kind}.${short}`) !== true;
  const words: Readonly<Record<string, string>> = {
    PACKAGE: name,
    ID: id,
    SHORT: short,
    KEY: isFree ? short : id,
    SDK: SDK_VERSION,
  };
  const files = new Map<string, string>();
  for (const folder of ["common", kind]) collect(join(templates(), folder), "", words, files);
  const checkout = options.checkout === undefined ? checkoutOf(import.meta.url) : options.checkout;
  const links =
    checkout === null
      ? null
      : (dependency: string) => `file:${relative(place, join(realpathSync(checkout), "packages", dependency))}`;
  files.set("package.json", manifestOf({ name, kind, links, bringsNode: options.bringsNode === true }));
  try {
    for (const [path, text] of files) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
  } catch (error) {
    throw new ScaffoldError(`the folder ${options.directory} cannot be written: ${(error as Error).message}`);
  }
  return { name, id, files: [...files.keys()].sort(), checkout };
}

function checkName(name: string): void {
  if (!PACKAGE_NAME.test(name) || name.length > 214 || REFUSED_NAMES.has(name)) {
    throw new ScaffoldError(
      `"${name}" is no name for a package, expected lower case as in my-filter or @acme/my-filter`,
    );
  }
  if (isBuiltin(name) || usesPackage(name)) {
    throw new ScaffoldError(
      `"${name}" is ${isBuiltin(name) ? "a module of Node" : "a package that a filter uses"}, expected another name, as in --name my-${name.replace(/^.*\//, "")}`,
    );
  }
}

/** Where the folder is or will be, without symbolic links: npm takes relative paths from there. @throws ScaffoldError */
function checkFolder(directory: string, written: string): string {
  let there = directory;
  while (!existsSync(there)) there = dirname(there);
  if (!statSync(there).isDirectory())
    throw new ScaffoldError(`${there === directory ? written : there} is a file, expected a folder`);
  if (there === directory && readdirSync(directory).some((entry) => entry !== ".git"))
    throw new ScaffoldError(`the folder ${written} is not empty`);
  return join(realpathSync(there), relative(there, directory));
}

/** Whether YAML and a list of filters take it for the name of a filter. */
function isPlainKey(short: string): boolean {
  return /^[a-z]/.test(short) && !["true", "false", "null", "name", "disabled", "runtime"].includes(short);
}

/** `@acme/sluice-audit` → `acme.http.audit`, `my-filter` → `example.http.my-filter`. */
function idOf(name: string, kind: FilterKind): string {
  const [, scope = "example", own = name] = /^@([^/]+)\/(.+)$/.exec(name) ?? [];
  // Without underscores, so that a header can be called after it.
  const word = (text: string): string => text.replace(/[^a-z0-9-]/g, "-");
  return `${word(scope)}.${kind}.${word(own.replace(/^sluice-(?=.)/, ""))}`;
}

/** Beside the sources, and one folder above what is built. */
function templates(): string {
  for (const up of ["../../assets/scaffold", "../assets/scaffold"]) {
    const path = fileURLToPath(new URL(up, import.meta.url));
    if (existsSync(join(path, "common"))) return path;
  }
  throw new ScaffoldError("the templates are missing from the package @sluice/core");
}

/** A template is named after its file with `.tmpl` behind, so that no tool takes it for a source; `dot-` stands for a dot, which npm leaves out of packages. */
function collect(
  folder: string,
  into: string,
  words: Readonly<Record<string, string>>,
  files: Map<string, string>,
): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const target = join(into, entry.name.replace(/\.tmpl$/, "").replace(/^dot-/, "."));
    if (entry.isDirectory()) collect(path, target, words, files);
    else files.set(target, fill(readFileSync(path, "utf8"), words, path));
  }
}

function fill(text: string, words: Readonly<Record<string, string>>, path: string): string {
  return text.replace(/__([A-Z]+)__/g, (_, word: string) => {
    const value = words[word];
    if (value === undefined) throw new ScaffoldError(`the template ${path} asks for ${word}, which there is not`);
    return value;
  });
}
