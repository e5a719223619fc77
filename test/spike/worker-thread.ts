/** The far side of the worker runtime: makes the filter and runs its hooks, with a handle that has only what can cross. */
import { parentPort, workerData } from "node:worker_threads";
import {
  Continue,
  type DataVerdict,
  type FilterContext,
  type HttpStream,
  type RequestHeaders,
  type ResponseHeaders,
} from "@sluice/sdk";
import { FarHeaders } from "./edits.ts";
import { greeting, type GreetingFilter, type GreetingRoute, type GreetingState } from "./greeting.ts";
import type { HookCall, HookOutcome, RemoteHook } from "./remote-filter.ts";
import type { FromFar, ToFar, WorkerStart } from "./worker-protocol.ts";

const PORTABLE_HOOKS: readonly RemoteHook[] = [
  "onRequestHeaders",
  "onRequestData",
  "onRequestTrailers",
  "onResponseHeaders",
];

/** Reading anything but `state` and what the filter declares says what cannot be had here, instead of `undefined`. */
class FarStream {
  readonly state: GreetingState;
  reads: readonly (string | undefined)[] = [];

  constructor(state: GreetingState) {
    this.state = state;
  }

  get routeConfig(): GreetingRoute | undefined {
    const value = this.reads[0];
    return value === undefined ? undefined : { value };
  }
}

for (const name of [
  "route",
  "info",
  "metadata",
  "filterState",
  "requestHeaders",
  "responseHeaders",
  "request",
  "response",
  "signal",
]) {
  Object.defineProperty(FarStream.prototype, name, {
    get: () => {
      throw new TypeError(`stream.${name} is not there outside of inline: the filter does not declare it`);
    },
  });
}

const { config, counters } = workerData as WorkerStart;
const post = (message: FromFar, transfer: ArrayBuffer[] = []): void => parentPort!.postMessage(message, transfer);
const slots = new Float64Array(counters);
const names: string[] = [];

function counter(name: string): { inc(amount?: number): void } {
  const slot = names.push(name) - 1;
  return { inc: (amount = 1) => void (slots[slot]! += amount) };
}

const filter = (await greeting.create(config, { stats: { counter } } as unknown as FilterContext)) as GreetingFilter;
const streams = new Map<number, FarStream>();

function farStream(call: HookCall): FarStream {
  let stream = streams.get(call.stream);
  if (stream === undefined) streams.set(call.stream, (stream = new FarStream(greeting.newState!())));
  stream.reads = call.reads;
  return stream;
}

function run(call: HookCall, map: FarHeaders): DataVerdict | Promise<DataVerdict> {
  const stream = farStream(call) as unknown as HttpStream<GreetingState, GreetingRoute>;
  switch (call.hook) {
    case "onRequestHeaders":
      return filter.onRequestHeaders!(map as RequestHeaders, call.end, stream);
    case "onRequestData":
      return filter.onRequestData!(call.data!, call.end, stream);
    case "onRequestTrailers":
      return filter.onRequestTrailers!(map, stream);
    case "onResponseHeaders":
      return filter.onResponseHeaders!(map as ResponseHeaders, call.end, stream);
  }
}

function outcomeOf(verdict: DataVerdict, map: FarHeaders): HookOutcome {
  const { edits } = map;
  if (verdict instanceof Uint8Array) return { verdict: Continue, reply: null, data: verdict, edits };
  if (typeof verdict === "object") return { verdict: Continue, reply: verdict, data: null, edits };
  return { verdict: verdict ?? Continue, reply: null, data: null, edits };
}

async function answer(id: number, call: HookCall): Promise<void> {
  try {
    const map = new FarHeaders(call.fields ?? []);
    const outcome = outcomeOf(await run(call, map), map);
    post({ kind: "outcome", id, outcome });
  } catch (error) {
    post({ kind: "failure", id, message: error instanceof Error ? error.message : String(error) });
  }
}

parentPort!.on("message", (message: ToFar) => {
  if (message.kind === "destroy") streams.delete(message.stream);
  else void answer(message.id, message.call);
});
post({ kind: "ready", hooks: PORTABLE_HOOKS.filter((hook) => filter[hook] !== undefined), counters: names });
