/** What one run of the benchmark is given, and what its cases hand back. Everything here goes into the JSON as it is. */
import type { Peer, Protocol } from "../peers/peer.ts";
import type { Spread } from "./statistics.ts";

export interface Options {
  rounds: number;
  seconds: number;
  isSmoke: boolean;
  /** Ids of peers; empty means all. */
  only: readonly string[];
  /** Prefixes of case ids; empty means all. */
  cases: readonly string[];
}

export interface Context extends Options {
  peers: readonly Peer[];
  directory: string;
  /** Says on standard error what is going on. */
  say: (text: string) => void;
}

/** A peer that could not be measured in a case, and why; `isFailure` if it is installed and should have worked. */
export interface Absent {
  peer: string;
  reason: string;
  isFailure: boolean;
}

export interface HttpRow {
  kind: "http";
  peer: string;
  title: string;
  isNodePeer: boolean;
  /** CPU of the whole proxy process tree per completed request. */
  cpuUs: Spread;
  userUs: number;
  systemUs: number;
  requestsPerSecond: Spread;
  p50Us: number;
  p99Us: number;
  idleBytes: number;
  residentBytes: number;
  /** "" or what makes the row void. */
  errors: string;
}

export interface LatencyRow {
  kind: "latency";
  peer: string;
  title: string;
  requestsPerSecond: number;
  p50Us: Spread;
  p99Us: Spread;
  errors: string;
}

export interface TcpRow {
  kind: "tcp";
  peer: string;
  title: string;
  /** CPU per megabyte (2^20 bytes) forwarded; a byte that goes to the echo server and back counts twice. */
  cpuUsPerMb: Spread;
  userUs: number;
  systemUs: number;
  mbPerSecond: Spread;
  residentBytes: number;
  errors: string;
}

export interface StartRow {
  kind: "start";
  peer: string;
  title: string;
  firstAnswerMs: Spread;
}

export interface MemoryRow {
  kind: "memory";
  peer: string;
  title: string;
  residentBytes: number;
}

export interface IdleRow {
  kind: "idle";
  peer: string;
  title: string;
  connections: number;
  beforeBytes: number;
  afterBytes: number;
  bytesPerConnection: number;
  errors: string;
}

export type Row = HttpRow | LatencyRow | TcpRow | StartRow | MemoryRow | IdleRow;

export interface CaseResult {
  id: string;
  title: string;
  rows: Row[];
  absent: Absent[];
}

/** The peers of a protocol that are asked for, and those of them that cannot run here. */
export function selectPeers(context: Context, protocol: Protocol): { present: Peer[]; absent: Absent[] } {
  const asked = context.peers.filter(
    (peer) => peer.protocol === protocol && (context.only.length === 0 || context.only.includes(peer.id)),
  );
  const absent: Absent[] = [];
  const present: Peer[] = [];
  for (const peer of asked) {
    const reason = peer.missing();
    if (reason === "") present.push(peer);
    else absent.push({ peer: peer.id, reason, isFailure: false });
  }
  return { present, absent };
}

/** What an error says, in one line. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n")[0] ?? "";
}
