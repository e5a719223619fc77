// Network filters that break one rule each: a check that does not find its own proves nothing.
import type { AnyDefinition } from "@sluice/core/testing";
import { Continue, defineNetworkFilter, type FilterContext, type NetworkFilter, parsedBy, Stop } from "@sluice/sdk";

interface Scratch {
  chunks: Uint8Array[];
  bytes: number;
}

function broken(create: (context: FilterContext) => NetworkFilter<Scratch>): AnyDefinition {
  return defineNetworkFilter({
    id: "broken.network.filter",
    maturity: "alpha",
    security: "unknown",
    calls: true,
    config: parsedBy(() => ({})),
    newState: (): Scratch => ({ chunks: [], bytes: 0 }),
    create: (_config, context) => create(context),
  });
}

/** Each check of the suite by its name, with filters that break its rule. */
export const brokenNetworkFilters: Readonly<Record<string, Readonly<Record<string, AnyDefinition>>>> = {
  "any chunking gives the same bytes": {
    "frames each chunk": broken(() => ({
      onData: (data) => (data.length === 0 ? Continue : Buffer.concat([Buffer.from([data.length & 0xff]), data])),
    })),
    "looks for a word in each chunk alone": broken(() => ({
      onWrite: (data) => Buffer.from(Buffer.from(data).toString("latin1").replaceAll("hello", "HELLO"), "latin1"),
    })),
    "swallows the half-close": broken(() => ({
      onData(data, end, { state }) {
        state.bytes += data.length === 0 ? 0 : 1;
        return end && state.bytes > 1 ? Stop : Continue;
      },
    })),
  },
  "buffers are not kept": {
    "sends views at the end": broken(() => ({
      onData(data, end, { state }) {
        state.chunks.push(data);
        return end ? Buffer.concat(state.chunks) : new Uint8Array(0);
      },
    })),
  },
  "pauses are honoured": {
    "makes bytes without looking at the watermark": broken(() => ({
      onNewConnection(connection) {
        const more = (): void => {
          connection.write.inject(Buffer.alloc(8192), false);
          connection.setTimer(more, 50);
        };
        connection.setTimer(more, 50);
      },
    })),
    "pauses and never goes on": broken(() => ({
      onNewConnection(connection) {
        connection.read.watch({ onAboveHighWatermark: () => connection.read.pause(), onBelowLowWatermark() {} });
      },
    })),
  },
  "what it holds is bounded": {
    "collects what the client sends": broken(() => ({
      onData(data, end, { state }) {
        state.chunks.push(new Uint8Array(data));
        return end ? Buffer.concat(state.chunks) : new Uint8Array(0);
      },
    })),
    "keeps a copy of what the upstream sends": broken(() => ({
      onWrite: (data, _end, { state }) => void state.chunks.push(new Uint8Array(data)),
    })),
  },
  "a connection may break at any point": {
    "expects that something was said": broken(() => ({
      onData: (data, _end, { state }) => void (state.bytes += data.length),
      onClose({ state }) {
        if (state.bytes === 0) throw new Error("nothing was said");
      },
    })),
    "leaves its own connection open": broken((context) => ({
      onNewConnection() {
        context.clusters.get("late")?.connect({
          onUpstreamConnected() {},
          onUpstreamData() {},
          onUpstreamClose() {},
          onUpstreamWriteHigh() {},
          onUpstreamWriteLow() {},
        });
      },
    })),
  },
  "nothing happens after the end": {
    "works on in a timer of its own": broken((context) => ({
      onClose() {
        context.setTimer(() => {
          throw new Error("too late");
        }, 1000);
      },
    })),
    "never stops a timer that it began for a connection": broken((context) => ({
      onNewConnection() {
        const again = (): void => void context.setTimer(again, 60_000);
        again();
      },
    })),
  },
  "destroy is idempotent": {
    "counts its connections down twice": broken((context) => {
      const active = context.stats.gauge("active");
      return { onNewConnection: () => active.inc(), onClose: () => active.dec() };
    }),
    "breaks at the second dispose": broken(() => {
      let isDisposed = false;
      return {
        dispose() {
          if (isDisposed) throw new Error("disposed already");
          isDisposed = true;
        },
      };
    }),
  },
  "nothing is left after release": {
    "keeps an interval of Node": broken(() => {
      setInterval(() => {}, 100_000).unref();
      return {};
    }),
  },
  "no input makes it throw": {
    "believes a length": broken(() => ({
      onData(data) {
        const match = /^\*(-?\d+)/m.exec(Buffer.from(data).toString("latin1"));
        if (match !== null) Buffer.alloc(Number(match[1]));
      },
    })),
  },
};
