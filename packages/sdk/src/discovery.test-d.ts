// Types of discoveries: what the schema yields is what `context.config` is, and hosts are checked.
import { z } from "zod";
import { defineDiscovery } from "./index.ts";

export const discovery = defineDiscovery({
  id: "acme.discovery.typed",
  maturity: "alpha",
  security: "unknown",
  config: z.object({ port: z.int(), zone: z.string().default("a") }),
  start({ config, every, signal }, update) {
    const port: number = config.port;
    const zone: string = config.zone;
    // @ts-expect-error: the schema has no such key
    void config.nothing;
    update([{ address: `10.0.0.1:${port}`, weight: 2, locality: { zone }, health: "draining" }]);
    // @ts-expect-error: a host has an address
    update([{ weight: 1 }]);
    // @ts-expect-error: no such health
    update([{ address: "10.0.0.1:1", health: "well" }]);
    every(1000, async () => void update([]));
    return { stop: () => void signal.aborted };
  },
});
