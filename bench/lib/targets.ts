/** The targets: ratios and bounds that a run of the benchmark holds Sluice to. What was not measured is not judged. */
import { HTTP_CASES } from "../cases/http.ts";
import { GRPC_LATENCY_CASE } from "../cases/http2.ts";
import { IDLE_CONNECTIONS_CASE, IDLE_HTTP2_CASE, IDLE_MEMORY_CASE } from "../cases/memory.ts";
import { START_CASE } from "../cases/start.ts";
import { TCP_CASE } from "../cases/tcp.ts";
import type { CaseResult, HttpRow, IdleRow, LatencyRow, MemoryRow, Row, StartRow, TcpRow } from "./context.ts";

export interface Verdict {
  caseId: string;
  text: string;
  measured: number;
  limit: number;
  unit: string;
  isMet: boolean;
}

/** CPU per request at most this many times that of the peer. */
const GET70_TARGETS = [
  { peer: "haproxy", limit: 1.5, text: "CPU a request against HAProxy" },
  { peer: "best-node-peer", limit: 0.6, text: "CPU a request against the best Node peer" },
  { peer: "floor", limit: 1.3, text: "CPU a request against the floor" },
] as const;
const HTTP2_TARGETS = [
  { id: "h2-16x10", peer: "haproxy", limit: 1.2 },
  { id: "h2-16x10", peer: "node-http2", limit: 0.143 },
  { id: "h2-64x1", peer: "haproxy", limit: 1.25 },
  { id: "h2-headers", peer: "nghttpx", limit: 1.2 },
  { id: "h2-grpc", peer: "nghttpx", limit: 1.2 },
  { id: "h2-1m", peer: "nghttpx", limit: 1 },
  { id: "h2-h1-16x10", peer: "haproxy", limit: 1.3 },
] as const;
const NAMES = { haproxy: "HAProxy", nghttpx: "nghttpx", "node-http2": "node:http2" } as const;
const ADDED_LATENCY_LIMIT_MS = 1;
const HTTP2_CONNECTION_LIMIT_KB = 20;
const TCP_LIMIT = 1.15;
const START_LIMIT_MS = 400;
const IDLE_LIMIT_MB = 105;
const CONNECTION_LIMIT_KB = 8;

export function judge(results: readonly CaseResult[]): Verdict[] {
  const verdicts: Verdict[] = [];
  const add = (caseId: string, text: string, measured: number, limit: number, unit: string): void => {
    if (Number.isFinite(measured)) verdicts.push({ caseId, text, measured, limit, unit, isMet: measured <= limit });
  };
  for (const { id } of HTTP_CASES.filter((one) => one.id.startsWith("get70"))) {
    const rows = rowsOf<HttpRow>(results, id).filter((row) => row.errors === "");
    const own = cpuOf(rows, (row) => row.peer === "sluice");
    for (const { peer, limit, text } of GET70_TARGETS) {
      const other = cpuOf(rows, (row) => (peer === "best-node-peer" ? row.isNodePeer : row.peer === peer));
      add(id, text, own / other, limit, "×");
    }
  }
  for (const { id, peer, limit } of HTTP2_TARGETS) {
    const rows = rowsOf<HttpRow>(results, id).filter((row) => row.errors === "");
    const ratio = cpuOf(rows, (row) => row.peer === "sluice") / cpuOf(rows, (row) => row.peer === peer);
    add(id, `CPU a request against ${NAMES[peer]}`, ratio, limit, "×");
  }
  const latencies = rowsOf<LatencyRow>(results, GRPC_LATENCY_CASE).filter((row) => row.errors === "");
  const p99Of = (peer: string): number => latencies.find((row) => row.peer === peer)?.p99Us.median ?? Number.NaN;
  const addedMs = (p99Of("sluice") - p99Of("direct")) / 1000;
  add(GRPC_LATENCY_CASE, "p99 beyond no proxy's", addedMs, ADDED_LATENCY_LIMIT_MS, "ms");
  const tcp = rowsOf<TcpRow>(results, TCP_CASE).filter((row) => row.errors === "");
  const tcpOf = (peer: string): number => tcp.find((row) => row.peer === peer)?.cpuUsPerMb.median ?? Number.NaN;
  add(TCP_CASE, "CPU a byte against a bare pipe", tcpOf("sluice-tcp") / tcpOf("pipe"), TCP_LIMIT, "×");
  const starts = rowsOf<StartRow>(results, START_CASE);
  const startOf = (peer: string): number => starts.find((row) => row.peer === peer)?.firstAnswerMs.median ?? Number.NaN;
  add(
    START_CASE,
    "start to first answer beyond a bare Node's",
    startOf("sluice") - startOf("bare-http"),
    START_LIMIT_MS,
    "ms",
  );
  const memory = rowsOf<MemoryRow>(results, IDLE_MEMORY_CASE).find((row) => row.peer === "sluice");
  add(
    IDLE_MEMORY_CASE,
    "resident memory idle, one worker",
    (memory?.residentBytes ?? Number.NaN) / 2 ** 20,
    IDLE_LIMIT_MB,
    "MB",
  );
  for (const [id, text, limit] of [
    [IDLE_CONNECTIONS_CASE, "memory of an idle connection", CONNECTION_LIMIT_KB],
    [IDLE_HTTP2_CASE, "memory of a used HTTP/2 connection", HTTP2_CONNECTION_LIMIT_KB],
  ] as const) {
    const idle = rowsOf<IdleRow>(results, id).find((row) => row.peer === "sluice" && row.errors === "");
    add(id, text, (idle?.bytesPerConnection ?? Number.NaN) / 1024, limit, "KB");
  }
  return verdicts;
}

function rowsOf<R extends Row>(results: readonly CaseResult[], id: string): R[] {
  return (results.find((result) => result.id === id)?.rows ?? []) as R[];
}

/** The least CPU of the rows that fit; NaN if there are none. */
function cpuOf(rows: readonly HttpRow[], fits: (row: HttpRow) => boolean): number {
  const found = rows.filter(fits).map((row) => row.cpuUs.median);
  return found.length === 0 ? Number.NaN : Math.min(...found);
}
