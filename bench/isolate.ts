/**
 * What a hook call costs in a thread of its own (`runtime: worker`), beside the same call inline: `node --conditions=sluice-source bench/isolate.ts`, some twenty seconds.
 * One call at a time, until its verdict is there: that is what is added to a request; and CPU time of both threads together, alone and with 32 streams at once.
 * Target: at most 60 µs added at p50, headers only.
 */
import { performance } from "node:perf_hooks";
import type { HttpFilter, HttpStream } from "@sluice/sdk";
import { workerRuntimeDefaults } from "../packages/core/src/config/runtime-model.ts";
import { HeaderField } from "../packages/core/src/http/headers/field.ts";
import { RequestHeaderMap } from "../packages/core/src/http/headers/header-map.ts";
import { isolate } from "../packages/core/src/isolate/isolate.ts";
import type { AnyHttpFilterDefinition } from "../packages/core/src/registry/registry.ts";
import { isolateHost } from "./lib/isolate-host.ts";
import { plain } from "./lib/isolated-filter.ts";

const TARGET_US = 60;
const WARM_UP = 4000;
const ROUNDS = 9;
const CALLS = 3000;
const TOGETHER = 32;

const FIELDS = [
  ["accept", "text/html,application/xhtml+xml"],
  ["accept-encoding", "gzip, deflate, br"],
  ["accept-language", "en"],
  ["cache-control", "max-age=0"],
  ["cookie", "session=0123456789abcdef; theme=dark"],
  ["content-type", "application/json"],
  ["content-length", "70"],
  ["referer", "http://test.example/some/page"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64)"],
  ["x-forwarded-for", "192.0.2.7"],
  ["x-forwarded-proto", "http"],
  ["x-request-id", "7f1d9c52-2f6d-4a7e-9a55-6d3f35a9c001"],
].map(([name, value]) => new HeaderField(name!, value!));

type Hooks = HttpFilter<unknown, unknown>;
type Call = (hooks: Hooks, stream: HttpStream) => unknown;

/** As much of the engine's handle as the runtime touches; bench/run.ts measures the rest. */
class BenchStream {
  state: unknown;
  readonly requestSeen = true;
  readonly slot = { slot: 0 };
  readonly stream = {
    over: false,
    requestFlow: { inert: false, findHold: () => null },
    requestHeaders: new RequestHeaderMap("GET", "/", "test.example", "http"),
    responseHeaders: null,
  };

  constructor(state: unknown) {
    this.state = state;
  }
}

const headersCall: Call = (hooks, stream) => {
  const map = new RequestHeaderMap("POST", "/", "test.example", "http", FIELDS.slice());
  (stream as unknown as BenchStream).stream.requestHeaders = map;
  return hooks.onRequestHeaders!(map, false, stream);
};

function dataCall(bytes: number): Call {
  const data = new Uint8Array(bytes);
  return (hooks, stream) => hooks.onRequestData!(data, false, stream);
}

interface Cost {
  /** Until the verdict, the middle of all calls. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly cpuUs: number;
}

async function round(hooks: Hooks, streams: readonly HttpStream[], call: Call, calls: number): Promise<Cost> {
  const times: number[] = [];
  const before = process.cpuUsage();
  for (let done = 0; done < calls; done += streams.length) {
    const start = performance.now();
    if (streams.length === 1) {
      const verdict = call(hooks, streams[0]!);
      if (verdict instanceof Promise) await verdict;
    } else await Promise.all(streams.map((stream) => call(hooks, stream)));
    times.push((performance.now() - start) * 1000);
  }
  const { user, system } = process.cpuUsage(before);
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)]!;
  return { p50Us: at(0.5), p99Us: at(0.99), cpuUs: (user + system) / calls };
}

/** The best of some rounds: the machine may be shared. */
async function measure(hooks: Hooks, streams: readonly HttpStream[], call: Call): Promise<Cost> {
  await round(hooks, streams, call, WARM_UP);
  let best: Cost = { p50Us: Infinity, p99Us: Infinity, cpuUs: Infinity };
  for (let i = 0; i < ROUNDS; i++) {
    const { p50Us, p99Us, cpuUs } = await round(hooks, streams, call, CALLS);
    best = {
      p50Us: Math.min(best.p50Us, p50Us),
      p99Us: Math.min(best.p99Us, p99Us),
      cpuUs: Math.min(best.cpuUs, cpuUs),
    };
  }
  return best;
}

const CASES: ReadonlyArray<readonly [name: string, call: Call]> = [
  ["headers, 12 of them", headersCall],
  ["data, 70 B", dataCall(70)],
  ["data, 16 KB", dataCall(16_384)],
  ["data, 64 KB", dataCall(65_536)],
];

const definition = plain as unknown as AnyHttpFilterDefinition;
const { host, context } = isolateHost(new URL("./lib/isolated-filter.ts", import.meta.url).href);

const isolated = isolate(definition, workerRuntimeDefaults, host);
const inline = (await definition.create({} as never, context)) as Hooks;
const started = performance.now();
const remote = (await isolated.create({} as never, context)) as Hooks;
const startMs = performance.now() - started;

const streamsOf = (newState: (() => unknown) | undefined, count: number): HttpStream[] =>
  Array.from({ length: count }, () => new BenchStream(newState?.()) as unknown as HttpStream);

const rows: Record<string, Record<string, string>> = {};
let addedUs = 0;
for (const [name, call] of CASES) {
  const here = await measure(inline, streamsOf(undefined, 1), call);
  const there = await measure(remote, streamsOf(isolated.newState, 1), call);
  const together = await measure(remote, streamsOf(isolated.newState, TOGETHER), call);
  if (call === headersCall) addedUs = there.p50Us - here.p50Us;
  rows[name] = {
    "inline, p50 µs": here.p50Us.toFixed(2),
    "worker, p50 µs": there.p50Us.toFixed(1),
    "worker, p99 µs": there.p99Us.toFixed(0),
    "worker, CPU µs": there.cpuUs.toFixed(1),
    [`${TOGETHER} at once, CPU µs a call`]: together.cpuUs.toFixed(1),
  };
}
await remote.dispose?.();

const isMet = addedUs <= TARGET_US;
/* oxlint-disable eslint/no-console -- a program that talks to the terminal */
console.table(rows);
console.log(`a thread is up after ${startMs.toFixed(0)} ms`);
console.log(
  `headers only, added at p50: ${addedUs.toFixed(1)} µs; target ≤ ${TARGET_US} µs: ${isMet ? "met" : "MISSED"}`,
);
if (!isMet) process.exitCode = 1;
