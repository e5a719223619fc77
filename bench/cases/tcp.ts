/** The TCP case: what a megabyte costs each proxy in 64 KB writes, to an echo server and back. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type CaseResult, type Context, messageOf, selectPeers, type TcpRow } from "../lib/context.ts";
import { LOAD_CORE } from "../lib/machine.ts";
import { startEcho } from "../lib/origins.ts";
import { cpuSince, Program } from "../lib/process.ts";
import { orderOf, type Started, withPeers } from "../lib/started.ts";
import { median, spread } from "../lib/statistics.ts";
import { echoOnce } from "../lib/tcp-client.ts";
import type { RunningPeer } from "../peers/peer.ts";

export const TCP_CASE = "tcp-64k";

const CONNECTIONS = 8;
const MB = 2 ** 20;
const CHECKED_BYTES = 3 * MB + 17;
const LOAD = join(import.meta.dirname, "../load/tcp-echo-load.ts");

class Samples {
  readonly started: Started;
  readonly cpuUs: number[] = [];
  readonly userUs: number[] = [];
  readonly systemUs: number[] = [];
  readonly mbPerSecond: number[] = [];
  readonly errors: string[] = [];

  constructor(started: Started) {
    this.started = started;
  }

  row(): TcpRow {
    const { peer, running } = this.started;
    return {
      kind: "tcp",
      peer: peer.id,
      title: peer.title,
      cpuUsPerMb: spread(this.cpuUs),
      userUs: median(this.userUs),
      systemUs: median(this.systemUs),
      mbPerSecond: spread(this.mbPerSecond),
      residentBytes: running.program.residentBytes(),
      errors: this.errors.join("; "),
    };
  }
}

export async function runTcpCase(context: Context): Promise<CaseResult> {
  const { present, absent } = selectPeers(context, "tcp");
  const rows: TcpRow[] = [];
  const origin = await startEcho();
  try {
    await withPeers(context, present, origin.port, absent, check, async (started) => {
      const samples = started.map((one) => new Samples(one));
      if (!context.isSmoke) for (const one of samples) await measure(context, one, false);
      for (let round = 0; round < context.rounds; round++) {
        for (const one of orderOf(samples, round)) await measure(context, one, true);
      }
      rows.push(...samples.map((one) => one.row()));
    });
  } finally {
    await origin.program.stop();
  }
  return {
    id: TCP_CASE,
    title: `TCP, 64 KB writes to an echo server and back, ${CONNECTIONS} connections`,
    rows,
    absent,
  };
}

async function measure(context: Context, samples: Samples, isCounted: boolean): Promise<void> {
  const { peer, running } = samples.started;
  const before = running.program.cpu();
  try {
    const args = [LOAD, String(running.port), String(CONNECTIONS), String(context.seconds)];
    const load = new Program("tcp load", process.execPath, args, { core: LOAD_CORE });
    await load.ended();
    const result = JSON.parse(load.stdout || "{}") as { received?: number; errors?: number };
    const { received = 0, errors = 1 } = result;
    if (errors > 0 || received === 0) samples.errors.push(`${errors} connections failed ${load.stderr.trim()}`);
    if (!isCounted || received === 0) return;
    const used = cpuSince(before, running.program.cpu());
    const forwardedMb = (received * 2) / MB;
    samples.mbPerSecond.push(forwardedMb / context.seconds);
    samples.cpuUs.push((used.userUs + used.systemUs) / forwardedMb);
    samples.userUs.push(used.userUs / forwardedMb);
    samples.systemUs.push(used.systemUs / forwardedMb);
    context.say(`  ${peer.id}: ${samples.cpuUs.at(-1)?.toFixed(0)} µs a megabyte`);
  } catch (error) {
    samples.errors.push(messageOf(error));
  }
}

async function check(running: RunningPeer): Promise<void> {
  const data = randomBytes(CHECKED_BYTES);
  const back = await echoOnce(running.port, data);
  if (!back.equals(data)) throw new Error(`wrong answer: ${back.length} bytes that are not the ${data.length} sent`);
}
