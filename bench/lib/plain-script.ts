/**
 * Turns a script of this bench into plain JavaScript before it is measured: Node's own type stripping costs every process some 30 ms
 * and 20 MB, which a proxy that is shipped as JavaScript does not pay.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

const BENCH = join(import.meta.dirname, "..");
/** Below bench/, so that the packages of the Node peers are found from there. */
const OUTPUT = join(BENCH, "results/scripts");

const RELATIVE_IMPORT = /(from ")(\.[^"]+)\.ts(")/g;

/** Writes the script and what it imports by relative paths; returns the JavaScript file. */
export function plainScript(file: string): string {
  const output = join(OUTPUT, relative(BENCH, file).replace(/\.ts$/, ".js"));
  const script = stripTypeScriptTypes(readFileSync(file, "utf8"));
  for (const match of script.matchAll(RELATIVE_IMPORT)) plainScript(resolve(dirname(file), `${match[2]}.ts`));
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, script.replace(RELATIVE_IMPORT, "$1$2.js$3"));
  return output;
}
