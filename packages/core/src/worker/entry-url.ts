/**
 * Where a worker thread's code is: built, beside this file's chunk as `worker.js`; run from the sources, in `thread.ts`. A thread inherits the
 * process's options, so that one started with `--conditions=sluice-source` resolves the workspace's packages to their sources too.
 */
export function workerEntry(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "./thread.ts" : "./worker.js", import.meta.url);
}
