/**
 * What one hook call costs in each runtime: `node --expose-gc --conditions=sluice-source test/spike/measure.ts`. Microseconds of CPU
 * time, the least of seven rounds; about half a minute. Without the engine: the hooks are called as it would call them.
 */
import { performance } from "node:perf_hooks";
import type { HttpFilter, HttpStream } from "@sluice/sdk";
import { HeaderField } from "../../packages/core/src/http/headers/field.ts";
import { RequestHeaderMap } from "../../packages/core/src/http/headers/header-map.ts";
import { RUNTIMES, startRuntime } from "./runtimes.ts";
import { CONFIG } from "./scenarios.ts";

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

const headersHook: Call = (hooks, stream) =>
  hooks.onRequestHeaders!(new RequestHeaderMap("POST", "/", "test.example", "http", FIELDS.slice()), false, stream);
const dataHook = (bytes: number): Call => {
  const data = new Uint8Array(bytes);
  return (hooks, stream) => hooks.onRequestData!(data, false, stream);
};

const CALLS: ReadonlyArray<readonly [string, Call]> = [
  ["headers, 12 of them", headersHook],
  ["data, 70 B", dataHook(70)],
  ["data, 16 KB", dataHook(16_384)],
  ["data, 64 KB", dataHook(65_536)],
];

/** `cpuUs` is that of all threads: in the worker runtime of both sides. */
interface Cost {
  readonly wallUs: number;
  readonly cpuUs: number;
}

async function round(hooks: Hooks, streams: readonly HttpStream[], call: Call, calls: number): Promise<Cost> {
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let done = 0; done < calls; done += streams.length) {
    if (streams.length === 1) {
      const verdict = call(hooks, streams[0]!);
      if (verdict instanceof Promise) await verdict;
    } else await Promise.all(streams.map((stream) => call(hooks, stream)));
  }
  const wallUs = ((performance.now() - start) * 1000) / calls;
  const { user, system } = process.cpuUsage(cpu);
  return { wallUs, cpuUs: (user + system) / calls };
}

async function least(hooks: Hooks, streams: readonly HttpStream[], call: Call, calls: number): Promise<Cost> {
  await round(hooks, streams, call, calls / 2);
  let best: Cost = { wallUs: Number.POSITIVE_INFINITY, cpuUs: Number.POSITIVE_INFINITY };
  for (let i = 0; i < 7; i++) {
    const { wallUs, cpuUs } = await round(hooks, streams, call, calls);
    best = { wallUs: Math.min(best.wallUs, wallUs), cpuUs: Math.min(best.cpuUs, cpuUs) };
  }
  return best;
}

const table: Record<string, Record<string, string>> = {};
for (const name of RUNTIMES) {
  await using runtime = await startRuntime(name, CONFIG);
  const streams = Array.from({ length: 32 }, () => ({ state: runtime.newState() }) as HttpStream);
  const calls = name === "worker" ? 4000 : 20_000;
  for (const [what, call] of CALLS) {
    const row = (table[what] ??= {});
    const { wallUs, cpuUs } = await least(runtime.hooks, streams.slice(0, 1), call, calls);
    row[name] = cpuUs.toFixed(2);
    if (name !== "worker") continue;
    row["worker, until the answer"] = wallUs.toFixed(2);
    row["worker, 32 open"] = (await least(runtime.hooks, streams, call, calls)).cpuUs.toFixed(2);
  }
}
// oxlint-disable-next-line eslint/no-console -- a program that talks to the terminal
console.table(table);
