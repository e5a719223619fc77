/** Resident memory: of a proxy that has answered one request and waits, and what each idle connection adds to it. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type CaseResult, type Context, type IdleRow, type MemoryRow, messageOf } from "../lib/context.ts";
import { describeMachine, LOAD_CORE } from "../lib/machine.ts";
import { type Origin, startGetOrigin, startHttp2Origin } from "../lib/origins.ts";
import { Program, waitUntil } from "../lib/process.ts";
import { withPeers } from "../lib/started.ts";
import { runH2Load } from "../lib/h2load.ts";
import { runWrk } from "../lib/wrk.ts";
import { barePair } from "../peers/bare.ts";
import { floor } from "../peers/floor.ts";
import { haproxy } from "../peers/haproxy.ts";
import { nghttpxH2 } from "../peers/nghttpx.ts";
import { nginx } from "../peers/nginx.ts";
import type { Peer, RunningPeer } from "../peers/peer.ts";
import { sluice, sluiceH2 } from "../peers/sluice.ts";
import { missingForHttp2 } from "./http2.ts";

export const IDLE_MEMORY_CASE = "idle-rss";
export const IDLE_CONNECTIONS_CASE = "idle-connections";
export const IDLE_HTTP2_CASE = "idle-http2";

const SETTLE_MS = 3_000;
const CONNECTIONS = 15_000;
const HTTP2_CONNECTIONS = 2_000;
const SMOKE_CONNECTIONS = 500;
const OPEN_MS = 60_000;
/** Descriptors that are neither the load's connections nor the proxy's. */
const SPARE_FILES = 1_000;
const LOAD = join(import.meta.dirname, "../load/idle-connections.ts");
const HTTP2_LOAD = join(import.meta.dirname, "../load/idle-http2.ts");

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
    result.rows.push(
      await measureConnections(peer, running, connections, LOAD, (port) =>
        runWrk({ port, path: "/70", method: "GET", bodyBytes: 0, connections: 64, seconds: 2 }),
      ),
    );
  });
  return result;
}

/** Connections that have carried a few requests: their tables and rings are there. */
export async function runIdleHttp2Case(context: Context): Promise<CaseResult> {
  const connections = context.isSmoke ? SMOKE_CONNECTIONS : HTTP2_CONNECTIONS;
  const result: CaseResult = {
    id: IDLE_HTTP2_CASE,
    title: `Memory per used HTTP/2 connection: ${connections} connections after twenty requests each`,
    rows: [],
    absent: [],
  };
  const reason = missingForHttp2();
  if (reason !== "") {
    result.absent.push({ peer: "all", reason, isFailure: false });
    return result;
  }
  const { directory } = context;
  const warmUp = (port: number): Promise<unknown> =>
    runH2Load({
      port,
      path: "/70",
      connections: 64,
      streams: 10,
      seconds: 2,
      headers: [],
      bodyFile: "",
      requestsPerSecond: 0,
      directory,
    });
  await withIdlePeers(
    context,
    [sluiceH2, nghttpxH2],
    result,
    async ({ peer, running }) => {
      result.rows.push(await measureConnections(peer, running, connections, HTTP2_LOAD, warmUp));
    },
    () => startHttp2Origin(directory, false),
  );
  return result;
}

async function withIdlePeers(
  context: Context,
  peers: readonly Peer[],
  result: CaseResult,
  measure: (one: { peer: Peer; running: RunningPeer }) => Promise<void>,
  startOrigin: () => Promise<Origin> = () => startGetOrigin(context.directory),
): Promise<void> {
  const origin = await startOrigin();
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

async function measureConnections(
  peer: Peer,
  running: RunningPeer,
  connections: number,
  script: string,
  warmUp: (port: number) => Promise<unknown>,
): Promise<IdleRow> {
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
  await warmUp(port);
  await delay(SETTLE_MS);
  row.beforeBytes = program.residentBytes();
  const load = new Program("idle load", process.execPath, [script, String(port), String(connections)], {
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
