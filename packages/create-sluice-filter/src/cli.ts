#!/usr/bin/env node
/** `npm create sluice-filter DIR`: the same as `sluice new filter DIR`, by the `sluice` that this package depends on. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const manifest = createRequire(import.meta.url).resolve("@sluice/core/package.json");
const sluice = join(dirname(manifest), "dist/cli.js");
const { status, error } = spawnSync(process.execPath, [sluice, "new", "filter", ...process.argv.slice(2)], {
  stdio: "inherit",
});
if (error !== undefined) process.stderr.write(`create-sluice-filter: ${error.message}\n`);
process.exitCode = status ?? 70;
