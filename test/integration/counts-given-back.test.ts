// Whatever ends a request, an attempt or a copy, the cluster's limits count it no longer: after a mixture of all ends everything is free again.
import { constants } from "node:http2";
import { connect } from "node:net";
import { expect, test, vi } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Answer, HttpOrigin, echo } from "../support/http-origin.ts";
import { type Http2AnswerStream, Http2Origin } from "../support/http2-origin.ts";
import { send } from "../support/http-request.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { closedPort } from "../support/raw-origin.ts";

// Threads start.
vi.setConfig({ testTimeout: 60_000 });

const ROUNDS = 3;
const never: Answer = (request) => void request.resume();

/** What becomes of a request is in its path; the first attempts of some end otherwise than the next. */
function fickle(): Answer {
  const seen = new Map<string, number>();
  return (request, response) => {
    const path = request.url ?? "";
    const attempt = (seen.get(path) ?? 0) + 1;
    seen.set(path, attempt);
    if (path.startsWith("/vanish")) return void request.socket.destroy();
    if (path.startsWith("/half")) {
      response.writeHead(200, { "content-length": "10" });
      response.write("half", () => void request.socket.destroy());
      return;
    }
    if (path.startsWith("/503")) return void response.writeHead(503).end();
    if (path.startsWith("/hang") || (path.startsWith("/slow") && attempt === 1)) return never(request, response);
    // The whole answer, before the request has ended.
    if (path.startsWith("/early")) return void response.writeHead(200, { "content-length": "2" }).end("ok");
    return echo(request, response);
  };
}

/** A client that sends this and leaves when `until` says so. */
async function leaveAfter(port: number, text: string, until: () => boolean): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}).resume();
  socket.write(text);
  await eventually("its request is where it should be", until);
  socket.destroy();
}

/** The same in HTTP/2, and the ways to end that it alone has. */
function fickleStreams(): Http2AnswerStream {
  const seen = new Map<string, number>();
  return (stream, headers) => {
    const path = String(headers[":path"]);
    const attempt = (seen.get(path) ?? 0) + 1;
    seen.set(path, attempt);
    if (path.startsWith("/vanish")) return void stream.session!.destroy();
    if (path.startsWith("/refuse")) return void stream.close(constants.NGHTTP2_REFUSED_STREAM);
    if (path.startsWith("/leave") && attempt === 1) return void stream.session!.goaway(0, stream.id! - 2);
    stream.resume();
    if (path.startsWith("/503")) return void stream.respond({ ":status": 503 }, { endStream: true });
    if (path.startsWith("/hang") || (path.startsWith("/slow") && attempt === 1)) return;
    stream.respond({ ":status": 200 });
    if (path.startsWith("/half")) stream.write("half", () => void stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    else stream.end("ok");
  };
}

async function startOrigin(protocol: "http1" | "http2") {
  if (protocol === "http1") {
    const origin = await HttpOrigin.start(fickle());
    return {
      address: origin.address,
      paths: () => origin.seen,
      [Symbol.asyncDispose]: () => origin[Symbol.asyncDispose](),
    };
  }
  const origin = await Http2Origin.start(fickleStreams(), { settings: { maxConcurrentStreams: 4 } });
  return {
    address: origin.address,
    paths: () => origin.seen.map((headers) => String(headers[":path"])),
    [Symbol.asyncDispose]: () => origin[Symbol.asyncDispose](),
  };
}

test.each([
  ["http1", 0, false],
  ["http1", 2, true],
  ["http2", 0, true],
  ["http2", 2, false],
] as const)("with %s, %d workers, hedging: %s", async (protocol, concurrency, hedge) => {
  await using origin = await startOrigin(protocol);
  await using shadow = await HttpOrigin.start(never);
  const circuit_breakers = { track_remaining: true, retry_budget: { percent: 100, min: 50 } };
  const config = forwardTo(origin.address, {
    route: {
      timeout: "1s",
      retry: { on: ["5xx", "reset"], attempts: 2, methods: "any", back_off: "0.01s", per_try_timeout: "0.2s", hedge },
      mirror: { cluster: "shadow", percent: 50 },
    },
    cluster: { endpoints: [origin.address, `127.0.0.1:${await closedPort()}`], protocol, circuit_breakers },
  });
  const clusters = { ...config.clusters, shadow: { endpoints: [shadow.address], circuit_breakers } };
  await using proxy = await startProxy({ ...config, clusters }, { concurrency });
  const { port } = proxy;
  const sees = (path: string) => () => origin.paths().some((line) => line.endsWith(path));
  for (let i = 0; i < ROUNDS; i++) {
    const paths = ["vanish", "half", "503", "hang", "slow", "refuse", "leave", "fine"].map((name) => `/${name}-${i}`);
    await Promise.all([
      ...paths.map((path) => send(port, path, { method: "POST", body: "x" }).catch(() => null)),
      leaveAfter(port, `GET /hang-and-leave-${i} HTTP/1.1\r\nhost: a.test\r\n\r\n`, sees(`/hang-and-leave-${i}`)),
      leaveAfter(
        port,
        `POST /hang-begun-${i} HTTP/1.1\r\nhost: a.test\r\ncontent-length: 9\r\n\r\nx`,
        sees(`/hang-begun-${i}`),
      ),
      leaveAfter(port, `POST /early-${i} HTTP/1.1\r\nhost: a.test\r\ncontent-length: 9\r\n\r\nx`, sees(`/early-${i}`)),
    ]);
  }
  for (const cluster of ["web", "shadow"]) {
    const left = async () => {
      const stats = await proxy.admin.stats();
      const breakers = `cluster.${cluster}.circuit_breakers.default`;
      return {
        requests: stats.get(`${breakers}.remaining_rq`),
        pending: stats.get(`${breakers}.remaining_pending`),
        retries: stats.get(`${breakers}.remaining_retries`),
        active: stats.get(`cluster.${cluster}.upstream_rq_active`),
      };
    };
    const free = { requests: 1024, pending: 1024, retries: 50, active: 0 };
    await eventually(
      `${cluster} is free`,
      async () => JSON.stringify(await left()) === JSON.stringify(free),
      10_000,
    ).catch(() => {});
    expect([cluster, await left()]).toEqual([cluster, free]);
  }
});
