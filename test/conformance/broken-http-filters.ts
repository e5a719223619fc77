// Filters that break one rule each: a check that does not find its own proves nothing.
import {
  Continue,
  defineHttpFilter,
  type HttpFilter,
  parsedBy,
  Stop,
  StopAndWatermark,
  type FilterContext,
} from "@sluice/sdk";
import type { AnyDefinition } from "@sluice/core/testing";

interface Scratch {
  chunks: Uint8Array[];
  text: string;
  ended: boolean;
}

type Hooks = HttpFilter<Scratch>;

function broken(create: (context: FilterContext) => Hooks): AnyDefinition {
  return defineHttpFilter({
    id: "broken.http.filter",
    maturity: "alpha",
    security: "unknown",
    calls: true,
    config: parsedBy(() => ({})),
    newState: (): Scratch => ({ chunks: [], text: "", ended: false }),
    create: (_config, context) => create(context),
  });
}

/** Each check of the suite by its name, with filters that break its rule. */
export const brokenHttpFilters: Readonly<Record<string, Readonly<Record<string, AnyDefinition>>>> = {
  "any chunking gives the same bytes": {
    "marks each chunk": broken(() => ({
      onResponseData: (data) => (data.length === 0 ? Continue : Buffer.concat([data, Buffer.from("|")])),
    })),
    "decodes each chunk alone": broken(() => ({
      onRequestData: (data) => Buffer.from(Buffer.from(data).toString("utf8")),
    })),
    "counts chunks in a header": broken(() => ({
      onRequestHeaders: (_headers, end) => (end ? Continue : Stop),
      onRequestData(data, end, stream) {
        stream.state.chunks.push(new Uint8Array(data));
        if (!end) return Stop;
        stream.requestHeaders.set("x-chunks", String(stream.state.chunks.length));
        return Continue;
      },
      onRequestTrailers: () => Continue,
    })),
    "loses what comes with the end": broken(() => ({
      onRequestData: (data, end) => (end && data.length < 50 ? new Uint8Array(0) : Continue),
    })),
  },
  "buffers are not kept": {
    "sends views at the end": broken(() => ({
      onResponseData(data, end, { state }) {
        state.chunks.push(data);
        return end ? Buffer.concat(state.chunks) : new Uint8Array(0);
      },
    })),
    "puts a kept view into a header": broken(() => ({
      onRequestHeaders: (_headers, end) => (end ? Continue : Stop),
      onRequestData(data, end, stream) {
        stream.state.chunks.push(data.subarray(0, 1));
        if (end) stream.requestHeaders.set("x-first", Buffer.from(stream.state.chunks[0]!).toString("hex"));
        return end ? Continue : Stop;
      },
      onRequestTrailers: () => Continue,
    })),
  },
  "content-length is the length of what is sent": {
    "doubles the body": broken(() => ({ onResponseData: (data) => Buffer.concat([data, data]) })),
    "drops the request's body": broken(() => ({ onRequestData: () => new Uint8Array(0) })),
  },
  "pauses are honoured": {
    "makes bytes without looking at the watermark": broken(() => ({
      onResponseHeaders(_headers, end, stream) {
        if (end) return;
        const more = (): void => {
          if (stream.state.ended) return;
          stream.response.inject(Buffer.alloc(8192, 0x2e), false);
          stream.setTimer(more, 50);
        };
        stream.setTimer(more, 50);
      },
      onResponseData: (_data, end, { state }) => void (state.ended = end),
    })),
    "pauses and never goes on": broken(() => ({
      onResponseHeaders(_headers, end, stream) {
        if (end) return;
        stream.response.watch({ onAboveHighWatermark: () => stream.response.pause(), onBelowLowWatermark() {} });
      },
    })),
  },
  "what it holds is bounded": {
    "collects the request's chunks": broken(() => ({
      onRequestData(data, end, { state }) {
        state.chunks.push(new Uint8Array(data));
        return end ? Buffer.concat(state.chunks) : new Uint8Array(0);
      },
    })),
    "appends to one buffer": broken(() => ({
      onRequestData(data, end, { state }) {
        state.chunks = [Buffer.concat([...state.chunks, data])];
        return end ? state.chunks[0]! : new Uint8Array(0);
      },
    })),
    "collects the response as text": broken(() => ({
      onResponseData: (data, _end, { state }) => void (state.text += Buffer.from(data).toString("latin1")),
    })),
    "looks for the end of a line that does not come": broken(() => ({
      onResponseData(data, end, { state }) {
        const lines = (state.text + Buffer.from(data).toString("latin1")).split("\n");
        state.text = end ? "" : lines.pop()!;
        return Buffer.from(lines.map((line) => `${line}\n`).join(""), "latin1");
      },
    })),
  },
  "a client may leave at any point": {
    "needs a response when the stream is complete": broken(() => ({
      onStreamComplete: (_info, stream) => void stream.responseHeaders!.status,
    })),
    "needs its upstream's answer when it is destroyed": broken(() => ({
      onResponseData: (_data, end, { state }) => void (state.ended = end),
      onResponseHeaders: (_headers, end, { state }) => void (state.ended = end),
      onDestroy({ state }) {
        if (!state.ended) throw new Error("not yet");
      },
    })),
    "leaves the aborted signal to nobody": broken(() => ({
      onRequestHeaders(_headers, _end, { signal }) {
        void new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("gone"))));
      },
    })),
  },
  "nothing happens after the end": {
    "works on in a timer of its own": broken((context) => ({
      onRequestHeaders(_headers, _end, stream) {
        context.setTimer(() => {
          if (stream.responseHeaders === undefined || stream.state.chunks.length === 0) throw new Error("too late");
        }, 1000);
      },
    })),
    "never stops a timer that it began for a stream": broken((context) => ({
      onRequestHeaders() {
        const again = (): void => void context.setTimer(again, 60_000);
        again();
      },
    })),
    "asks a cluster when the stream is over": broken((context) => ({
      onRequestHeaders() {},
      onDestroy() {
        context.setTimer(() => {
          context.clusters
            .get("late")
            ?.request({ path: "/" })
            .catch(() => {});
        }, 10);
      },
    })),
  },
  "destroy is idempotent": {
    "counts its streams down twice": broken((context) => {
      const active = context.stats.gauge("active");
      return { onRequestHeaders: () => active.inc(), onDestroy: () => active.dec() };
    }),
    "breaks at the second destroy": broken(() => ({
      onRequestHeaders() {},
      onDestroy(stream) {
        stream.state.chunks.push(new Uint8Array(1));
        (stream as { state: unknown }).state = null;
      },
    })),
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
    "starts a timer of Node for each stream": broken(() => ({
      onRequestHeaders: () => void setTimeout(() => {}, 20_000).unref(),
    })),
  },
  "headers stay legal": {
    "copies a decoded path into a header": broken(() => ({
      onRequestHeaders: (headers) => headers.set("x-path", unescape(headers.path)),
    })),
    "tells a client's own words in a reply": broken(() => ({
      onResponseHeaders: (headers, _end, stream) =>
        headers.set("x-agent", unescape(stream.requestHeaders.get("x-forwarded-for") ?? "")),
    })),
  },
  "no input makes it throw": {
    "believes that JSON is JSON": broken(() => ({
      async onRequestHeaders(headers, end, stream) {
        if (end || headers.get("content-type") !== "application/json") return;
        JSON.parse(Buffer.from(await stream.request.body()).toString());
      },
    })),
    "believes that a document is an object": broken(() => ({
      async onResponseHeaders(headers, end, stream) {
        if (end || headers.get("content-type") !== "application/json") return;
        let value: { readonly model?: string };
        try {
          value = JSON.parse(Buffer.from(await stream.response.body()).toString()) as typeof value;
        } catch {
          return;
        }
        headers.set("x-model", value.model ?? "none");
      },
    })),
    "believes that a response has a body": broken(() => ({
      onResponseHeaders(_headers, end) {
        if (end) throw new Error("where is it?");
      },
    })),
  },
};

/** Holds every request for ever: the engine's time-outs end it, and no check may hang on it. */
export const stuck: AnyDefinition = broken(() => ({ onRequestHeaders: () => StopAndWatermark }));
