/** The HTTP/1 cases: what one request costs each proxy, at full load through a kept-alive pool of connections. */
import { randomBytes } from "node:crypto";
import type { CaseResult, Context } from "../lib/context.ts";
import { fetchOnce } from "../lib/http-client.ts";
import { expectAnswer, measureLoadedPeers } from "../lib/loaded-peers.ts";
import { LARGE_BODY, SMALL_BODY, startGetOrigin, startPostOrigin } from "../lib/origins.ts";
import { runWrk } from "../lib/wrk.ts";
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

export async function runHttpCase(context: Context, httpCase: HttpCase): Promise<CaseResult> {
  const { id, title, method, path, bodyBytes, connections } = httpCase;
  const { rows, absent, originName } = await measureLoadedPeers(context, {
    protocol: "http",
    startOrigin: ({ directory }) => (method === "GET" ? startGetOrigin(directory) : startPostOrigin()),
    check: (running) => check(running, httpCase),
    load: ({ port }, seconds) => runWrk({ port, path, method, bodyBytes, connections, seconds }),
  });
  return { id, title: `${title} (origin: ${originName})`, rows, absent };
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
