// Entries sit at the root of dist, so that a chunk finds `worker.js` and `../assets` beside itself whatever file it came from.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { defineConfig } from "tsup";
import { base } from "../../tsup.base.ts";

/** As one file each they load at a fraction of what their own many files cost at every start: 25 ms and 4 MB. Their licences stand in NOTICE. */
const BUNDLED = ["yaml", "commander"];
/** yaml's own build as ES modules, of which what is not used is left out. */
const YAML = join(dirname(createRequire(import.meta.url).resolve("yaml/package.json")), "browser/index.js");

export default defineConfig([
  {
    ...base,
    noExternal: BUNDLED,
    esbuildOptions: (options, context) => {
      base.esbuildOptions?.(options, context);
      options.alias = { yaml: YAML };
    },
    entry: {
      index: "src/index.ts",
      program: "src/cli/program.ts",
      worker: "src/worker/thread.ts",
      isolate: "src/isolate/far/thread.ts",
      testing: "src/testing/index.ts",
      bench: "src/bench/child.ts",
    },
  },
  {
    // The bin must parse on any Node that knows modules, to say that it is too old: no shared chunks, old syntax.
    ...base,
    entry: { cli: "src/cli/main.ts" },
    target: "es2020",
    splitting: false,
    clean: false,
    esbuildPlugins: [
      {
        name: "program-stays-outside",
        setup(build) {
          build.onResolve({ filter: /^\.\/program\.ts$/ }, () => ({ path: "./program.js", external: true }));
        },
      },
    ],
  },
]);
