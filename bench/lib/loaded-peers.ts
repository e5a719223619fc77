/** What one request costs each proxy under a saturated load: warmed up, then measured in rounds. The load itself is the case's. */
import { setTimeout as delay } from "node:timers/promises";
import { type Absent, type Context, type HttpRow, messageOf, selectPeers } from "./context.ts";
import type { Origin } from "./origins.ts";
import { cpuSince } from "./process.ts";
import { orderOf, type Started, withPeers } from "./started.ts";
import { median, spread } from "./statistics.ts";
import type { LoadResult } from "./wrk.ts";
import type { Protocol, RunningPeer } from "../peers/peer.ts";

export interface LoadedCase {
  protocol: Protocol;
  startOrigin: (context: Context) => Promise<Origin>;
  /** Throws unless the proxy on its way to the origin delivers the very bytes. */
  check: (running: RunningPeer) => Promise<void>;
  load: (running: RunningPeer, seconds: number) => Promise<LoadResult>;
}

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

export interface LoadedPeers {
  rows: HttpRow[];
  absent: Absent[];
  originName: string;
}

export async function measureLoadedPeers(context: Context, loaded: LoadedCase): Promise<LoadedPeers> {
  const { present, absent } = selectPeers(context, loaded.protocol);
  const rows: HttpRow[] = [];
  const origin = await loaded.startOrigin(context);
  try {
    await withPeers(context, present, origin.port, absent, loaded.check, async (started) => {
      await delay(SETTLE_MS);
      const samples = started.map((one) => new Samples(one));
      if (!context.isSmoke) for (const one of samples) await measure(context, loaded, one, false);
      for (let round = 0; round < context.rounds; round++) {
        for (const one of orderOf(samples, round)) await measure(context, loaded, one, true);
      }
      await delay(SETTLE_MS);
      rows.push(...samples.map((one) => one.row()));
    });
  } finally {
    await origin.program.stop();
  }
  return { rows, absent, originName: origin.name };
}

async function measure(context: Context, loaded: LoadedCase, samples: Samples, isCounted: boolean): Promise<void> {
  const { peer, running } = samples.started;
  const before = running.program.cpu();
  try {
    const load = await loaded.load(running, context.seconds);
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

export function expectAnswer(status: number, body: string, expected: string): void {
  if (status !== 200) throw new Error(`wrong answer: status ${status}`);
  if (body !== expected)
    throw new Error(`wrong answer: ${body.length} bytes that are not the expected ${expected.length}`);
}
