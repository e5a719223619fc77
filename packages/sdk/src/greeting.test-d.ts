/** Types of a filter as its author writes it. Checked by the compiler alone. */
import { z } from "zod";
import { defineHttpFilter, defineNetworkFilter, defineTerminalHttpFilter, parsedBy } from "./index.ts";

export const greeting = defineHttpFilter({
  id: "acme.http.greeting",
  maturity: "alpha",
  security: "untrusted-downstream",
  config: z.object({ header: z.string().default("x-greeting"), value: z.string() }),
  routeConfig: z.object({ value: z.string() }),
  newState: () => ({ count: 0 }),
  create: (config, context) => {
    const greeted = context.stats.counter("greeted");
    // @ts-expect-error config has no such key
    config.nothing;
    return {
      onRequestHeaders(headers, end, stream) {
        headers.set(config.header, stream.routeConfig?.value ?? config.value);
        stream.state.count += end ? 1 : 0;
        // @ts-expect-error the state has no such key
        stream.state.other;
        // @ts-expect-error a non-terminal filter makes no response
        stream.sendHeaders;
        greeted.inc();
      },
    };
  },
});

export const terminal = defineTerminalHttpFilter({
  id: "acme.http.teapot",
  maturity: "alpha",
  security: "unknown",
  config: parsedBy((value) => ({ seen: value !== null })),
  create: (config) => ({
    onRequestHeaders(_headers, _end, stream) {
      config.seen satisfies boolean;
      stream.sendHeaders(stream.newResponse(418), true);
    },
  }),
});

export const network = defineNetworkFilter({
  id: "acme.network.count",
  maturity: "alpha",
  security: "unknown",
  config: { type: "object" },
  newState: () => ({ bytes: 0 }),
  create: () => ({
    onData(data, _end, connection) {
      connection.state.bytes += data.length;
    },
  }),
});
