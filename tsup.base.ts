// What every package's build shares: JavaScript only (declarations come from `tsc -b`), ESM, dependencies left outside.
import type { Options } from "tsup";
import { builtinModules } from "./tsup.builtins.ts";

export const base: Options = {
  format: ["esm"],
  target: "node22",
  platform: "node",
  dts: false,
  sourcemap: true,
  splitting: true,
  treeshake: false,
  minify: false,
  // Old chunks go; the declarations that `tsc -b` wrote before, and the bin that is built beside, stay.
  clean: ["!**/*.d.ts", "!**/*.d.ts.map", "!cli.js", "!cli.js.map"],
  silent: true,
  esbuildPlugins: [builtinModules],
  esbuildOptions: (options) => {
    // One character beyond ASCII, and V8 keeps the whole file at two bytes a character.
    options.charset = "ascii";
  },
};
