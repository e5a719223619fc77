/**
 * Finds a cluster's hosts in a JSON file and follows it. An example of a discovery: what is found goes to `update` as it stands there, for that judges it; a file that is
 * gone, half written or wrong is told by `failed`, and the hosts stay as they were.
 */
import { watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { type DiscoveredHost, defineDiscovery } from "@sluice/sdk";
import { z } from "zod";

/** Larger files are none of ours. */
const MOST_BYTES = 16 * 1024 * 1024;

export const fileWatch = defineDiscovery({
  id: "acme.discovery.file-watch",
  maturity: "beta",
  security: "trusted-downstream-and-upstream",
  config: z.strictObject({
    path: z.string().min(1).describe("A JSON file: a list of hosts. Relative to the working directory."),
    poll_ms: z
      .int()
      .min(100)
      .default(5000)
      .describe("The file is looked at so often too, where the system does not tell of changes (network drives)."),
  }),

  async start(context, update) {
    const { config, log, signal, guard, every, failed } = context;
    const file = resolve(config.path);
    const changes = context.stats.counter("changes");
    let last: string | null = null;

    const look = async (): Promise<void> => {
      const text = await readFile(file, { encoding: "utf8", signal });
      if (text === last) return;
      if (text.length > MOST_BYTES) throw new RangeError(`${file} is larger than ${MOST_BYTES} bytes`);
      const hosts = JSON.parse(text) as readonly DiscoveredHost[];
      // What was read is known only now: a file that was half written is looked at again.
      last = text;
      if (!update(hosts)) return;
      changes.inc();
      log.info(`${hosts.length} hosts in ${file}`);
    };

    // The folder, not the file: who replaces a file by another one of its name leaves a watcher of the old one behind.
    const watcher = watch(dirname(file), { persistent: false });
    const name = basename(file);
    watcher.on(
      "change",
      guard((_: string, changed: string | Buffer | null) =>
        changed === null || String(changed) === name ? look() : null,
      ),
    );
    watcher.on("error", failed);
    every(config.poll_ms, look);
    await look().catch(failed);
    return { stop: () => watcher.close() };
  },
});

export default fileWatch;
