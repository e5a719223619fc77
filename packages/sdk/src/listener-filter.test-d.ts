/** Types of a listener filter as its author writes it. Checked by the compiler alone. */
import { z } from "zod";
import { Continue, Stop, defineListenerFilter } from "./index.ts";

export const magic = defineListenerFilter({
  id: "acme.listener.magic",
  maturity: "alpha",
  security: "untrusted-downstream",
  config: z.object({ word: z.string() }),
  maxPeekBytes: 64,
  newState: () => ({ looks: 0 }),
  create: (config, context) => {
    const refused = context.stats.counter("refused");
    // @ts-expect-error config has no such key
    config.nothing;
    return {
      async onAccept(connection) {
        connection.state.looks satisfies number;
        // @ts-expect-error the state has no such key
        connection.state.other;
        // @ts-expect-error what is known of the connection is set by methods
        connection.connection.remote = null;
      },
      onPeek(data, connection) {
        connection.state.looks++;
        if (data.length < config.word.length) return Stop;
        if (data[0] === 0) {
          refused.inc();
          connection.close("abort", "no_magic");
        }
        return Continue;
      },
    };
  },
});

export const wrong = defineListenerFilter({
  id: "acme.listener.wrong",
  maturity: "alpha",
  security: "unknown",
  config: { type: "object" },
  create: () => ({
    // @ts-expect-error a listener filter replaces no bytes
    onPeek: (data: Uint8Array) => data,
  }),
});
