// A process that swaps a filter of some 200 KB again and again and prints its heap after collections: `node swap-process.ts SWAPS`, with --expose-gc.
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import type { Bundler } from "../../../packages/core/src/config/bundler.ts";
import type { ModuleBundle } from "../../../packages/core/src/config/model.ts";
import { WatchedProxy, configOf, filterOf } from "./watched-proxy.ts";

const SWAPS = Number(process.argv[2]);
const LOOK_EVERY = 500;
/** esbuild makes one version in so many, which are its time; the others are that one with another word. */
const BUILD_EVERY = 10;

/** Functions and texts, as filters are made of; all of it is exported, so that nothing is dropped. */
const bulk = Array.from(
  { length: 1200 },
  (_, i) =>
    `export function part${i}(value: number): string {\n  const text = "part ${i} of the filter that is swapped, as long as such texts are";\n  return text.repeat(value) + ${i};\n}\n`,
).join("");

function filter(version: number): string {
  return filterOf(`parts["part" + ("version ${version} of it".length % 1000)](0) && "version ${version} of it"`, {
    imports: 'import { parsedBy } from "@sluice/sdk";\nimport * as parts from "./bulk.ts";',
    // Nothing that costs time and is not the swap's.
    schema: "parsedBy(() => ({}))",
  });
}

let version = 0;
let built: { readonly bundle: ModuleBundle; readonly version: number } | null = null;
const wrapBundler = (bundler: Bundler): Bundler => ({
  missing: () => {},
  async bundle(url) {
    if (built === null || version % BUILD_EVERY === 0) {
      const bundle = (await bundler.bundle(url))!;
      built = { bundle, version };
      return bundle;
    }
    const { bundle } = built;
    const code = bundle.code!.replaceAll(`version ${built.version} of it`, `version ${version} of it`);
    return { ...bundle, code, digest: `${bundle.digest}-${version}` };
  },
});

/**
 * What is in use when nothing is garbage: without what goes only some turns after its last use (finalizers, closed sockets), and without V8's cache of compiled
 * code, which it gives up for room alone.
 */
async function heapUsed(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    await globalThis.gc!({ type: "major", execution: "async", flavor: "last-resort" });
    await turn();
    await wait(10);
  }
  return process.memoryUsage().heapUsed;
}

// No event of the file system asks for a swap of its own.
const timers = { set: () => null, clear: () => {} };
const files = { "proxy.yaml": configOf(), "bulk.ts": bulk, "filter.ts": filter(0) };
await using proxy = await WatchedProxy.start(files, { timers, wrapBundler });
const started = performance.now();
for (version = 1; version <= SWAPS; version++) {
  if (version % BUILD_EVERY === 0) proxy.files.write("filter.ts", filter(version));
  const outcome = await proxy.reload();
  const word = await proxy.word();
  if (outcome !== "applied" || word !== `version ${version} of it`)
    throw new Error(`swap ${version}: ${outcome}, ${word}\n${proxy.lines.join("\n")}`);
  proxy.lines.length = 0;
  if (version % LOOK_EVERY === 0) {
    const ms = Math.round(performance.now() - started);
    const look = { swaps: version, heap: await heapUsed(), ms, bytes: built!.bundle.code!.length };
    process.stdout.write(`${JSON.stringify(look)}\n`);
  }
}
