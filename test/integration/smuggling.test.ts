// Request smuggling, end to end: whatever is sent, the origin sees one request as the proxy understood it, or none. The origin is bare TCP
// and keeps every byte, so that nothing hides in what a library would have made of them.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { statusOf } from "../support/http-message.ts";
import { type RunningProxy, forwardTo, startProxy } from "../support/proxy.ts";
import { RawOrigin } from "../support/raw-origin.ts";
import { RawPeer } from "../support/raw-peer.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
const post = (headers: string, body: string) => `POST /first HTTP/1.1\r\nhost: a\r\n${headers}\r\n${body}`;
const get = (headers: string) => `GET /first HTTP/1.1\r\n${headers}\r\n`;

/** What is refused, with the status that it is refused with. */
const refused: Record<string, readonly [status: number, bytes: string]> = {
  "CL.TE": [400, post("content-length: 6\r\ntransfer-encoding: chunked\r\n", `0\r\n\r\n${SMUGGLED}`)],
  "TE.CL": [400, post("transfer-encoding: chunked\r\ncontent-length: 4\r\n", `5c\r\n${SMUGGLED}\r\n0\r\n\r\n`)],
  "two lengths that differ": [400, post("content-length: 0\r\ncontent-length: 38\r\n", SMUGGLED)],
  "two lengths that agree": [400, post("content-length: 3\r\ncontent-length: 3\r\n", "abc")],
  "a list of lengths": [400, post("content-length: 3, 3\r\n", "abc")],
  "a length with a sign": [400, post("content-length: +3\r\n", "abc")],
  "a negative length": [400, post("content-length: -1\r\n", SMUGGLED)],
  "a hexadecimal length": [400, post("content-length: 0x3\r\n", "abc")],
  "a length beyond all measure": [400, post("content-length: 99999999999999999999999\r\n", "abc")],
  "an empty length": [400, post("content-length:\r\n", SMUGGLED)],
  "a length with a space inside": [400, post("content-length: 1 0\r\n", "0123456789")],
  "a vertical tab before chunked": [400, post("transfer-encoding: \x0bchunked\r\n", `0\r\n\r\n${SMUGGLED}`)],
  "another coding": [501, post("transfer-encoding: xchunked\r\n", `0\r\n\r\n${SMUGGLED}`)],
  "a list of codings": [501, post("transfer-encoding: gzip, chunked\r\n", `0\r\n\r\n${SMUGGLED}`)],
  "chunked twice": [501, post("transfer-encoding: chunked, chunked\r\n", `0\r\n\r\n${SMUGGLED}`)],
  "chunked in two fields": [
    501,
    post("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", `0\r\n\r\n${SMUGGLED}`),
  ],
  identity: [501, post("transfer-encoding: identity\r\n", SMUGGLED)],
  "quoted chunked": [501, post('transfer-encoding: "chunked"\r\n', `0\r\n\r\n${SMUGGLED}`)],
  "a space before the colon": [400, post("content-length : 38\r\n", SMUGGLED)],
  "a tab before the colon": [400, post("transfer-encoding\t: chunked\r\n", `0\r\n\r\n${SMUGGLED}`)],
  "a folded coding": [400, post("transfer-encoding:\r\n chunked\r\n", `0\r\n\r\n${SMUGGLED}`)],
  "a folded first header": [400, `GET /first HTTP/1.1\r\n x: 1\r\nhost: a\r\n\r\n${SMUGGLED}`],
  "a bare LF after the request line": [400, `GET /first HTTP/1.1\nhost: a\r\n\r\n${SMUGGLED}`],
  "a bare LF between headers": [400, get("host: a\nx: 1\r\n") + SMUGGLED],
  "bare LFs as the end of the head": [400, `GET /first HTTP/1.1\r\nhost: a\n\n${SMUGGLED}`],
  "a bare CR in a value": [400, get("host: a\r\nx: 1\rtransfer-encoding: chunked\r\n") + SMUGGLED],
  "NUL in a value": [400, get("host: a\r\nx: 1\x002\r\n") + SMUGGLED],
  "NUL in a name": [400, get("host: a\r\nx\x00: 1\r\n") + SMUGGLED],
  "a name that is no token": [400, get("host: a\r\nx(1): 2\r\n") + SMUGGLED],
  "an empty name": [400, get("host: a\r\n: chunked\r\n") + SMUGGLED],
  "a header without a colon": [400, get("host: a\r\ntransfer-encoding chunked\r\n") + SMUGGLED],
  "no host": [400, get("x: 1\r\n") + SMUGGLED],
  "two hosts": [400, get("host: a\r\nhost: b\r\n") + SMUGGLED],
  "a host with a path": [400, get("host: a/../b\r\n") + SMUGGLED],
  "a host with a user": [400, get("host: user@a\r\n") + SMUGGLED],
  "a target with a space": [400, `GET /first /second HTTP/1.1\r\nhost: a\r\n\r\n${SMUGGLED}`],
  "a target with a control": [400, `GET /fi\x01rst HTTP/1.1\r\nhost: a\r\n\r\n${SMUGGLED}`],
  "two spaces": [400, `GET  /first HTTP/1.1\r\nhost: a\r\n\r\n${SMUGGLED}`],
  "another version": [505, `GET /first HTTP/2.0\r\nhost: a\r\n\r\n${SMUGGLED}`],
  "a version of letters": [400, `GET /first HTTP/x.1\r\nhost: a\r\n\r\n${SMUGGLED}`],
  "HTTP/0.9": [400, `GET /first\r\n\r\n${SMUGGLED}`],
  "a method that is no token": [400, `GE(T /first HTTP/1.1\r\nhost: a\r\n\r\n${SMUGGLED}`],
};

/** What breaks only after the head was good: the origin may have seen the first request, unfinished. */
const brokenBodies: Record<string, string> = {
  "a chunk size that is no number": "zz\r\nabc\r\n0\r\n\r\n",
  "a chunk size with a sign": "+3\r\nabc\r\n0\r\n\r\n",
  "a chunk size with 0x": "0x3\r\nabc\r\n0\r\n\r\n",
  "a chunk size that overflows": "10000000000000003\r\nabc\r\n0\r\n\r\n",
  "a chunk size with a space before": " 3\r\nabc\r\n0\r\n\r\n",
  "a chunk longer than its size": "3\r\nabcd\r\n0\r\n\r\n",
  "a chunk line that ends in LF": "3\nabc\r\n0\r\n\r\n",
  "chunk data that end in LF": "3\r\nabc\n0\r\n\r\n",
  "a bare CR in an extension": "3;a\rb\r\nabc\r\n0\r\n\r\n",
  "an extension without end": `3;${"x".repeat(200_000)}`,
  "an end in LF": `0\n\n`,
  "a trailer with a space before the colon": "0\r\ncontent-length : 5\r\n\r\n",
  "a folded trailer": "0\r\nx: 1\r\n 2\r\n\r\n",
};

/** All that the origin ever got up to an empty line. */
const heads: string[] = [];
let origin: RawOrigin;
let proxy: RunningProxy;
beforeAll(async () => {
  origin = await RawOrigin.start(async (peer) => {
    // Answers every head that it is sent: if two come, two answers.
    for (;;) {
      heads.push(await peer.through("\r\n\r\n"));
      peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    }
  });
  proxy = await startProxy(forwardTo(origin.address, { http: { trailers: true } }));
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

function received(): number {
  return origin.connections.reduce((sum, peer) => sum + peer.received, 0);
}

describe("refused at the head", () => {
  test.each(Object.entries(refused))("%s", async (_, [status, bytes]) => {
    const before = received();
    using client = await RawPeer.open(proxy.port);
    client.send(bytes);
    expect(statusOf(await client.next())).toBe(status);
    // Closed: what stood behind it is never read as a request.
    expect(await client.gone()).toBe("");
    expect(received()).toBe(before);
  });

  test.each(Object.entries(refused))("%s, byte by byte", async (_, [status, bytes]) => {
    const before = received();
    using client = await RawPeer.open(proxy.port);
    client.socket.on("error", () => {});
    // Enough of it: the rest is the smuggled request.
    const { length } = bytes.slice(0, 300);
    for (let at = 0; at < length && !client.ended; at++) {
      client.send(bytes.slice(at, at + 1));
      if (at % 8 === 0) await new Promise(setImmediate);
    }
    expect(statusOf(await client.next())).toBe(status);
    expect(received()).toBe(before);
  });
});

describe("broken in the body", () => {
  test.each(Object.entries(brokenBodies))("%s", async (_, body) => {
    const refusals = await proxy.admin.stat("http.front.downstream_cx_protocol_error");
    const requests = await proxy.admin.stat("http.front.downstream_rq_total");
    using client = await RawPeer.open(proxy.port);
    client.send(`POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${body}${SMUGGLED}`);
    const answers = await client.gone();
    // The origin may have answered its head at once; nothing came of what stood behind the broken body.
    expect(answers.split("HTTP/1.1 ").length - 1).toBeLessThanOrEqual(1);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    expect(heads.filter((head) => head.includes("/smuggled"))).toEqual([]);
    expect(await proxy.admin.stat("http.front.downstream_cx_protocol_error")).toBe(refusals + 1);
    expect(await proxy.admin.stat("http.front.downstream_rq_total")).toBe(requests + 1);
  });
});

describe("what is legal stays what it is", () => {
  test("a request in the body of another is a body", async () => {
    await using mirror = await RawOrigin.start(async (peer) => {
      const { body } = await peer.next();
      peer.send(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`).send(body);
    });
    await using own = await startProxy(forwardTo(mirror.address));
    using client = await RawPeer.open(own.port);
    client.send(post(`content-length: ${SMUGGLED.length}\r\n`, SMUGGLED));
    expect((await client.next()).body.toString()).toBe(SMUGGLED);
    expect(await own.admin.stat("http.front.downstream_rq_total")).toBe(1);
  });

  test("a Connection header that names what the proxy adds is refused", async () => {
    using client = await RawPeer.open(proxy.port);
    client.send(get("host: a\r\nconnection: x-forwarded-for\r\n"));
    expect(statusOf(await client.next())).toBe(400);
    await client.gone();
  });
});
