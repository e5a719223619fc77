/**
 * What one call of a component's headers hook costs, with 12 headers and all that the host does around it: `node bench/wasm.ts`, some ten seconds. The components are those of
 * examples/filters/wasm-greeting; the same ones by jco's general glue stand beside. Target: 8 µs in C.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RequestHeaderMap } from "../packages/core/src/http/headers/header-map.ts";
import { HeaderField } from "../packages/core/src/http/headers/field.ts";
import { componentDefinition } from "../packages/core/src/isolate/wasm/component-definition.ts";
import type { FilterContext, HttpFilter, HttpStream } from "@sluice/sdk";

const TARGET_US = 8;
const ROUNDS = 7;
const ROUND_MS = 150;
const BATCH = 500;
const HEADERS = [
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
  ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
  ["accept-language", "en-US,en;q=0.5"],
  ["accept-encoding", "gzip, deflate, br, zstd"],
  ["cookie", "session=6f1d9a2c7e; theme=dark; consent=yes"],
  ["referer", "https://www.example.com/articles/2026/november"],
  ["cache-control", "no-cache"],
  ["x-forwarded-for", "203.0.113.7"],
  ["x-forwarded-proto", "https"],
  ["x-request-id", "1f0c9b3e-2a6d-4f58-9a57-6c3f1e0d8b42"],
  ["sec-fetch-mode", "navigate"],
  ["sec-fetch-dest", "document"],
] as const;

type Hooks = HttpFilter<unknown, unknown, HttpStream>;
const cacheDirectory = mkdtempSync(join(tmpdir(), "sluice-bench-wasm-"));
const context = {
  stats: { counter: () => ({ inc() {} }) },
  logger: console,
  clock: { now: () => performance.now() },
} as unknown as FilterContext;
const fields = HEADERS.map(([name, value]) => new HeaderField(name, value));

async function measure(language: "c" | "as", glue: "auto" | "jco"): Promise<Record<string, string>> {
  const path = new URL(`../examples/filters/wasm-greeting/wasm/greeting-${language}.wasm`, import.meta.url).pathname;
  const definition = await componentDefinition(path, { glue, cacheDirectory });
  const hooks = (await definition.create({ header: "x-greeting", value: "hello" }, context)) as unknown as Hooks;
  const stream = { state: definition.newState!(), routeConfig: undefined } as unknown as HttpStream;
  const maps = Array.from(
    { length: BATCH },
    () => new RequestHeaderMap("GET", "/", "www.example.com", "https", [...fields]),
  );
  const bytes = Buffer.alloc(65_536, "x");
  const headers = least(() => {
    for (let i = 0; i < BATCH; i++) void hooks.onRequestHeaders!(maps[i]!, true, stream);
  });
  const data = (size: number): number => {
    const chunk = bytes.subarray(0, size);
    return least(() => {
      for (let i = 0; i < BATCH; i++) void hooks.onRequestData!(chunk, false, stream);
    });
  };
  return {
    component: language === "c" ? "C" : "AssemblyScript",
    glue: glue === "auto" ? "own" : "jco",
    "headers, 12": micros(headers),
    "data, 70 B": micros(data(70)),
    "data, 64 KB": micros(data(65_536)),
    target:
      language === "c" && glue === "auto"
        ? headers <= TARGET_US
          ? `≤ ${TARGET_US} µs: met`
          : `≤ ${TARGET_US} µs: MISSED`
        : "",
  };
}

/** CPU µs for one call, the least of some rounds: the machine is shared. */
function least(batch: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const until = performance.now() + ROUND_MS;
    const before = process.cpuUsage();
    let calls = 0;
    while (performance.now() < until) {
      batch();
      calls += BATCH;
    }
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / calls);
  }
  return best;
}

function micros(value: number): string {
  return `${value.toFixed(2)} µs`;
}

const rows: Record<string, string>[] = [];
for (const language of ["c", "as"] as const)
  for (const glue of ["auto", "jco"] as const) rows.push(await measure(language, glue));
rmSync(cacheDirectory, { recursive: true });
console.table(rows);
