import { once } from "node:events";
import {
  Agent,
  createServer as createHttpServer,
  request,
  type RequestOptions,
  type Server as HttpServer,
} from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createFloorProxy } from "./proxy.ts";

const opened: Array<Server | HttpServer> = [];
const sockets = new Set<Socket>();

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of opened.splice(0)) server.close();
  sockets.clear();
});

async function listen(server: Server | HttpServer): Promise<number> {
  opened.push(server);
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A proxy before an origin that answers what it was asked and sent. */
async function proxyToEcho(): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const origin = createHttpServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks);
      if (incoming.url === "/chunked") response.write(body.subarray(0, 10));
      else response.setHeader("content-length", body.length + 1);
      response.write(incoming.url === "/chunked" ? body.subarray(10) : body);
      response.end("!");
    });
  });
  origin.on("connection", () => connections++);
  return { port: await listen(createFloorProxy(await listen(origin))), connections: () => connections };
}

/** A proxy before an origin that answers every chunk of bytes with `reply`, split as given. */
async function proxyToScript(reply: string[], end = false): Promise<number> {
  const origin = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", () => {
      for (const part of reply) socket.write(part, "latin1");
      if (end) socket.end();
    });
  });
  return listen(createFloorProxy(await listen(origin)));
}

async function ask(options: RequestOptions, body: Buffer = Buffer.alloc(0)): Promise<{ status: number; body: Buffer }> {
  const call = request({ host: "127.0.0.1", ...options });
  call.end(body);
  const [response] = (await once(call, "response")) as [import("node:http").IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks) };
}

/** Writes `parts` one after the other on one connection and returns what came back until `expected` was in it. */
async function talk(port: number, parts: string[], expected: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  sockets.add(socket);
  let text = "";
  const done = new Promise<void>((resolve, reject) => {
    socket.on("data", (data: Buffer) => {
      text += data.toString("latin1");
      if (text.includes(expected)) resolve();
    });
    socket.on("close", () => (text.includes(expected) ? resolve() : reject(new Error(`closed after: ${text}`))));
    socket.on("error", reject);
  });
  for (const part of parts) await new Promise((resolve) => socket.write(part, "latin1", resolve));
  await done;
  return text;
}

describe("floor proxy", () => {
  it("forwards a GET and a body of every size, length-delimited and chunked, over one upstream connection", async () => {
    const { port, connections } = await proxyToEcho();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const size of [0, 1, 4096, 4097, 70_000, 300_000]) {
      const body = Buffer.alloc(size, "abcdefghijklmnopqrstuvwxyz");
      const expected = `${body.toString()}!`;
      const withLength = await ask(
        { port, agent, method: "POST", path: "/", headers: { "content-length": size } },
        body,
      );
      expect(withLength.body.toString()).toBe(expected);
      const chunked = await ask(
        { port, agent, method: "POST", path: "/chunked", headers: { "transfer-encoding": "chunked" } },
        body,
      );
      expect(chunked.body.toString()).toBe(expected);
    }
    agent.destroy();
    expect(connections()).toBe(1);
  });

  it("reads a head and a chunked body that come byte by byte", async () => {
    const { port } = await proxyToEcho();
    const message =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nt: 1\r\n\r\n";
    expect(await talk(port, message.split(""), "hello!")).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  });

  it("answers pipelined requests in order", async () => {
    const { port } = await proxyToEcho();
    const one = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\none";
    const two = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\ntwo";
    expect(await talk(port, [one + two], "two!")).toMatch(/one![\s\S]*two!$/);
  });

  it("passes on 100 and 103 before the answer", async () => {
    const port = await proxyToScript([
      "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ]);
    expect(await talk(port, ["GET / HTTP/1.1\r\nhost: a\r\n\r\n"], "ok")).toMatch(
      /^HTTP\/1.1 103 [\s\S]*HTTP\/1.1 200 OK/,
    );
  });

  it("ends a close-delimited answer by closing", async () => {
    const port = await proxyToScript(["HTTP/1.1 200 OK\r\n\r\n", "until the end"], true);
    const answer = await ask({ port });
    expect(answer.body.toString()).toBe("until the end");
  });

  it("answers HEAD, 204 and 304 without waiting for a body", async () => {
    const port = await proxyToScript(["HTTP/1.1 200 OK\r\ncontent-length: 70\r\n\r\n"]);
    expect((await ask({ port, method: "HEAD" })).status).toBe(200);
    const notModified = await proxyToScript(["HTTP/1.1 304 Not Modified\r\ncontent-length: 70\r\n\r\n"]);
    expect((await ask({ port: notModified })).status).toBe(304);
  });

  it("answers 502 when the origin hangs up before its answer, and closes", async () => {
    const port = await proxyToScript([], true);
    expect((await ask({ port })).status).toBe(502);
  });

  it("closes after the answer when the client asked for it", async () => {
    const { port } = await proxyToEcho();
    const socket = connect({ port, host: "127.0.0.1" });
    socket.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toContain("connection: close");
  });

  it("delivers a large answer to a slow reader unharmed", async () => {
    const body = Buffer.alloc(8 * 2 ** 20);
    for (let i = 0; i < body.length; i += 4) body.writeUInt32LE(i, i);
    const origin = createHttpServer((_incoming, response) => {
      response.setHeader("content-length", body.length);
      response.end(body);
    });
    const port = await listen(createFloorProxy(await listen(origin)));
    const call = request({ host: "127.0.0.1", port });
    call.end();
    const [response] = (await once(call, "response")) as [import("node:http").IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(Buffer.concat(chunks).equals(body)).toBe(true);
  });
});
