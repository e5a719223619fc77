/** The HTTP cases: what one request costs each proxy, at full load through a kept-alive pool of connections. */
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type CaseResult, type Context, type HttpRow, messageOf, selectPeers } from "../lib/context.ts";
import { fetchOnce } from "../lib/http-client.ts";
import { LARGE_BODY, SMALL_BODY, startGetOrigin, startPostOrigin } from "../lib/origins.ts";
import { cpuSince } from "../lib/process.ts";
import { orderOf, type Started, withPeers } from "../lib/started.ts";
import { median, spread } from "../lib/statistics.ts";
import { type LoadResult, runWrk } from "../lib/wrk.ts";
import { checksumOf } from "../origin/checksum.ts";
import type { RunningPeer } from "../peers/peer.ts";

export interface HttpCase {
  id: string;
  title: string;
  method: "GET" | "POST";
  path: string;
  bodyBytes: number;
  connections: number;
}

const KINDS = [
  { id: "get70", title: "GET, 70-byte answer", method: "GET", path: "/70", bodyBytes: 0 },
  { id: "get64k", title: "GET, 64 KB answer", method: "GET", path: "/64k", bodyBytes: 0 },
  { id: "post16k", title: "POST, 16 KB body", method: "POST", path: "/post", bodyBytes: 16_384 },
] as const;

export const HTTP_CASES: readonly HttpCase[] = KINDS.flatMap((kind) =>
  [32, 512].map((connections) => ({
    ...kind,
    id: `${kind.id}-c${connections}`,
    title: `${kind.title}, ${connections} connections`,
    connections,
  })),
);

const SETTLE_MS = 500;

/** What was measured of one peer, a round at a time. */
class Samples {
  readonly started: Started;
  readonly idleBytes: number;
  readonly cpuUs: number[] = [];
  readonly userUs: number[] = [];
  readonly systemUs: number[] = [];
  readonly loads: LoadResult[] = [];
  readonly errors: string[] = [];

  constructor(started: Started) {
    this.started = started;
    this.idleBytes = started.running.program.residentBytes();
  }

  row(): HttpRow {
    const { peer, running } = this.started;
    return {
      kind: "http",
      peer: peer.id,
      title: peer.title,
      isNodePeer: peer.isNodePeer,
      cpuUs: spread(this.cpuUs),
      userUs: median(this.userUs),
      systemUs: median(this.systemUs),
      requestsPerSecond: spread(this.loads.map((load) => load.requestsPerSecond)),
      p50Us: median(this.loads.map((load) => load.p50Us)),
      p99Us: median(this.loads.map((load) => load.p99Us)),
      idleBytes: this.idleBytes,
      residentBytes: running.program.residentBytes(),
      errors: this.errors.join("; "),
    };
  }
}

export async function runHttpCase(context: Context, httpCase: HttpCase): Promise<CaseResult> {
  const { present, absent } = selectPeers(context, "http");
  const rows: HttpRow[] = [];
  const origin = await (httpCase.method === "GET" ? startGetOrigin(context.directory) : startPostOrigin());
  try {
    await withPeers(
      context,
      present,
      origin.port,
      absent,
      (running) => check(running, httpCase),
      async (started) => {
        await delay(SETTLE_MS);
        const samples = started.map((one) => new Samples(one));
        if (!context.isSmoke) for (const one of samples) await measure(context, httpCase, one, false);
        for (let round = 0; round < context.rounds; round++) {
          for (const one of orderOf(samples, round)) await measure(context, httpCase, one, true);
        }
        await delay(SETTLE_MS);
        rows.push(...samples.map((one) => one.row()));
      },
    );
  } finally {
    await origin.program.stop();
  }
  return { id: httpCase.id, title: `${httpCase.title} (origin: ${origin.name})`, rows, absent };
}

async function measure(context: Context, httpCase: HttpCase, samples: Samples, isCounted: boolean): Promise<void> {
  const { peer, running } = samples.started;
  const { method, path, bodyBytes, connections } = httpCase;
  const before = running.program.cpu();
  try {
    const load = await runWrk({ port: running.port, path, method, bodyBytes, connections, seconds: context.seconds });
    if (load.errors !== "") samples.errors.push(load.errors);
    if (!isCounted) return;
    const used = cpuSince(before, running.program.cpu());
    samples.loads.push(load);
    samples.cpuUs.push((used.userUs + used.systemUs) / load.requests);
    samples.userUs.push(used.userUs / load.requests);
    samples.systemUs.push(used.systemUs / load.requests);
    context.say(
      `  ${peer.id}: ${samples.cpuUs.at(-1)?.toFixed(1)} µs a request, ${Math.round(load.requestsPerSecond)} a second`,
    );
  } catch (error) {
    samples.errors.push(messageOf(error));
  }
}

/** Throws unless the proxy on its way to this case's origin delivers the very bytes, both ways. */
async function check(running: RunningPeer, httpCase: HttpCase): Promise<void> {
  if (httpCase.method === "POST") {
    const body = randomBytes(httpCase.bodyBytes);
    const answer = await fetchOnce(running.port, httpCase.path, body);
    expectAnswer(answer.status, answer.body.toString("latin1"), checksumOf(body));
    return;
  }
  for (const [path, expected] of [
    ["/70", SMALL_BODY],
    ["/64k", LARGE_BODY],
  ] as const) {
    const answer = await fetchOnce(running.port, path);
    expectAnswer(answer.status, answer.body.toString("latin1"), expected);
  }
}

function expectAnswer(status: number, body: string, expected: string): void {
  if (status !== 200) throw new Error(`wrong answer: status ${status}`);
  if (body !== expected)
    throw new Error(`wrong answer: ${body.length} bytes that are not the expected ${expected.length}`);
}
