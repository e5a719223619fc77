/**
 * What jco makes of a component, kept on disk under the digest of the component, of jco's version and of the options. jco runs in a child process, since it leaves 100 MB behind.
 * The cache holds code that this process runs: it belongs to its user alone, and every file is held to the digest that was noted when it was written.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire, findPackageJSON } from "node:module";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { WasmFormatError } from "./byte-reader.ts";

export const TRANSPILER = "@bytecodealliance/jco-transpile";
const OPTIONS = {
  name: "component",
  instantiation: "sync",
  wasiShim: false,
  base64Cutoff: 0,
  minify: false,
  emitTypescriptDeclarations: false,
} as const;
/** Changes when what is done to jco's output does. */
const FORMAT = 1;
const MANIFEST = "manifest.json";
const TIMEOUT_MS = 120_000;
const SETTLE_ATTEMPTS = 5;

export interface Transpiled {
  readonly script: string;
  /** Core modules by the name under which the script asks for them. */
  readonly modules: ReadonlyMap<string, Uint8Array>;
  readonly imports: readonly string[];
  /** Whether it was there already. */
  readonly isCached: boolean;
}

export interface TranspileOptions {
  /** @default `$XDG_CACHE_HOME/sluice/components`, or the same in `~/.cache` */
  readonly cacheDirectory?: string;
  /** The component's: where the transpiler is looked for last. */
  readonly directory: string;
  /** URLs of the modules from whose places it is looked for first. @default this one */
  readonly transpilerBases?: readonly string[];
}

interface Manifest {
  readonly imports: readonly string[];
  /** File → SHA-256. */
  readonly files: Readonly<Record<string, string>>;
}

/** @throws WasmFormatError whose message completes "the component …" */
export async function transpile(component: Uint8Array, options: TranspileOptions): Promise<Transpiled> {
  const transpiler = findTranspiler(options);
  const digest = digestOf(component, transpiler.version, JSON.stringify({ ...OPTIONS, FORMAT }));
  const cache = options.cacheDirectory ?? defaultCacheDirectory();
  const place = join(cache, digest);
  const kept = await readPlace(place);
  if (kept !== null) return { ...kept, isCached: true };
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const work = await mkdtemp(join(cache, "work-"));
  try {
    await run(component, transpiler.url, work);
    await finish(work);
    return { ...(await settle(work, place)), isCached: false };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Moves what was made to its place, unless another process or thread was faster with the same content. */
async function settle(work: string, place: string): Promise<Omit<Transpiled, "isCached">> {
  for (let attempt = 0; attempt < SETTLE_ATTEMPTS; attempt++) {
    await renameUnless(work, place, ["ENOTEMPTY", "EEXIST", "ENOENT"]);
    const settled = await readPlace(place);
    if (settled !== null) return settled;
    await discard(place, `${work}-broken`);
  }
  throw new WasmFormatError(`was transpiled into ${place}, and what stands there is not whole`);
}

/** Takes away in one step what was found broken; back it goes where somebody else has put it right since. */
async function discard(place: string, aside: string): Promise<void> {
  await renameUnless(place, aside, ["ENOENT"]);
  if ((await readPlace(aside)) !== null) await renameUnless(aside, place, ["ENOTEMPTY", "EEXIST"]);
  await rm(aside, { recursive: true, force: true });
}

async function renameUnless(from: string, to: string, codes: readonly string[]): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!codes.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

export function defaultCacheDirectory(): string {
  const base = process.env["XDG_CACHE_HOME"];
  return join(base === undefined || base === "" ? join(homedir(), ".cache") : base, "sluice", "components");
}

function findTranspiler({ directory, transpilerBases = [import.meta.url] }: TranspileOptions): {
  readonly url: string;
  readonly version: string;
} {
  for (const base of [...transpilerBases, pathToFileURL(join(directory, "noop.js")).href]) {
    try {
      const path = createRequire(base).resolve(TRANSPILER);
      const json = findPackageJSON(TRANSPILER, base);
      if (json === undefined) continue;
      const { version } = createRequire(base)(json) as { readonly version: string };
      return { url: pathToFileURL(path).href, version };
    } catch {
      // Not here.
    }
  }
  throw new WasmFormatError(
    `needs general glue, which the package ${TRANSPILER} makes, and that is not installed: npm install ${TRANSPILER}`,
  );
}

/** Arguments: the transpiler's URL, the directory that has the component and gets jco's files and the list of imports, the options. */
const CHILD = `
const [url, work, options] = process.argv.slice(1);
const { readFileSync, writeFileSync } = process.getBuiltinModule("node:fs");
const { basename, join } = process.getBuiltinModule("node:path");
const { transpileBytes } = await import(url);
const { files, imports } = await transpileBytes(readFileSync(join(work, "component.wasm")), JSON.parse(options));
for (const [name, bytes] of Object.entries(files)) writeFileSync(join(work, basename(name)), bytes);
writeFileSync(join(work, "imports.json"), JSON.stringify(imports));
`;

async function run(component: Uint8Array, url: string, work: string): Promise<void> {
  await writeFile(join(work, "component.wasm"), component);
  const args = ["--input-type=module", "-e", CHILD, url, work, JSON.stringify(OPTIONS)];
  try {
    await promisify(execFile)(process.execPath, args, { timeout: TIMEOUT_MS, maxBuffer: 1 << 24, env: {} });
  } catch (error) {
    const { stderr = "", message } = error as { readonly stderr?: string; readonly message: string };
    const reason = /^\s*(?:\w*Error|.*component\w*Error)?:? ?(.+)$/m.exec(stderr.replace(/^.*\n\s*\^+\s*$/m, ""))?.[1];
    throw new WasmFormatError(`cannot be transpiled: ${(reason ?? message).trim().slice(0, 300)}`);
  } finally {
    await rm(join(work, "component.wasm"), { force: true });
  }
}

async function finish(work: string): Promise<void> {
  const imports = JSON.parse(await readFile(join(work, "imports.json"), "utf8")) as string[];
  await rm(join(work, "imports.json"));
  const script = join(work, "component.js");
  await writeFile(script, withoutDebugLog(await readFile(script, "utf8")));
  const files: Record<string, string> = {};
  for (const name of (await readdir(work)).sort()) files[name] = digestOf(await readFile(join(work, name)));
  const manifest: Manifest = { imports, files };
  await writeFile(join(work, MANIFEST), JSON.stringify(manifest));
}

/** Null where there is nothing, or not what the manifest says. */
async function readPlace(place: string): Promise<Omit<Transpiled, "isCached"> | null> {
  try {
    const { imports, files } = JSON.parse(await readFile(join(place, MANIFEST), "utf8")) as Manifest;
    const modules = new Map<string, Uint8Array>();
    let script: string | undefined;
    for (const [name, digest] of Object.entries(files)) {
      const bytes = await readFile(join(place, basename(name)));
      if (digestOf(bytes) !== digest) return null;
      if (name === "component.js") script = join(place, name);
      else modules.set(name, bytes);
    }
    return script === undefined ? null : { script, modules, imports };
  } catch {
    return null;
  }
}

/** In jco's output each step of a call asks `process.env` whether to be logged, which is half of what a call costs. @throws WasmFormatError where it says so in other words */
export function withoutDebugLog(script: string): string {
  if (!script.includes("JCO_DEBUG")) return script;
  const silent = script.replaceAll("if (!globalThis?.process?.env?.JCO_DEBUG) { return; }", "return;");
  if (silent.includes("JCO_DEBUG"))
    throw new WasmFormatError("was transpiled into code that this version does not know: its debug log has changed");
  return silent;
}

function digestOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex");
}
