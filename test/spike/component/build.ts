/**
 * Builds the component and its JavaScript into generated/, which is checked in: it needs what the repository does not have.
 * Run: CLANG=clang-19 node test/spike/component/build.ts DIR, where DIR holds node_modules with @bytecodealliance/jco-transpile 0.15.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

interface Tools {
  componentEmbed(options: { binary: Uint8Array; witSource: string; world: string }): Promise<Uint8Array>;
  componentNew(binary: Uint8Array, adapters: []): Promise<Uint8Array>;
}

interface Transpiler {
  transpileBytes(component: Uint8Array, options: object): Promise<{ files: Record<string, Uint8Array> }>;
}

const here = import.meta.dirname;
const generated = join(here, "generated");
const jco = join(resolve(process.argv[2] ?? "."), "node_modules/@bytecodealliance/jco-transpile/dist");
const load = (file: string): Promise<unknown> => import(pathToFileURL(join(jco, file)).href);

const tools = (await load("wasm-tools.js")) as Tools;
const { transpileBytes } = (await load("transpile.js")) as Transpiler;

const work = mkdtempSync(join(tmpdir(), "sluice-component-"));
const core = join(work, "greeting.wasm");
const flags = [
  "--target=wasm32",
  "-O2",
  "-nostdlib",
  "-fno-builtin",
  "-mbulk-memory",
  "-Wall",
  "-Werror",
  "-Wl,--no-entry",
  "-Wl,--strip-all",
];
execFileSync(process.env["CLANG"] ?? "clang-19", [...flags, "-o", core, join(here, "greeting.c")], {
  stdio: "inherit",
});
const binary = readFileSync(core);
rmSync(work, { recursive: true });

const witSource = readFileSync(join(here, "filter.wit"), "utf8");
const embedded = await tools.componentEmbed({ binary, witSource, world: "greeting" });
const component = await tools.componentNew(embedded, []);
const { files } = await transpileBytes(component, {
  name: "greeting",
  instantiation: "sync",
  wasiShim: false,
  base64Cutoff: 0,
  minify: true,
  emitTypescriptDeclarations: false,
});
rmSync(generated, { recursive: true, force: true });
mkdirSync(generated);
for (const [name, bytes] of Object.entries({ ...files, "greeting.component.wasm": component })) {
  writeFileSync(join(generated, name), name.endsWith(".js") ? withoutDebugLog(Buffer.from(bytes).toString()) : bytes);
}

/** Every step of a call asks `process.env` whether to be logged: more than half of what a call costs. */
function withoutDebugLog(script: string): string {
  const silent = script.replace("globalThis?.process?.env?.JCO_DEBUG&&console.debug(...e)", "");
  if (silent === script) throw new Error("the transpiler's output has changed: look for JCO_DEBUG");
  return silent;
}
