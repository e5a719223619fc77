// HTTP/2 clients in front of a whole proxy: how the protocol is chosen, what requests and responses keep on their way to HTTP/1 origins and back.
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { statusOf } from "../support/http-message.ts";
import { type Echo, HttpOrigin, mirror } from "../support/http-origin.ts";
import { Http2Client, answerOf } from "../support/http2-client.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { certificate, pem } from "../support/tls.ts";

const SERVER = (({ cert, key }) => ({ cert, key }))(certificate("server"));
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

describe("which protocol", () => {
  test("a plain connection that begins with the preface is HTTP/2, beside others that are HTTP/1", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    await using client = await Http2Client.open(proxy.port);
    using other = await RawPeer.open(proxy.port);
    other.send("GET /one HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(statusOf(await other.next())).toBe(200);
    expect((await client.send({ ":path": "/two" })).status).toBe(200);
    expect(origin.seen).toEqual(["GET /one", "GET /two"]);
    const stats = await proxy.admin.stats();
    expect(stats.get("http.front.downstream_cx_http1_total")).toBe(1);
    expect(stats.get("http.front.downstream_cx_http2_total")).toBe(1);
    expect(stats.get("http.front.downstream_cx_http2_active")).toBe(1);
    expect(stats.get("http.front.downstream_rq_http1_total")).toBe(1);
    expect(stats.get("http.front.downstream_rq_http2_total")).toBe(1);
  });

  test("the preface may come byte by byte, and so may a request that begins like it", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    using h2 = await RawPeer.open(proxy.port);
    for (const byte of PREFACE) h2.send(byte);
    h2.send("\0\0\0\x04\0\0\0\0\0");
    await h2.through("\0\0\0\x04\x01");
    for (const method of ["PUT", "PATCH", "PROPFIND"]) {
      using h1 = await RawPeer.open(proxy.port);
      for (const byte of `${method} / HTTP/1.1\r\nhost: a\r\n\r\n`) h1.send(byte);
      expect((JSON.parse((await h1.next()).body.toString()) as Echo).method).toBe(method);
    }
    expect(await proxy.admin.stat("http.front.downstream_cx_http2_total")).toBe(1);
  });

  test("half a preface has the time of a request head: 408, as HTTP/1", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { request_headers_timeout: "0.1s" } }));
    using client = await RawPeer.open(proxy.port);
    client.send("PRI * HT");
    expect(statusOf(await client.next())).toBe(408);
    await client.gone();
    expect(await proxy.admin.stat("http.front.downstream_rq_header_timeout")).toBe(1);
  });

  test("over TLS it is what ALPN says, and the listener offers both", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { listener: { tls: SERVER } }));
    const tls = { ca: pem("ca"), servername: "server.test" };
    await using client = await Http2Client.open(proxy.port, tls, "https");
    expect(client.session.alpnProtocol).toBe("h2");
    const seen = JSON.parse((await client.send({})).body.toString()) as Echo;
    expect(seen.headers["x-forwarded-proto"]).toBe("https");
    using old = await RawPeer.openTls(proxy.port, { ...tls, ALPNProtocols: ["http/1.1"] });
    old.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(statusOf(await old.next())).toBe(200);
    using silent = await RawPeer.openTls(proxy.port, tls);
    silent.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(statusOf(await silent.next())).toBe(200);
    expect(await proxy.admin.stat("http.front.downstream_cx_http1_total")).toBe(2);
  });
});

describe("messages", () => {
  test("a request reaches an HTTP/1 origin with its target, host, cookies and body, and nothing of HTTP/2 leaks", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    await using client = await Http2Client.open(proxy.port);
    const { status, headers, body } = await client.send(
      {
        ":method": "POST",
        ":path": "/a%20b?c=d",
        ":authority": "Example.com:99",
        cookie: ["a=1", "b=2"],
        "x-one": "1",
        te: "trailers",
      },
      "body",
    );
    expect([status, headers.server]).toEqual([200, "envoy"]);
    const seen = JSON.parse(body.toString()) as Echo;
    expect(seen).toMatchObject({ method: "POST", url: "/a%20b?c=d", body: "body" });
    expect(seen.headers).toMatchObject({ host: "Example.com:99", cookie: "a=1; b=2", "x-one": "1" });
    expect(seen.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(seen.rawHeaders.filter((name) => name.startsWith(":"))).toEqual([]);
    for (const name of ["connection", "transfer-encoding", "keep-alive"]) expect(headers[name]).toBeUndefined();
  });

  test("hundreds at a time over one connection each get their own answer", async () => {
    await using origin = await HttpOrigin.start(mirror);
    await using proxy = await startProxy(forwardTo(origin.address));
    await using client = await Http2Client.open(proxy.port);
    const bodies = Array.from({ length: 300 }, (_, index) => Buffer.alloc(1 + index * 97, index));
    const answers = await Promise.all(bodies.map((body) => client.send({ ":method": "POST" }, body)));
    for (const [index, answer] of answers.entries()) expect(answer.body.equals(bodies[index]!), `${index}`).toBe(true);
    expect(await proxy.admin.stat("http.front.downstream_cx_total")).toBe(1);
    await proxy.admin.reaches("http.front.downstream_rq_active", 0);
    await proxy.admin.reaches("http2.streams_active", 0);
    const lines = await proxy.accessLog();
    expect(lines.length).toBe(300);
    expect(lines.reduce((sum, { sent }) => sum + sent, 0)).toBe(bodies.reduce((sum, { length }) => sum + length, 0));
  });

  test("trailers and informational responses pass, both ways", async () => {
    await using origin = await HttpOrigin.start((request, response) => {
      response.writeEarlyHints({ link: "</style.css>; rel=preload" });
      request.resume().on("end", () => {
        response.writeHead(200, { trailer: "x-check" });
        response.write(JSON.stringify(request.trailers));
        response.addTrailers({ "x-check": "sum" });
        response.end();
      });
    });
    await using proxy = await startProxy(forwardTo(origin.address, { cluster: { trailers: true } }));
    await using client = await Http2Client.open(proxy.port);
    const stream = client.session.request({ ":method": "POST", ":path": "/" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-up": "yes" }));
    stream.end("body");
    const answer = await answerOf(stream);
    expect(answer.informational.map((headers) => headers[":status"])).toEqual([103]);
    expect(JSON.parse(answer.body.toString())).toEqual({ "x-up": "yes" });
    expect(answer.trailers["x-check"]).toBe("sum");
  });

  test("HEAD, 204, 304 and a request without a body keep their framing", async () => {
    await using origin = await HttpOrigin.start((request, response) => {
      const status = Number(request.url!.slice(1));
      response.writeHead(status, status === 200 ? { "content-length": 1234 } : {}).end();
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    await using client = await Http2Client.open(proxy.port);
    const head = await client.send({ ":method": "HEAD", ":path": "/200" });
    expect([head.status, head.headers["content-length"], head.body.length]).toEqual([200, "1234", 0]);
    for (const status of [204, 304]) {
      const answer = await client.send({ ":path": `/${status}` });
      expect([answer.status, answer.body.length, answer.resetCode]).toEqual([status, 0, 0]);
    }
  });

  test("local replies answer gRPC with a status in one block, others with a page", async () => {
    await using proxy = await startProxy(forwardTo("127.0.0.1:1", { route: { prefix: "/only" } }));
    await using client = await Http2Client.open(proxy.port);
    const plain = await client.send({ ":path": "/else" });
    expect(plain.status).toBe(404);
    const grpc = await client.send(
      { ":method": "POST", ":path": "/only/Call", "content-type": "application/grpc", te: "trailers" },
      Buffer.alloc(5),
    );
    expect(grpc.status).toBe(200);
    expect(grpc.headers).toMatchObject({ "content-type": "application/grpc", "grpc-status": "14" });
    expect(grpc.body.length).toBe(0);
  });

  test("each request has an id of its own, and the access log names the protocol", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(
      forwardTo(origin.address, {
        http: { access_log: { to: "LOG_FILE", format: "%RESPONSE_CODE% %PROTOCOL% %STREAM_ID% x /%PROTOCOL% 0 0" } },
      }),
    );
    await using client = await Http2Client.open(proxy.port);
    await Promise.all([client.send(), client.send(), client.send()]);
    await proxy.admin.reaches("http.front.downstream_rq_completed", 3);
    const lines = await proxy.accessLog();
    expect(lines.map(({ flags }) => flags)).toEqual(["HTTP/2", "HTTP/2", "HTTP/2"]);
    expect(new Set(lines.map(({ details }) => details)).size).toBe(3);
  });
});

describe("broken messages", () => {
  test("a head that is too large is 431 for its stream alone; one that is malformed ends the connection", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    await using client = await Http2Client.open(proxy.port, { maxSendHeaderBlockLength: 1 << 20 });
    const [large, small] = await Promise.all([client.send({ x: "y".repeat(70_000) }), client.send()]);
    expect([large.status, small.status]).toEqual([431, 200]);
    const bad = client.send({ ":path": "" });
    await client.gone();
    expect((await bad).status).toBe(0);
    expect(client.goaways.at(-1)?.code).toBe(1);
    const stats = await proxy.admin.stats();
    expect(stats.get("http.front.downstream_cx_protocol_error")).toBe(1);
    expect(stats.get("http2.header_overflow")).toBe(1);
    expect(stats.get("http2.rx_messaging_error")).toBe(1);
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
  });

  test("a connection error counts once, however many streams it costs", async () => {
    await using origin = await HttpOrigin.start(() => {});
    await using proxy = await startProxy(forwardTo(origin.address));
    await using client = await Http2Client.open(proxy.port);
    const open = Array.from({ length: 5 }, () => client.send());
    await proxy.admin.reaches("http.front.downstream_rq_active", 5);
    void client.send({ ":path": "" });
    await Promise.all(open);
    await proxy.admin.reaches("http.front.downstream_cx_http2_active", 0);
    expect(await proxy.admin.stat("http.front.downstream_cx_protocol_error")).toBe(1);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    const lines = await proxy.accessLog();
    expect(lines.map(({ flags }) => flags)).toEqual(Array.from({ length: 5 }, () => "DPE"));
  });

  test("more streams than allowed are refused, and the connection goes on", async () => {
    const release: Array<() => void> = [];
    await using origin = await HttpOrigin.start((_, response) => void release.push(() => response.end("late")));
    await using proxy = await startProxy(forwardTo(origin.address, { http: { edge: true } }));
    await using client = await Http2Client.open(proxy.port);
    expect(client.session.remoteSettings.maxConcurrentStreams).toBe(100);
    const open = Array.from({ length: 100 }, () => client.send());
    await proxy.admin.reaches("http.front.downstream_rq_active", 100);
    await eventually("the origin has all of them", () => release.length === 100);
    for (const answer of release) answer();
    expect((await Promise.all(open)).every(({ status }) => status === 200)).toBe(true);
  });
});

describe("resets", () => {
  test("a client that gives a stream up frees its upstream, and its siblings go on", async () => {
    const answers: Array<() => void> = [];
    let closed = 0;
    await using origin = await HttpOrigin.start((request, response) => {
      request.socket.on("close", () => closed++);
      answers.push(() => response.end("done"));
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    await using client = await Http2Client.open(proxy.port);
    const kept = client.send();
    const lost = client.start({}, true);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 2);
    await eventually("the origin has all of them", () => answers.length === 2);
    lost.close(8);
    await proxy.admin.reaches("http.front.downstream_rq_rx_reset", 1);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 1);
    for (const answer of answers) answer();
    expect((await kept).body.toString()).toBe("done");
    expect(closed).toBe(1);
    const lines = await proxy.accessLog();
    expect(lines.find(({ status }) => status === 0)).toMatchObject({ flags: "DR", details: "http2.remote_reset" });
  });

  test("an origin that breaks off in the middle of a body is a reset of its stream", async () => {
    await using origin = await HttpOrigin.start((request, response) => {
      response.writeHead(200, { "content-length": 1000 });
      response.write("half", () => request.socket.destroy());
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    await using client = await Http2Client.open(proxy.port);
    const answer = await client.send();
    expect([answer.status, answer.body.toString(), answer.resetCode]).toEqual([200, "half", 2]);
    expect((await client.send()).status).toBe(200);
    expect(await proxy.admin.stat("http.front.downstream_cx_total")).toBe(1);
  });

  test("an answer before the request's end stops the upload without an error", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { route: { prefix: "/only" } }));
    await using client = await Http2Client.open(proxy.port);
    const upload = client.start({ ":method": "POST", ":path": "/else" });
    upload.write("beginning");
    const answer = await answerOf(upload);
    expect([answer.status, answer.resetCode]).toEqual([404, 0]);
    expect((await client.send({ ":path": "/only" })).status).toBe(200);
    await proxy.admin.reaches("http.front.downstream_rq_active", 0);
  });

  test("clients that vanish with hundreds of streams open leave nothing behind", async () => {
    await using origin = await HttpOrigin.start(() => {});
    await using proxy = await startProxy(forwardTo(origin.address));
    for (let round = 0; round < 3; round++) {
      const client = await Http2Client.open(proxy.port);
      const open = Array.from({ length: 100 }, () => client.send({ ":method": "POST" }, "x"));
      await proxy.admin.reaches("http.front.downstream_rq_active", 100);
      client.session.destroy();
      await Promise.all(open);
      for (const gauge of [
        "http.front.downstream_cx_active",
        "http.front.downstream_rq_active",
        "http2.streams_active",
      ])
        await proxy.admin.reaches(gauge, 0);
      await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    }
  });
});

describe("the end of a connection", () => {
  test("idle, it is told GOAWAY and closed", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { http: { idle_timeout: "0.1s" } }));
    await using client = await Http2Client.open(proxy.port);
    expect((await client.send()).status).toBe(200);
    await client.gone();
    // This client leaves at the first one.
    expect(client.goaways[0]).toEqual({ code: 0, lastStreamId: 2 ** 31 - 1 });
    expect(client.error).toBeNull();
    expect(await proxy.admin.stat("http.front.downstream_cx_idle_timeout")).toBe(1);
  });

  test("after its greatest number of requests every open stream is finished, and no new one taken", async () => {
    await using origin = await HttpOrigin.start(mirror);
    await using proxy = await startProxy(forwardTo(origin.address, { http: { max_requests_per_connection: 3 } }));
    await using client = await Http2Client.open(proxy.port);
    const answers = await Promise.all([1, 2, 3].map((size) => client.send({ ":method": "POST" }, "x".repeat(size))));
    expect(answers.map(({ body }) => body.length)).toEqual([1, 2, 3]);
    await client.gone();
    expect(client.error).toBeNull();
    expect(await proxy.admin.stat("http.front.downstream_cx_max_requests_reached")).toBe(1);
  });

  test("at its greatest age it is drained: what is open ends in peace", async () => {
    const answers: Array<() => void> = [];
    await using origin = await HttpOrigin.start((_, response) => void answers.push(() => response.end("done")));
    await using proxy = await startProxy(
      forwardTo(origin.address, { http: { max_connection_duration: "0.2s", drain_timeout: "0.1s" } }),
    );
    await using client = await Http2Client.open(proxy.port);
    const open = client.send();
    await proxy.admin.reaches("http.front.downstream_cx_max_duration_reached", 1);
    await eventually("both GOAWAYs have come", () => client.goaways.length === 2);
    expect(client.goaways.map(({ lastStreamId }) => lastStreamId)).toEqual([2 ** 31 - 1, 1]);
    expect(client.closed).toBe(false);
    for (const answer of answers) answer();
    expect((await open).body.toString()).toBe("done");
    await client.gone();
    expect(client.error).toBeNull();
  });

  test("draining listeners take their leave of every connection, while requests keep being answered", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    await using client = await Http2Client.open(proxy.port);
    expect((await client.send()).status).toBe(200);
    await proxy.admin.post("/drain_listeners?graceful");
    await client.gone();
    expect(client.goaways[0]).toEqual({ code: 0, lastStreamId: 2 ** 31 - 1 });
    expect(client.error).toBeNull();
  });
});
