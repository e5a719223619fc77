#!/usr/bin/env node
// The bin `sluice`: checks the version of Node, then loads the program. Apart from the program because
// that uses syntax and modules which a too-old Node cannot even parse.
import { unsupportedNode } from "./node-version.ts";

const problem = unsupportedNode(process.versions.node);
if (problem !== null) {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
} else {
  import("./program.ts")
    .then(({ run }) => run(process.argv.slice(2)))
    .then(
      (code) => {
        process.exitCode = code;
      },
      (error: unknown) => {
        process.stderr.write(`sluice: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
        process.exitCode = 70; // EX_SOFTWARE: a bug of ours, never a problem in the user's configuration.
      },
    );
}
