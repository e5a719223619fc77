// Other reverse proxies as the next hop behind this one and as the hop before it, in every protocol that they speak on that side.
import { createHash, randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type Answer, type Echo, HttpOrigin, echo } from "../support/http-origin.ts";
import { type Response, parsed, send } from "../support/http-request.ts";
import { type Forwarding, type RunningProxy, forwardTo, startProxy } from "../support/proxy.ts";
import { certificate } from "../support/tls.ts";
import { type Spoken, type StartProxy, apache, caddy, haproxy, nghttpx, nginx } from "./support/reverse-proxies.ts";

const CA = fileURLToPath(new URL("../fixtures/tls/ca.pem", import.meta.url));
const BODY = randomBytes(2_000_000);
const digest = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

const NAMES = { h1: "HTTP/1", h2c: "HTTP/2", h2: "HTTP/2 over TLS" } as const satisfies Record<Spoken, string>;

const BEHIND: readonly [string, StartProxy, readonly Spoken[]][] = [
  ["caddy", caddy, ["h1", "h2c", "h2"]],
  ["apache2", apache, ["h1", "h2c", "h2"]],
  ["nginx", nginx, ["h1", "h2c", "h2"]],
  ["haproxy", haproxy, ["h1", "h2c", "h2"]],
  ["nghttpx", nghttpx, ["h1", "h2c", "h2"]],
];
const IN_FRONT: readonly [string, StartProxy, readonly Spoken[]][] = [
  ["caddy", caddy, ["h1", "h2c", "h2"]],
  ["apache2", apache, ["h1", "h2c", "h2"]],
  ["nginx", nginx, ["h1"]],
  ["haproxy", haproxy, ["h1", "h2c", "h2"]],
  ["nghttpx", nghttpx, ["h1", "h2c", "h2"]],
];

const cells = (rows: typeof BEHIND) =>
  rows.flatMap(([name, start, spoken]) => spoken.map((way) => [name, NAMES[way], start, way] as const));

/** What the paths of these tests mean to the origin. */
const answer: Answer = (request, response) => {
  if (request.url === "/back") return giveBack(request, response);
  if (request.url === "/conflict") return void response.writeHead(409, { "x-why": "because" }).end("not now");
  if (request.url === "/nothing") return void response.writeHead(204).end();
  return echo(request, response);
};

/**
 * The body, when all of it is there: where an answer begins earlier, Go's HTTP/1 server (caddy) throws away up to 256 KiB of what it has
 * not read yet, if the connection is to be kept.
 */
const giveBack: Answer = async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  response.writeHead(200, { "content-type": "application/octet-stream" }).end(Buffer.concat(chunks));
};

/** What must hold through both proxies, whatever is spoken between them. */
async function exchanges(port: number): Promise<void> {
  const get = await send(port, "/path%20/x?a=b&c", {
    headers: { host: "name.example", "x-mine": "1", cookie: "a=1; b=2" },
  });
  expect(get.status).toBe(200);
  const { url, method, headers } = parsed<Echo>(get);
  expect([method, url, headers["x-mine"], headers["cookie"]]).toEqual(["GET", "/path%20/x?a=b&c", "1", "a=1; b=2"]);

  const upload = await send(port, "/back", { method: "POST", body: BODY, headers: { "content-length": BODY.length } });
  expect([upload.status, digest(upload.body)]).toEqual([200, digest(BODY)]);

  const chunked = await send(port, "/back", { method: "PUT", body: pieces() });
  expect([chunked.status, digest(chunked.body)]).toEqual([200, digest(BODY)]);

  const conflict = await send(port, "/conflict");
  expect([conflict.status, conflict.headers["x-why"], conflict.text]).toEqual([409, "because", "not now"]);
  const head = await send(port, "/conflict", { method: "HEAD" });
  expect([head.status, head.body.length]).toEqual([409, 0]);
  const nothing = await send(port, "/nothing");
  expect([nothing.status, nothing.body.length]).toEqual([204, 0]);

  const many = await Promise.all(Array.from({ length: 30 }, (_, i) => send(port, `/many/${i}`)));
  expect(many.map((response: Response) => [response.status, parsed<Echo>(response).url])).toEqual(
    many.map((_, i) => [200, `/many/${i}`]),
  );
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < BODY.length; at += 70_001) yield BODY.subarray(at, at + 70_001);
}

/** Every request of {@link exchanges}. */
const REQUESTS = 36;

async function nothingWentWrong(proxy: RunningProxy): Promise<void> {
  await proxy.admin.reaches("http.front.downstream_rq_active", 0);
  const stats = await proxy.admin.stats();
  expect(stats.get("http.front.downstream_rq_5xx")).toBe(0);
  expect(stats.get("cluster.web.upstream_cx_protocol_error") ?? 0).toBe(0);
  expect(stats.get("http.front.downstream_cx_protocol_error")).toBe(0);
  expect(proxy.log.filter(({ level }) => level === "error")).toEqual([]);
}

describe("behind", () => {
  const cluster: Record<Spoken, Forwarding["cluster"]> = {
    h1: { protocol: "http1" },
    h2c: { protocol: "http2" },
    h2: { protocol: "auto", tls: { sni: "server.test", ca: CA } },
  } as const;
  test.each(cells(BEHIND))("%s, by %s", async (_name, _spoken, start, way) => {
    await using origin = await HttpOrigin.start(answer);
    await using next = await start({ listens: way, speaks: "h1", upstream: origin.port });
    await using proxy = await startProxy(forwardTo(next.address, { cluster: cluster[way]! }));
    await exchanges(proxy.port);
    const connections = `cluster.web.upstream_cx_${way === "h1" ? "http1" : "http2"}_total`;
    expect(await proxy.admin.stat(connections)).toBeGreaterThan(0);
    expect(await proxy.admin.stat("cluster.web.upstream_rq_total")).toBe(REQUESTS);
    await nothingWentWrong(proxy);
  });
});

describe("in front", () => {
  const tls = (({ cert, key }) => ({ cert, key }))(certificate("server"));
  test.each(cells(IN_FRONT))("%s, by %s", async (_name, _spoken, start, way) => {
    await using origin = await HttpOrigin.start(answer);
    await using proxy = await startProxy(
      forwardTo(origin.address, { listener: way === "h2" ? { tls } : {}, http: { http2: way === "h1" ? false : {} } }),
    );
    await using front = await start({ listens: "h1", speaks: way, upstream: proxy.port });
    await exchanges(front.port);
    const requests = `http.front.downstream_rq_${way === "h1" ? "http1" : "http2"}_total`;
    expect(await proxy.admin.stat(requests)).toBe(REQUESTS);
    await nothingWentWrong(proxy);
  });
});
