// The package.json of every package that is published: complete, and of one mind with the others.
import type { SourceFile } from "../tree.ts";

export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly version?: string;
  readonly description?: string;
  readonly license?: string;
  readonly type?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly publishConfig?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export function publishedManifests(files: readonly SourceFile[]): Map<string, Manifest> {
  const found = new Map<string, Manifest>();
  for (const { path, text } of files) {
    if (!/^packages\/[^/]+\/package\.json$/.test(path)) continue;
    const manifest = JSON.parse(text) as Manifest;
    if (manifest.private !== true) found.set(path, manifest);
  }
  return found;
}

export function manifestProblems(files: readonly SourceFile[]): string[] {
  const problems: string[] = [];
  const paths = new Set(files.map(({ path }) => path));
  const manifests = publishedManifests(files);
  const versions = new Map([...manifests.values()].map(({ name, version }) => [name, version]));
  for (const [path, manifest] of manifests) {
    const folder = path.replace("/package.json", "");
    for (const problem of [
      ...fieldProblems(manifest),
      ...exportProblems(manifest, folder, paths),
      ...rangeProblems(manifest, versions),
    ]) {
      problems.push(`${path}: ${problem}`);
    }
    if (!paths.has(`${folder}/LICENSE`)) problems.push(`${folder}: has no LICENSE to ship`);
  }
  return problems;
}

function fieldProblems(manifest: Manifest): string[] {
  const problems: string[] = [];
  if (!/^\d+\.\d+\.\d+/.test(manifest.version ?? "")) problems.push("has no version");
  if ((manifest.description ?? "").length < 20) problems.push("has no description");
  if (manifest.license !== "Apache-2.0") problems.push("is not under Apache-2.0");
  if (manifest.type !== "module") problems.push("is not ESM");
  if (manifest.engines?.["node"] !== ">=22.19") problems.push('engines.node is not ">=22.19"');
  if (!(manifest.files ?? []).includes("dist")) problems.push("files does not list dist");
  if (manifest.publishConfig?.["access"] !== "public") problems.push('publishConfig.access is not "public"');
  return problems;
}

function exportProblems(manifest: Manifest, folder: string, paths: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  const { exports = {}, bin = {} } = manifest;
  if (exports["."] === undefined && Object.keys(bin).length === 0) problems.push('exports has no "."');
  if (exports["./package.json"] === undefined) problems.push("exports hides package.json");
  for (const [subpath, target] of Object.entries(exports)) {
    if (typeof target === "string") continue;
    const order = Object.keys(target).join(" ");
    if (order !== "sluice-source types default") {
      problems.push(`exports["${subpath}"] has the conditions "${order}", not "sluice-source types default"`);
      continue;
    }
    const source = target["sluice-source"]!.replace("./", `${folder}/`);
    if (!paths.has(source)) problems.push(`exports["${subpath}"] names ${source}, which does not exist`);
    // tsc keeps the tree of src, so the declaration must be where the source says.
    const types = target["sluice-source"]!.replace("./src/", "./dist/").replace(/\.ts$/, ".d.ts");
    if (target["types"] !== types) problems.push(`exports["${subpath}"].types is not ${types}`);
  }
  for (const [command, target] of Object.entries(bin)) {
    if (!target.startsWith("./dist/")) problems.push(`bin ${command} is not in dist`);
  }
  return problems;
}

function rangeProblems(manifest: Manifest, versions: ReadonlyMap<string, string | undefined>): string[] {
  const problems: string[] = [];
  const { name, dependencies = {}, peerDependencies = {} } = manifest;
  if (name === "@sluice/sdk" && Object.keys({ ...dependencies, ...peerDependencies }).length > 0) {
    problems.push("the sdk depends on nothing");
  }
  if (name.startsWith("@sluice/filters-")) {
    if (peerDependencies["@sluice/sdk"] === undefined) problems.push("does not take the sdk as a peer");
    if (dependencies["@sluice/sdk"] !== undefined) problems.push("takes the sdk as a dependency, not as a peer");
  }
  for (const [other, range] of Object.entries({ ...dependencies, ...peerDependencies })) {
    const version = versions.get(other);
    if (version !== undefined && range !== `^${version}`)
      problems.push(`wants ${other} ${range}, but it is ${version}`);
    if (/^(file|link|workspace|git|https?):|^\*$/.test(range)) problems.push(`${other} ${range} cannot be published`);
  }
  return problems;
}
