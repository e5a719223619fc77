/** The HTTP/2 cases, without TLS: what one request costs each proxy at full load, and what a proxy adds to a gRPC call's latency at half load. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CaseResult, type Context, type LatencyRow, messageOf, selectPeers } from "../lib/context.ts";
import { runH2Load } from "../lib/h2load.ts";
import { fetchHttp2 } from "../lib/http2-client.ts";
import { expectAnswer, measureLoadedPeers } from "../lib/loaded-peers.ts";
import { hasCommand } from "../lib/machine.ts";
import { HUGE_BODY, type Origin, SMALL_BODY, startGetOrigin, startHttp2Origin } from "../lib/origins.ts";
import { withPeers } from "../lib/started.ts";
import { spread } from "../lib/statistics.ts";
import type { LoadResult } from "../lib/wrk.ts";
import type { RunningPeer } from "../peers/peer.ts";

export interface Http2Case {
  id: string;
  title: string;
  protocol: "h2" | "h2-h1";
  path: string;
  connections: number;
  streams: number;
  /** As h2load takes them. */
  headers: readonly string[];
  /** POSTs a message of 40 bytes and expects trailers. */
  isGrpc: boolean;
}

const NO_HEADERS: readonly string[] = [];
const PLAIN = {
  protocol: "h2",
  path: "/70",
  connections: 16,
  streams: 10,
  headers: NO_HEADERS,
  isGrpc: false,
} as const;

/** What a browser sends, and a client of an API. */
const TEN_HEADERS = [
  "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  "accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  "accept-language: en-US,en;q=0.9,de;q=0.8",
  "accept-encoding: gzip, deflate, br, zstd",
  "cookie: session=7f3c9a1e5b2d4c68a1b2c3d4e5f60718; theme=dark; consent=1",
  "authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5NXgL0n3I9PlFUP0THsR8U",
  "cache-control: no-cache",
  "referer: https://www.example.com/products/list?page=2",
  "x-tenant: blue",
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
];
const GRPC_HEADERS = ["content-type: application/grpc", "te: trailers", "grpc-timeout: 1S"];

const GRPC: Http2Case = {
  ...PLAIN,
  id: "h2-grpc",
  title: "HTTP/2 to HTTP/2, POST of 40 bytes with a gRPC call's headers, 70-byte answer with trailers, 16 × 10 streams",
  headers: GRPC_HEADERS,
  isGrpc: true,
};

export const HTTP2_CASES: readonly Http2Case[] = [
  { ...PLAIN, id: "h2-16x10", title: "HTTP/2 to HTTP/2, GET, 70-byte answer, 16 connections of 10 streams" },
  {
    ...PLAIN,
    id: "h2-64x1",
    title: "HTTP/2 to HTTP/2, GET, 70-byte answer, 64 connections of one stream",
    connections: 64,
    streams: 1,
  },
  {
    ...PLAIN,
    id: "h2-headers",
    title: "HTTP/2 to HTTP/2, GET with ten headers, 70-byte answer, 16 × 10 streams",
    headers: TEN_HEADERS,
  },
  GRPC,
  {
    ...PLAIN,
    id: "h2-1m",
    title: "HTTP/2 to HTTP/2, GET, 1 MB answer, 4 × 2 streams",
    path: "/1m",
    connections: 4,
    streams: 2,
  },
  {
    ...PLAIN,
    id: "h2-h1-16x10",
    title: "HTTP/2 to HTTP/1, GET, 70-byte answer, 16 connections of 10 streams",
    protocol: "h2-h1",
  },
];

export const GRPC_LATENCY_CASE = "grpc-latency";

/** What the HTTP/2 cases need beside the proxies, or "". */
export function missingForHttp2(): string {
  if (!hasCommand("h2load")) return "h2load is not installed (Debian: nghttp2-client)";
  return hasCommand("nghttpd") ? "" : "nghttpd is not installed (Debian: nghttp2-server)";
}

function skipped(id: string, title: string, reason: string): CaseResult {
  return { id, title, rows: [], absent: [{ peer: "all", reason, isFailure: false }] };
}

export function startHttp2CaseOrigin(directory: string, { protocol, isGrpc }: Http2Case): Promise<Origin> {
  return protocol === "h2" ? startHttp2Origin(directory, isGrpc) : startGetOrigin(directory);
}

/** `rate`: requests a second of all connections together; 0: as many as they get answered. */
export function loadHttp2(
  directory: string,
  one: Http2Case,
  port: number,
  seconds: number,
  rate: number,
): Promise<LoadResult> {
  const { path, connections, streams, headers } = one;
  const bodyFile = one.isGrpc ? join(directory, "message") : "";
  if (bodyFile !== "") writeFileSync(bodyFile, MESSAGE);
  return runH2Load({
    port,
    path,
    connections,
    streams,
    seconds,
    headers,
    bodyFile,
    requestsPerSecond: rate,
    directory,
  });
}

/** Of gRPC: not compressed, 35 bytes long, and the bytes. */
const MESSAGE = Buffer.concat([Buffer.from([0, 0, 0, 0, 35]), Buffer.alloc(35, "m")]);

export async function runHttp2Case(context: Context, one: Http2Case): Promise<CaseResult> {
  const reason = missingForHttp2();
  if (reason !== "") return skipped(one.id, one.title, reason);
  const { rows, absent, originName } = await measureLoadedPeers(context, {
    protocol: one.protocol,
    startOrigin: () => startHttp2CaseOrigin(context.directory, one),
    check: (running) => check(running, one),
    load: ({ port }, seconds) => loadHttp2(context.directory, one, port, seconds, 0),
  });
  return { id: one.id, title: `${one.title} (origin: ${originName})`, rows, absent };
}

/** Throws unless the proxy on its way to this case's origin delivers the very bytes, and the trailers. */
async function check({ port }: RunningPeer, one: Http2Case): Promise<void> {
  const expected = one.path === "/1m" ? HUGE_BODY : SMALL_BODY;
  const answer = one.isGrpc
    ? await fetchHttp2(port, one.path, { "content-type": "application/grpc", te: "trailers" }, MESSAGE)
    : await fetchHttp2(port, one.path);
  expectAnswer(answer.status, answer.body.toString("latin1"), expected);
  if (one.isGrpc && answer.trailers["grpc-status"] !== "0") throw new Error("wrong answer: its trailers are missing");
}

/** At half of what Sluice takes, through each proxy and without any. */
export async function runGrpcLatencyCase(context: Context): Promise<CaseResult> {
  const title = "Latency of a gRPC call at half of Sluice's load, 16 × 10 streams (origin: nghttpd)";
  const reason = missingForHttp2();
  if (reason !== "") return skipped(GRPC_LATENCY_CASE, title, reason);
  const result: CaseResult = { id: GRPC_LATENCY_CASE, title, rows: [], absent: [] };
  const selected = selectPeers(context, "h2");
  // A node:http2 proxy would not stand that load.
  const peers = selected.present.filter((peer) => !peer.isNodePeer);
  const origin = await startHttp2CaseOrigin(context.directory, GRPC);
  try {
    await withPeers(
      context,
      peers,
      origin.port,
      result.absent,
      (running) => check(running, GRPC),
      async (started) => {
        const own = started.find(({ peer }) => peer.id === "sluice");
        if (own === undefined) return;
        const full = await loadHttp2(context.directory, GRPC, own.running.port, context.seconds, 0);
        const rate = full.requestsPerSecond / 2;
        const ways = [
          { peer: "direct", title: "no proxy", port: origin.port },
          ...started.map(({ peer, running }) => ({ peer: peer.id, title: peer.title, port: running.port })),
        ];
        for (const way of ways) result.rows.push(await latency(context, way, rate));
      },
    );
  } finally {
    await origin.program.stop();
  }
  return result;
}

async function latency(
  context: Context,
  { peer, title, port }: { peer: string; title: string; port: number },
  rate: number,
): Promise<LatencyRow> {
  const loads: LoadResult[] = [];
  const errors: string[] = [];
  for (let round = 0; round < context.rounds; round++) {
    try {
      const one = await loadHttp2(context.directory, GRPC, port, context.seconds, rate);
      loads.push(one);
      if (one.errors !== "") errors.push(one.errors);
      context.say(`  ${peer}: p99 ${Math.round(one.p99Us)} µs`);
    } catch (error) {
      errors.push(messageOf(error));
    }
  }
  return {
    kind: "latency",
    peer,
    title,
    requestsPerSecond: rate,
    p50Us: spread(loads.map((one) => one.p50Us)),
    p99Us: spread(loads.map((one) => one.p99Us)),
    errors: errors.join("; "),
  };
}
