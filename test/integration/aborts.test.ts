// Ten thousand connections that break off at every stage leave no socket, no timer and no memory behind, and nobody else notices.
import { type Socket, connect } from "node:net";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { type RunningProxy, forwardTo, startProxy } from "../support/proxy.ts";
import { RawOrigin } from "../support/raw-origin.ts";
import { activeResources, heapBytes, openSockets } from "../support/resources.ts";

interface Stage {
  readonly what: string;
  /** What the client sends before it breaks off. */
  readonly bytes: string;
  /** Whether it waits for bytes of the response before. */
  readonly awaitsResponse?: boolean;
}

const stages: readonly Stage[] = [
  { what: "before a byte", bytes: "" },
  { what: "in the request line", bytes: "GET /hol" },
  { what: "in the headers", bytes: "GET /hold HTTP/1.1\r\nhost: a\r\nx-some: " },
  { what: "while the upstream is silent", bytes: "GET /hold HTTP/1.1\r\nhost: a\r\n\r\n" },
  { what: "in a body with length", bytes: "POST /hold HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf" },
  { what: "in a chunk", bytes: "POST /hold HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n10\r\nhalf" },
  { what: "in the response's body", bytes: "GET /drip HTTP/1.1\r\nhost: a\r\n\r\n", awaitsResponse: true },
  { what: "in an endless response", bytes: "GET /flood HTTP/1.1\r\nhost: a\r\n\r\n", awaitsResponse: true },
  { what: "while idle", bytes: "GET /ok HTTP/1.1\r\nhost: a\r\n\r\n", awaitsResponse: true },
  { what: "with pipelined requests waiting", bytes: "GET /hold HTTP/1.1\r\nhost: a\r\n\r\n".repeat(5) },
  {
    what: "after 101",
    bytes: "GET /up HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    awaitsResponse: true,
  },
  { what: "with a local reply on its way", bytes: "BAD\r\n\r\n" },
];

async function abort(port: number, { bytes, awaitsResponse }: Stage, how: "reset" | "close"): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket: Socket = connect(port, "127.0.0.1");
  const leave = () => (how === "reset" ? socket.resetAndDestroy() : socket.destroy());
  socket.on("error", () => {}).on("close", () => resolve());
  socket.on("connect", () => {
    if (bytes !== "") socket.write(bytes);
    if (awaitsResponse !== true) setImmediate(leave);
  });
  socket.once("data", leave);
  await promise;
}

async function abortMany(port: number, total: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < total) {
      const index = next++;
      await abort(port, stages[index % stages.length]!, (index / stages.length) % 2 < 1 ? "reset" : "close");
    }
  };
  await Promise.all(Array.from({ length: 50 }, worker));
}

async function settled(proxy: RunningProxy): Promise<void> {
  for (const gauge of [
    "http.front.downstream_cx_active",
    "http.front.downstream_rq_active",
    "http.front.downstream_cx_upgrades_active",
    "cluster.web.upstream_rq_active",
    "cluster.web.upstream_rq_pending_active",
  ]) {
    await proxy.admin.reaches(gauge, 0);
  }
}

function programmedOrigin(): Promise<HttpOrigin> {
  const flood = Buffer.alloc(64 * 1024, "x");
  return HttpOrigin.start((request, response) => {
    request.resume();
    if (request.url === "/ok") response.end("ok");
    else if (request.url === "/drip") response.writeHead(200, { "content-length": 1000 }).write("some");
    else if (request.url === "/flood") {
      const more = () => {
        while (!response.destroyed && response.write(flood));
      };
      response.on("drain", more);
      more();
    }
    // `/hold` is never answered.
  }).then((origin) =>
    origin.onUpgrade((_, socket) => {
      socket
        .on("error", () => {})
        .on("end", () => socket.end())
        .resume();
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nraw");
    }),
  );
}

test("10,000 clients that break off leave nothing behind", { timeout: 120_000 }, async () => {
  await using origin = await programmedOrigin();
  await using proxy = await startProxy(
    forwardTo(origin.address, { http: { upgrades: ["websocket"], access_log: false as never } }),
  );
  await abortMany(proxy.port, 1200);
  await settled(proxy);
  const heapBefore = await heapBytes();
  const timersBefore = activeResources().get("Timeout") ?? 0;
  const connectionsBefore = await proxy.admin.stat("http.front.downstream_cx_total");
  await abortMany(proxy.port, 10_000);
  await settled(proxy);
  expect((await proxy.admin.stat("http.front.downstream_cx_total")) - connectionsBefore).toBeGreaterThan(9_000);
  // What is left is what may be reused: idle connections of the pool, both ends in this process.
  const idle = await proxy.admin.stat("cluster.web.upstream_cx_active");
  expect(idle).toBeLessThanOrEqual(60);
  await eventually("only idle pool connections and the admin client's are open", () => openSockets() <= 2 * idle + 4);
  expect((activeResources().get("Timeout") ?? 0) - timersBefore).toBeLessThanOrEqual(idle + 4);
  // 1.5 MB: 150 bytes a connection would already show.
  await eventually("the heap is flat", async () => (await heapBytes()) - heapBefore < 1.5e6);
  expect((await send(proxy.port, "/ok")).text).toBe("ok");
});

test("2,000 upstreams that break off at every stage leave nothing behind, and every client gets an answer or an end", {
  timeout: 60_000,
}, async () => {
  const head = "HTTP/1.1 200 OK\r\n";
  const ends = [
    "",
    head,
    `${head}content-le`,
    `${head}content-length: 10\r\n\r\n`,
    `${head}content-length: 10\r\n\r\nhalf`,
    `${head}transfer-encoding: chunked\r\n\r\n5\r\nab`,
    "HTTP/1.1 100 Continue\r\n\r\n",
    "\0\0\0",
  ];
  let served = 0;
  await using origin = await RawOrigin.start(async (peer) => {
    const index = served++;
    await peer.next();
    peer.send(ends[index % ends.length]!);
    if (index % 2 === 0) setImmediate(() => peer.reset());
    else peer.close();
  });
  await using proxy = await startProxy(forwardTo(origin.address));
  const outcomes = new Map<string, number>();
  let left = 2000;
  const client = async () => {
    while (left-- > 0) {
      const outcome = await send(proxy.port, "/").then(
        ({ status }) => String(status),
        () => "cut",
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 20 }, client));
  expect([...outcomes.keys()].toSorted()).toEqual(["502", "503", "cut"]);
  await settled(proxy);
  await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
  const stats = await proxy.admin.stats();
  expect(stats.get("http.front.downstream_rq_total")).toBe(2000);
  expect(stats.get("cluster.web.upstream_cx_destroy")).toBe(stats.get("cluster.web.upstream_cx_total"));
});
