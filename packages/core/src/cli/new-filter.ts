/** `sluice new filter DIR`: a filter package to begin with. */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { needsNode } from "../scaffold/path-node.ts";
import { type FilterKind, ScaffoldError, scaffoldFilter } from "../scaffold/scaffold.ts";
import { loadBuiltins } from "./builtin.ts";
import type { Streams } from "./program.ts";

export interface NewFilterFlags {
  readonly kind: FilterKind;
  readonly name?: string;
}

/** Ends with 0, or with 2 and a sentence. */
export async function newFilterCommand(
  directory: string,
  flags: NewFilterFlags,
  { out, err }: Streams,
): Promise<number> {
  try {
    const builtins = (await loadBuiltins()).ids();
    const { name, id, files, checkout } = scaffoldFilter({ ...flags, directory, builtins, bringsNode: needsNode() });
    out(`${name}: the filter ${id}\n\n${files.map((file) => `  ${file}\n`).join("")}\n`);
    const folder = relative(process.cwd(), directory);
    const steps = [
      // What it links to is there only once it is built.
      ...(checkout === null || existsSync(join(checkout, "packages/core/dist/cli.js"))
        ? []
        : [`(cd ${checkout} && npm run build)`]),
      ...(folder === "" ? [] : [`cd ${/\s/.test(folder) ? `"${folder}"` : folder}`]),
      "npm install",
      "npm test",
      `npm start      # then: ${TRY[flags.kind]}`,
    ];
    out(`Next:\n\n${steps.map((step) => `  ${step}\n`).join("")}`);
    return 0;
  } catch (error) {
    if (!(error instanceof ScaffoldError)) throw error;
    err(`sluice: ${error.message}\n`);
    return 2;
  }
}

const TRY: Readonly<Record<FilterKind, string>> = {
  http: "curl -i http://127.0.0.1:10000/",
  network: "curl telnet://127.0.0.1:10000",
  listener: "curl -i http://127.0.0.1:10000/",
};
