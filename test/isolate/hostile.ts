/** A portable filter that does to its thread what `x-do` of the request says: the faults that the worker runtime is for. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { defineHttpFilter, type FilterContext, type HttpStream, Stop } from "@sluice/sdk";

interface State {
  requests: number;
  what: string;
  done: string;
}
type Stream = HttpStream<State>;

const kept: unknown[] = [];

function loop(): never {
  for (;;);
}

function fillHeap(): never {
  for (;;) kept.push(Array.from({ length: 1000 }, () => ({ kept })));
}

/** The code of what it threw. */
function tried(stream: Stream, act: () => unknown): void {
  try {
    act();
    stream.state.done = "done";
  } catch (error) {
    stream.state.done = (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

const ACTS: Readonly<Record<string, (stream: Stream, context: FilterContext) => unknown>> = {
  loop,
  "loop in a microtask": () => void Promise.resolve().then(loop),
  "loop after an await": async () => {
    await new Promise((resolve) => void setImmediate(resolve));
    loop();
  },
  "loop behind its hook": () => void setImmediate(loop),
  "loop in a timer": (stream) => {
    stream.setTimer(loop, 10);
    return Stop;
  },
  "stand still": () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  heap: fillHeap,
  buffers: () => {
    for (let i = 0; i < 20; i++) kept.push(new Uint8Array(8 * 1024 * 1024).fill(1));
  },
  // oxlint-disable-next-line unicorn/no-process-exit -- one of the faults
  exit: () => process.exit(3),
  "uncaught exception": () =>
    void setImmediate(() => {
      throw new Error("nobody catches this");
    }),
  "uncaught rejection": () => void Promise.reject(new Error("nobody waits for this")),
  stack: () => {
    const deeper = (): number => 1 + deeper();
    return deeper();
  },
  throw: () => {
    throw new Error("thrown in a hook");
  },
  "throw what has no text": () => {
    throw Object.create(null);
  },
  "throw an error that cannot be cloned": () => {
    throw Object.assign(new Error("thrown"), { message: () => {} });
  },
  "measure what is no number": (_stream, context) => context.stats.gauge("size").set(1n as unknown as number),
  "log what cannot be cloned": (_stream, context) => context.logger.info((() => {}) as unknown as string),
  "never settles": () => new Promise<void>(() => {}),
  stop: () => Stop,
  pause: (stream) => void stream.request.pause(),
  "wait for the body": async (stream) => void (await stream.request.body()),
  "give what cannot be cloned": () => ({ kind: "sluice.reply", status: 200, body: () => {} }),
  "metadata that cannot be cloned": (stream) => stream.metadata.set("test", { value: () => {} }),
  "abort heard": (stream, context) => {
    const aborted = context.stats.counter("aborted");
    stream.signal.addEventListener("abort", () => aborted.inc());
    return new Promise<void>(() => {});
  },
  nothing: () => {},
  "read a file": (stream) => tried(stream, () => readFileSync("/etc/hosts")),
  "start a process": (stream) => tried(stream, () => spawnSync("true")),
  // What is not portable.
  route: (stream) => stream.route,
  "undeclared headers": (stream) => stream.requestHeaders,
  "undeclared metadata": (stream) => stream.metadata.get("somebody.else"),
  "undeclared info": (stream) => stream.info.remote,
  entries: (stream) => stream.metadata.entries(),
  "another cluster": (stream) => stream.toCluster("other"),
  "a host": (stream) => {
    stream.info.upstreamOverride = null;
  },
  watermark: (stream) => stream.response.aboveWatermark,
  "buffer limit": (stream) => stream.request.bufferLimit,
  upstream: (stream) => {
    stream.info.upstreamAttempts = 3;
  },
  shared: (_stream, context) => context.shared,
  formats: (_stream, context) => context.formats,
  runtime: (_stream, context) => context.runtime,
  clusters: (_stream, context) => context.clusters,
  "what is not there": (stream) => Reflect.get(stream, "sendHeaders"),
};

export const hostile = defineHttpFilter({
  id: "test.http.hostile",
  maturity: "alpha",
  security: "untrusted-downstream",
  portable: true,
  config: { type: "object" },
  newState: (): State => ({ requests: 0, what: "", done: "" }),
  create: (_config, context) => {
    // Of the thread: a new one begins anew.
    let streams = 0;
    return {
      onRequestHeaders(headers, _end, stream) {
        stream.state.what = headers.get("x-do") ?? "nothing";
        stream.state.requests = ++streams;
        return ACTS[stream.state.what]!(stream, context) as undefined;
      },
      onRequestData(data, _end, stream) {
        stream.state.requests += data.length;
      },
      onResponseHeaders(headers, _end, stream) {
        headers.set("x-state", String(stream.state.requests));
        if (stream.state.done !== "") headers.set("x-done", stream.state.done);
      },
    };
  },
});

/** Refuses in `create` as its configuration says. */
export const refusing = defineHttpFilter({
  id: "test.http.refusing",
  maturity: "alpha",
  security: "untrusted-downstream",
  portable: true,
  config: { type: "object", properties: { how: { type: "string" } } },
  create: async (config) => {
    const { how } = config as { readonly how?: string };
    if (how === "throw") throw new Error("not with this configuration");
    // oxlint-disable-next-line unicorn/no-process-exit -- one of the faults
    if (how === "exit") process.exit(1);
    if (how === "hook") return { onRequestHeader: () => {} } as never;
    return { onRequestHeaders: () => {} };
  },
});

/** Ends its thread when it is asked to; another one does not come up while the process says so. */
export const hanging = defineHttpFilter({
  id: "test.http.hanging",
  maturity: "alpha",
  security: "untrusted-downstream",
  portable: true,
  config: { type: "object" },
  create: async () => {
    if (process.env["SLUICE_TEST_HANG"] === "1") await new Promise(() => {});
    // oxlint-disable-next-line unicorn/no-process-exit -- one of the faults
    return { onRequestHeaders: (headers) => void (headers.get("x-do") === "exit" && process.exit(3)) };
  },
});

/** Tells when it ends. */
export const disposing = defineHttpFilter({
  id: "test.http.disposing",
  maturity: "alpha",
  security: "untrusted-downstream",
  portable: true,
  config: { type: "object" },
  create: (_config, context) => ({
    onRequestHeaders: () => {},
    dispose: async () => {
      await new Promise((resolve) => void setImmediate(resolve));
      context.logger.info("disposed of");
    },
  }),
});

// oxlint-disable-next-line import/no-default-export -- a module of filters, as the registry loads it
export default [hostile, refusing, hanging, disposing];
