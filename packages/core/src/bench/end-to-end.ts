/**
 * With and without the filter through a real proxy: `sluice run` with one worker, an upstream and a load on loopback, in processes of their own.
 * autocannon makes the load; it is an optional peer. The two proxies take turns, in an order that is reversed every second round.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ProxyProcess, startOriginProcess, startProxy } from "./load-processes.ts";
import { type ConfigParts, proxyConfig } from "./proxy-config.ts";
import { spreadOf } from "./statistics.ts";
import {
  BenchError,
  type EndToEndReport,
  type HttpTraffic,
  type LoadResult,
  type Subject,
  type Traffic,
} from "./types.ts";

const CONNECTIONS = 16;
const ROUNDS = 4;
const WARM_UP_S = 1;

export interface EndToEndOptions {
  readonly subject: Subject;
  readonly traffic: Traffic;
  readonly messages: ConfigParts["messages"];
  /** Of each load. */
  readonly seconds: number;
  /** For the proxies' configurations. */
  readonly directory: string;
  readonly onProgress: (text: string) => void;
}

interface Load {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Says before anything is measured why an end-to-end run is not possible. @throws BenchError */
export async function checkEndToEnd(subject: Pick<Subject, "kind">, load = importAutocannon): Promise<void> {
  if (subject.kind !== "http") throw new BenchError("--end-to-end is for HTTP filters: its load speaks HTTP");
  await loadAutocannon(load);
}

export async function runEndToEnd(options: EndToEndOptions): Promise<EndToEndReport> {
  const autocannon = await loadAutocannon();
  const { subject, messages, seconds, directory, onProgress } = options;
  const traffic = options.traffic as HttpTraffic;
  const origin = await startOriginProcess(traffic);
  const proxies: ProxyProcess[] = [];
  try {
    for (const name of ["without", "with"] as const) {
      const file = join(directory, `${name}.json`);
      const filters = name === "with" ? subject : { ...subject, filters: [], modules: [], routes: null };
      writeFileSync(file, JSON.stringify(proxyConfig({ subject: filters, messages, originPort: origin.port })));
      proxies.push(await startProxy(file));
    }
    const loads = [[], []] as [Load[], Load[]];
    for (let round = -1; round < ROUNDS; round++) {
      for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const result = await load(autocannon, traffic, proxies[which]!.port, round < 0 ? WARM_UP_S : seconds);
        // The first round is the warm-up.
        if (round >= 0) loads[which]!.push(result);
      }
      onProgress(`\rend to end: ${Math.max(0, round + 1)} of ${ROUNDS} `);
    }
    onProgress("\r");
    return { without: resultOf(loads[0]), with: resultOf(loads[1]), connections: CONNECTIONS, seconds, rounds: ROUNDS };
  } finally {
    for (const proxy of proxies) proxy.stop();
    origin.stop();
  }
}

type Autocannon = typeof import("autocannon");

async function importAutocannon(): Promise<Autocannon> {
  return (await import("autocannon")).default;
}

async function loadAutocannon(load = importAutocannon): Promise<Autocannon> {
  try {
    return await load();
  } catch {
    throw new BenchError(
      "--end-to-end makes its load with autocannon, which is not installed: npm install --save-dev autocannon",
    );
  }
}

async function load(autocannon: Autocannon, traffic: HttpTraffic, port: number, seconds: number): Promise<Load> {
  const body = Buffer.concat(traffic.requestChunks);
  const result = await autocannon({
    url: `http://127.0.0.1:${port}${traffic.path}`,
    method: traffic.method as "GET",
    headers: Object.fromEntries(traffic.headers),
    ...(body.length === 0 ? {} : { body }),
    connections: CONNECTIONS,
    duration: seconds,
  });
  const { errors, timeouts, latency, requests } = result;
  if (errors + timeouts > 0 || requests.total === 0)
    throw new BenchError(`the load failed: ${errors} errors, ${timeouts} time-outs, ${requests.total} answers`);
  return { requestsPerSecond: requests.total / result.duration, p50Ms: latency.p50, p99Ms: latency.p99 };
}

function resultOf(loads: readonly Load[]): LoadResult {
  return {
    requestsPerSecond: spreadOf(loads.map(({ requestsPerSecond }) => requestsPerSecond)),
    p50Ms: spreadOf(loads.map(({ p50Ms }) => p50Ms)),
    p99Ms: spreadOf(loads.map(({ p99Ms }) => p99Ms)),
  };
}
