/**
 * Turns `import { x } from "node:y"` into `const { x } = process.getBuiltinModule("node:y")`. An ES module's import of a built-in reads
 * every export of it, and so runs each getter behind which Node keeps what few programs need: `fs` loads readline, `crypto` web crypto, `http` fetch.
 */
import { readFile } from "node:fs/promises";

type Plugin = NonNullable<import("tsup").Options["esbuildPlugins"]>[number];

const IMPORT = /^import (\w+|\{[^}]*\}) from ["'](node:[\w/]+)["'];/gm;

export const builtinModules: Plugin = {
  name: "builtin-modules",
  setup(build) {
    build.onLoad({ filter: /\.[jt]s$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replace(IMPORT, toDestructuring),
      loader: path.endsWith(".ts") ? "ts" : "js",
    }));
  },
};

/** On as many lines as it had, so that source maps stay right. */
function toDestructuring(statement: string, names: string, module: string): string {
  const lines = "\n".repeat(statement.split("\n").length - 1);
  const builtin = `globalThis.process.getBuiltinModule("${module}");${lines}`;
  if (!names.startsWith("{")) return `const ${names} = ${builtin}`;
  const values = names
    .slice(1, -1)
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && !name.startsWith("type "))
    .map((name) => name.replace(/ as /, ": "));
  return values.length === 0 ? lines : `const { ${values.join(", ")} } = ${builtin}`;
}
