// HTTP/2 towards origins, from clients of either protocol: messages, pools, and what servers refuse.
import { createServer } from "node:net";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { Http2Client, answerOf } from "../support/http2-client.ts";
import { Http2Origin } from "../support/http2-origin.ts";
import { send } from "../support/http-request.ts";
import { type Forwarding, forwardTo, startProxy } from "../support/proxy.ts";
import { certificate, pem } from "../support/tls.ts";

const over = (address: string, more: Forwarding = {}) =>
  forwardTo(address, { ...more, cluster: { protocol: "http2", ...more.cluster } });

describe("messages", () => {
  test("of HTTP/1 clients reach an HTTP/2 origin with everything but what belongs to one hop", async () => {
    await using origin = await Http2Origin.start();
    await using proxy = await startProxy(over(origin.address));
    const body = Buffer.alloc(3 << 20, "abc");
    const response = await send(proxy.port, "/a?b=c", {
      method: "POST",
      body,
      headers: { "X-One": "1", connection: "keep-alive, x-hop", "x-hop": "1", "keep-alive": "timeout=5" },
    });
    expect([response.status, response.body.equals(body)]).toEqual([200, true]);
    expect(origin.seen[0]).toMatchObject({
      ":method": "POST",
      ":path": "/a?b=c",
      ":scheme": "http",
      ":authority": `127.0.0.1:${proxy.port}`,
      "x-one": "1",
    });
    for (const name of ["connection", "x-hop", "keep-alive", "transfer-encoding", "host"])
      expect(origin.seen[0]![name], name).toBeUndefined();
    expect(await proxy.admin.stat("cluster.web.upstream_cx_http2_total")).toBe(1);
  });

  test("of HTTP/2 clients: hundreds at a time share one connection, with trailers and informational responses", async () => {
    await using origin = await Http2Origin.start((stream, headers) => {
      stream.additionalHeaders({ ":status": 103, link: "</a.css>" });
      const chunks: Buffer[] = [];
      let told = {};
      stream.on("trailers", (trailers) => (told = { "x-up": trailers["x-up"] }));
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        stream.respond({ ":status": 200, "x-path": String(headers[":path"]) }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "done", ...told }));
        stream.end(Buffer.concat(chunks));
      });
    });
    await using proxy = await startProxy(over(origin.address));
    await using client = await Http2Client.open(proxy.port);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => {
        const stream = client.session.request({ ":method": "POST", ":path": `/${index}` }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "x-up": `${index}` }));
        stream.end(`body ${index}`);
        return answerOf(stream);
      }),
    );
    for (const [index, { status, headers, body, trailers, informational }] of answers.entries()) {
      expect([status, headers["x-path"], body.toString()]).toEqual([200, `/${index}`, `body ${index}`]);
      expect(trailers).toMatchObject({ "x-sum": "done", "x-up": `${index}` });
      expect(informational.length).toBe(1);
    }
    expect(origin.sessions.length).toBe(1);
    const stats = await proxy.admin.stats();
    expect(stats.get("cluster.web.upstream_cx_total")).toBe(1);
    expect(stats.get("cluster.web.upstream_rq_total")).toBe(200);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    await proxy.admin.reaches("cluster.web.http2.streams_active", 0);
  });

  test("over TLS by ALPN", async () => {
    await using origin = await Http2Origin.start(undefined, {}, certificate("server"));
    await using proxy = await startProxy(
      over(origin.address, { cluster: { tls: { ca: pem("ca"), sni: "server.test" } } }),
    );
    const response = await send(proxy.port, "/", { method: "POST", body: "secret" });
    expect([response.status, response.body.toString()]).toEqual([200, "secret"]);
    expect(origin.sessions[0]!.alpnProtocol).toBe("h2");
  });

  test("a WebSocket of HTTP/1 becomes an extended CONNECT, also on the first request of a connection", async () => {
    await using origin = await Http2Origin.start(
      (stream) => {
        stream.respond({ ":status": 200 });
        stream.pipe(stream);
      },
      { settings: { enableConnectProtocol: true } },
    );
    await using proxy = await startProxy(over(origin.address, { http: { upgrades: ["websocket"] } }));
    await using client = await Http2Client.open(proxy.port);
    const stream = client.start({ ":method": "CONNECT", ":protocol": "websocket", ":path": "/ws", ":scheme": "http" });
    const [headers] = (await once(stream, "response")) as [{ ":status": number }];
    expect(headers[":status"]).toBe(200);
    stream.end("raw bytes");
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe("raw bytes");
    expect(origin.seen[0]).toMatchObject({ ":method": "CONNECT", ":protocol": "websocket", ":path": "/ws" });
  });
});

describe("the pool", () => {
  test("a burst waits for one connection", async () => {
    await using origin = await Http2Origin.start();
    await using proxy = await startProxy(over(origin.address));
    const responses = await Promise.all(Array.from({ length: 50 }, () => send(proxy.port, "/")));
    expect(responses.every(({ status }) => status === 200)).toBe(true);
    expect(origin.sessions.length).toBe(1);
  });

  test("beyond what the server takes at a time another connection is opened, and nothing is refused", async () => {
    const answers: Array<() => void> = [];
    await using origin = await Http2Origin.start(
      (stream) =>
        void answers.push(() => {
          stream.respond({ ":status": 200 });
          stream.end("late");
        }),
      { settings: { maxConcurrentStreams: 10 } },
    );
    await using proxy = await startProxy(over(origin.address));
    await using client = await Http2Client.open(proxy.port);
    const open = Array.from({ length: 35 }, () => client.send());
    await eventually("all are there", () => answers.length === 35);
    expect(origin.sessions.length).toBe(4);
    for (const answer of answers) answer();
    expect((await Promise.all(open)).every(({ status }) => status === 200)).toBe(true);
    expect(await proxy.admin.stat("cluster.web.http2.stream_refused_errors")).toBe(0);
  });

  test("GOAWAY: what is open is finished, what comes takes another connection", async () => {
    let requests = 0;
    const answers: Array<() => void> = [];
    await using origin = await Http2Origin.start((stream) => {
      const number = ++requests;
      const answer = (): void => {
        stream.respond({ ":status": 200 });
        stream.end(`${number}`);
      };
      if (number === 1) answers.push(answer);
      else answer();
    });
    await using proxy = await startProxy(over(origin.address));
    await using client = await Http2Client.open(proxy.port);
    const first = client.send();
    await eventually("the first is there", () => answers.length === 1);
    origin.sessions[0]!.goaway(0, 1);
    await eventually("the next takes another connection", async () => {
      await client.send();
      return origin.sessions.length === 2;
    });
    answers[0]!();
    expect((await first).body.toString()).toBe("1");
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 1);
    expect(await proxy.admin.stat("cluster.web.upstream_rq_rx_reset")).toBe(0);
  });

  test("REFUSED_STREAM is sent again with a body that was kept, and told where that is too long", async () => {
    let requests = 0;
    await using origin = await Http2Origin.start((stream) => {
      if (++requests % 2 === 1) stream.close(7);
      else {
        stream.respond({ ":status": 200 });
        stream.end("second");
      }
    });
    await using proxy = await startProxy(over(origin.address));
    await using client = await Http2Client.open(proxy.port);
    expect((await client.send()).body.toString()).toBe("second");
    expect((await client.send({ ":method": "POST" }, "body")).body.toString()).toBe("second");
    expect((await client.send({ ":method": "POST" }, Buffer.alloc(20_000))).status).toBe(503);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_rq_pending_active", 0);
  });

  test("ends a connection by its idle time, its requests, its age", async () => {
    await using origin = await Http2Origin.start();
    await using idle = await startProxy(over(origin.address, { cluster: { idle_timeout: "0.1s" } }));
    expect((await send(idle.port, "/")).status).toBe(200);
    await idle.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect(await idle.admin.stat("cluster.web.upstream_cx_idle_timeout")).toBe(1);
    await using few = await startProxy(over(origin.address, { cluster: { max_requests_per_connection: 2 } }));
    for (let round = 0; round < 4; round++) expect((await send(few.port, "/")).status).toBe(200);
    expect(await few.admin.stat("cluster.web.upstream_cx_total")).toBe(2);
    await few.admin.reaches("cluster.web.upstream_cx_active", 0);
    await using old = await startProxy(over(origin.address, { cluster: { max_connection_duration: "0.1s" } }));
    expect((await send(old.port, "/")).status).toBe(200);
    await old.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect(await old.admin.stat("cluster.web.upstream_cx_max_duration_reached")).toBe(1);
  });

  test("a server that speaks no HTTP/2, or is not there, is 503 for everyone who waits", async () => {
    await using http1 = await HttpOrigin.start();
    await using closing = createServer((socket) => socket.destroy());
    closing.listen(0, "127.0.0.1");
    await once(closing, "listening");
    const { port } = closing.address() as { port: number };
    for (const address of [http1.address, `127.0.0.1:${port}`, "127.0.0.1:1"]) {
      await using proxy = await startProxy(over(address));
      const responses = await Promise.all(Array.from({ length: 5 }, () => send(proxy.port, "/")));
      expect(responses.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
      await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
      await proxy.admin.reaches("cluster.web.upstream_rq_pending_active", 0);
    }
  });

  test("an origin that dies resets what is open and is connected to anew", async () => {
    let stuck = true;
    await using origin = await Http2Origin.start((stream) => {
      if (stuck) return;
      stream.respond({ ":status": 200 });
      stream.end();
    });
    await using proxy = await startProxy(over(origin.address));
    await using client = await Http2Client.open(proxy.port);
    const open = Array.from({ length: 20 }, () => client.send());
    await eventually("all are there", () => origin.seen.length === 20);
    stuck = false;
    origin.sessions[0]!.destroy();
    expect((await Promise.all(open)).every(({ status }) => status === 503)).toBe(true);
    expect((await client.send()).status).toBe(200);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
  });

  test("a client that gives up resets its stream upstream and no other", async () => {
    const codes: number[] = [];
    const answers: Array<() => void> = [];
    await using origin = await Http2Origin.start((stream) => {
      stream.on("close", () => codes.push(stream.rstCode ?? -1));
      answers.push(() => {
        if (stream.destroyed) return;
        stream.respond({ ":status": 200 });
        stream.end("done");
      });
    });
    await using proxy = await startProxy(over(origin.address));
    await using client = await Http2Client.open(proxy.port);
    const kept = client.send();
    const lost = client.start({}, true);
    await eventually("both are there", () => answers.length === 2);
    lost.close(8);
    await eventually("the origin knows", () => codes.length === 1);
    expect(codes).toEqual([8]);
    for (const answer of answers) answer();
    expect((await kept).body.toString()).toBe("done");
    expect(origin.sessions.length).toBe(1);
  });
});
