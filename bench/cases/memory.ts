/** Resident memory: of a proxy that has answered one request and waits, and what each idle connection adds to it. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type CaseResult, type Context, type IdleRow, type MemoryRow, messageOf } from "../lib/context.ts";
import { describeMachine, LOAD_CORE } from "../lib/machine.ts";
import { startGetOrigin } from "../lib/origins.ts";
import { Program, waitUntil } from "../lib/process.ts";
import { withPeers } from "../lib/started.ts";
import { runWrk } from "../lib/wrk.ts";
import { barePair } from "../peers/bare.ts";
import { floor } from "../peers/floor.ts";
import { haproxy } from "../peers/haproxy.ts";
import { nginx } from "../peers/nginx.ts";
import type { Peer, RunningPeer } from "../peers/peer.ts";
import { sluice } from "../peers/sluice.ts";

export const IDLE_MEMORY_CASE = "idle-rss";
export const IDLE_CONNECTIONS_CASE = "idle-connections";

const SETTLE_MS = 3_000;
const CONNECTIONS = 15_000;
const SMOKE_CONNECTIONS = 500;
const OPEN_MS = 60_000;
/** Descriptors that are neither the load's connections nor the proxy's. */
const SPARE_FILES = 1_000;
const LOAD = join(import.meta.dirname, "../load/idle-connections.ts");

/** Idle memory is that of a process which has just started and answered once. */
export async function runIdleMemoryCase(context: Context): Promise<CaseResult> {
  const result: CaseResult = { id: IDLE_MEMORY_CASE, title: "Resident memory, idle, one worker", rows: [], absent: [] };
  await withIdlePeers(context, [sluice, barePair, floor, haproxy, nginx], result, async ({ peer, running }) => {
    const row: MemoryRow = {
      kind: "memory",
      peer: peer.id,
      title: peer.title,
      residentBytes: running.program.residentBytes(),
    };
    result.rows.push(row);
  });
  return result;
}

/** Warmed up first, so that compiled code and the heap's first growth are not counted as connections. */
export async function runIdleConnectionsCase(context: Context): Promise<CaseResult> {
  const wanted = context.isSmoke ? SMOKE_CONNECTIONS : CONNECTIONS;
  const connections = Math.min(wanted, describeMachine().openFiles - SPARE_FILES);
  const result: CaseResult = {
    id: IDLE_CONNECTIONS_CASE,
    title: `Memory per idle connection: ${connections} plain keep-alive connections after one request each`,
    rows: [],
    absent: [],
  };
  if (connections < wanted)
    context.say(`  the limit of open files allows ${connections} connections instead of ${wanted}`);
  await withIdlePeers(context, [sluice, floor, nginx], result, async ({ peer, running }) => {
    result.rows.push(await measureConnections(peer, running, connections));
  });
  return result;
}

async function withIdlePeers(
  context: Context,
  peers: readonly Peer[],
  result: CaseResult,
  measure: (one: { peer: Peer; running: RunningPeer }) => Promise<void>,
): Promise<void> {
  const origin = await startGetOrigin(context.directory);
  try {
    for (const peer of peers) {
      if (context.only.length > 0 && !context.only.includes(peer.id)) continue;
      const reason = peer.missing();
      if (reason !== "") {
        result.absent.push({ peer: peer.id, reason, isFailure: false });
        continue;
      }
      await withPeers(
        context,
        [peer],
        origin.port,
        result.absent,
        async () => {},
        async (started) => {
          if (started[0] === undefined) return;
          if (!context.isSmoke) await delay(SETTLE_MS);
          await measure(started[0]);
        },
      );
    }
  } finally {
    await origin.program.stop();
  }
}

async function measureConnections(peer: Peer, running: RunningPeer, connections: number): Promise<IdleRow> {
  const row: IdleRow = {
    kind: "idle",
    peer: peer.id,
    title: peer.title,
    connections,
    beforeBytes: 0,
    afterBytes: 0,
    bytesPerConnection: Number.NaN,
    errors: "",
  };
  const { port, program } = running;
  await runWrk({ port, path: "/70", method: "GET", bodyBytes: 0, connections: 64, seconds: 2 });
  await delay(SETTLE_MS);
  row.beforeBytes = program.residentBytes();
  const load = new Program("idle load", process.execPath, [LOAD, String(port), String(connections)], {
    core: LOAD_CORE,
  });
  try {
    await waitUntil(load, async () => load.stdout.includes("HELD"), OPEN_MS);
    await delay(SETTLE_MS);
    row.afterBytes = program.residentBytes();
    row.bytesPerConnection = (row.afterBytes - row.beforeBytes) / connections;
    const held = Number(/HELD (\d+)/.exec(load.stdout)?.[1]);
    if (held !== connections) row.errors = `only ${held} connections were held`;
  } catch (error) {
    row.errors = messageOf(error);
  } finally {
    await load.stop();
  }
  return row;
}
