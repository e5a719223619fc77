// Both codecs between node:http2's client and node:http2's server, on real sockets: what goes in at one end comes out at the other, whatever the windows and buffers.
import { randomBytes } from "node:crypto";
import type http2 from "node:http2";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { Bridge, type BridgeOptions } from "./support/bridge.ts";
import { type Answer, NodeClient, NodeOrigin, collect, sha } from "./support/node-peers.ts";

const MB = 1024 * 1024;

interface World extends AsyncDisposable {
  readonly origin: NodeOrigin;
  readonly bridge: Bridge;
  readonly client: NodeClient;
}

async function world(
  onStream: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
  options: {
    readonly bridge?: BridgeOptions;
    readonly client?: http2.ClientSessionOptions;
    readonly origin?: http2.ServerOptions;
  } = {},
): Promise<World> {
  const origin = await NodeOrigin.start(onStream, options.origin);
  const bridge = await Bridge.start(origin.port, options.bridge);
  const client = await NodeClient.connect(bridge.url, options.client);
  return {
    origin,
    bridge,
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await bridge[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

function echo(stream: http2.ServerHttp2Stream): void {
  stream.respond({ ":status": 200 });
  stream.pipe(stream);
}

const SMALL_BUFFERS = { readBufferSizes: { minBytes: 1024, maxBytes: 1024 } };
const TINY = { initialStreamWindowSize: 65_535, initialConnectionWindowSize: 65_535, streamBufferBytes: 4096 };

describe("bodies", () => {
  it.each<[string, Parameters<typeof world>[1]]>([
    ["as configured", {}],
    ["tiny windows of ours", { bridge: { server: TINY, client: TINY } }],
    ["tiny read buffers", { bridge: SMALL_BUFFERS }],
    [
      "tiny windows of theirs",
      { client: { settings: { initialWindowSize: 1000 } }, origin: { settings: { initialWindowSize: 999 } } },
    ],
    [
      "tiny windows and buffers everywhere",
      {
        bridge: { ...SMALL_BUFFERS, server: TINY, client: TINY },
        client: { settings: { initialWindowSize: 5000 } },
        origin: { settings: { initialWindowSize: 7000 } },
      },
    ],
    [
      "large frames",
      { client: { settings: { maxFrameSize: 1 << 20 } }, origin: { settings: { maxFrameSize: 1 << 20 } } },
    ],
  ])("of megabytes come back whole, several at once: %s", async (name, options) => {
    const size = name.includes("theirs") || name.includes("everywhere") ? MB / 4 : 3 * MB;
    await using both = await world(echo, options);
    const bodies = Array.from({ length: 4 }, () => randomBytes(size));
    const answers = await Promise.all(
      bodies.map((body) => both.client.send({ ":method": "POST", ":path": "/" }, body)),
    );
    expect(answers.map((answer) => answer.sha)).toEqual(bodies.map((body) => sha(body)));
    expect(answers.map((answer) => answer.code)).toEqual([0, 0, 0, 0]);
    expect(both.bridge.stats.pendingSendBytes.value).toBe(0);
    await eventually("all streams are over", () => both.bridge.stats.streamsActive.value === 0);
  });

  it("wait for a client that does not read, and cost little while they do", async () => {
    const piece = randomBytes(MB);
    let sent = 0;
    await using both = await world(
      (stream) => {
        stream.respond({ ":status": 200 });
        const more = (): void => {
          while (sent < 64 && stream.write(piece)) sent++;
          if (sent < 64) stream.once("drain", () => (sent++, more()));
          else stream.end();
        };
        more();
      },
      { bridge: { server: TINY, client: { initialStreamWindowSize: MB } } },
    );
    const stream = both.client.session.request({ ":path": "/" });
    stream.pause();
    await eventually("the response stands still", () => both.bridge.pauses > 0);
    expect(sent).toBeLessThan(20);
    expect(both.bridge.stats.pendingSendBytes.value).toBeLessThan(2 * MB);
    const other = await both.client.send({ ":path": "/other", ":method": "HEAD" });
    expect(other.headers[":status"]).toBe(200);
    stream.close(8);
    await eventually("nothing is left", () => both.bridge.stats.pendingSendBytes.value === 0);
  });

  it("of any number of streams at once", async () => {
    await using both = await world(echo);
    const bodies = Array.from({ length: 200 }, (_, i) => randomBytes(i * 97));
    const answers = await Promise.all(
      bodies.map((body) => both.client.send({ ":method": "POST", ":path": "/" }, body)),
    );
    expect(answers.map((answer) => answer.sha)).toEqual(bodies.map((body) => sha(body)));
  });
});

describe("messages", () => {
  it("with trailers both ways and informational responses", async () => {
    await using both = await world((stream, headers) => {
      stream.additionalHeaders({ ":status": 103, link: "</a>" });
      let got: http2.IncomingHttpHeaders = {};
      stream.on("trailers", (fields) => (got = fields));
      stream.resume();
      stream.on("end", () => {
        stream.respond({ ":status": 201, "x-path": headers[":path"] }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "x-got": String(got["x-sent"]) }));
        stream.end("body");
      });
    });
    const answer = await both.client.send({ ":method": "POST", ":path": "/a?b=c" }, Buffer.from("x"), {
      "x-sent": "17",
    });
    expect(answer.informational).toEqual([103]);
    expect([answer.headers[":status"], answer.headers["x-path"], answer.text]).toEqual([201, "/a?b=c", "body"]);
    expect(answer.trailers!["x-got"]).toBe("17");
  });

  it("without a body: HEAD, 204, 304", async () => {
    await using both = await world((stream, headers) => {
      const status = Number(String(headers[":path"]).slice(1));
      stream.respond({ ":status": status, ...(status === 204 ? {} : { "content-length": "5" }) }, { endStream: true });
    });
    const seen: unknown[] = [];
    for (const [method, path] of [
      ["HEAD", "/200"],
      ["GET", "/304"],
      ["GET", "/204"],
    ]) {
      const answer: Answer = await both.client.send({ ":method": method!, ":path": path! });
      seen.push(answer.headers[":status"]);
      expect(answer.code).toBe(0);
    }
    expect(seen).toEqual([200, 304, 204]);
  });

  it("with many and long fields, cookies and secrets", async () => {
    await using both = await world((stream, headers) => {
      const { cookie, authorization } = headers;
      stream.respond({
        ":status": 200,
        "x-cookie": String(cookie),
        "x-auth": String(authorization),
        "x-long": "l".repeat(20_000),
        "set-cookie": ["a=1", "b=2"],
      });
      stream.end();
    });
    for (let i = 0; i < 3; i++) {
      const answer = await both.client.send({
        ":path": "/",
        cookie: ["a=b", "c=d"],
        authorization: "secret",
        "x-l": "v".repeat(9000),
      });
      expect(answer.headers["x-cookie"]).toBe("a=b; c=d");
      expect(answer.headers["x-auth"]).toBe("secret");
      expect(answer.headers["x-long"]).toHaveLength(20_000);
      expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    }
  });
});

describe("resets", () => {
  it("by the origin reach the client", async () => {
    await using both = await world((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("half");
      setImmediate(() => stream.destroy(new Error("broken")));
    });
    const answer = await both.client.send({ ":path": "/" });
    expect(answer.code).toBe(2);
    expect(both.bridge.resets).toEqual(["response remote_reset http2.remote_reset"]);
  });

  it("that refuse are told as such", async () => {
    await using both = await world((stream) => stream.close(7));
    await both.client.send({ ":path": "/" });
    expect(both.bridge.resets).toEqual(["response remote_reset http2.remote_refuse"]);
  });

  it("by the client reach the origin", async () => {
    const codes: number[] = [];
    await using both = await world((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("x");
      stream.once("close", () => codes.push(stream.rstCode!));
    });
    const stream = both.client.session.request({ ":path": "/" });
    const answer = collect(stream);
    stream.once("data", () => stream.close(8));
    await answer;
    await eventually("the origin knows", () => codes.length === 1);
    expect(codes).toEqual([8]);
    expect(both.bridge.resets).toEqual(["request remote_reset http2.remote_reset"]);
  });

  it("an answer before the request's end stops the upload", async () => {
    await using both = await world((stream) => {
      stream.respond({ ":status": 413 });
      stream.end("too much");
    });
    const stream = both.client.session.request({ ":method": "POST", ":path": "/" }, { endStream: false });
    const answer = collect(stream);
    stream.write(randomBytes(100_000));
    const { headers, text, code } = await answer;
    expect([headers[":status"], text, code]).toEqual([413, "too much", 0]);
    expect((await both.client.send({ ":path": "/" })).headers[":status"]).toBe(413);
  });

  it("of an origin that goes away end the streams, not the client's connection", async () => {
    await using both = await world((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("x");
      stream.session!.destroy();
    });
    const answer = await both.client.send({ ":path": "/" });
    expect(answer.code).toBe(2);
    expect(both.client.session.destroyed).toBe(false);
  });
});

describe("a connection", () => {
  it("drains: node finishes its streams and opens no new one", async () => {
    const held: http2.ServerHttp2Stream[] = [];
    await using both = await world((stream) => void held.push(stream));
    const closed = Promise.withResolvers<void>();
    both.client.session.once("close", () => closed.resolve());
    const answers = [both.client.send({ ":path": "/" }), both.client.send({ ":path": "/" })];
    await eventually("both are there", () => held.length === 2);
    both.bridge.connections[0]!.down.shutdown();
    await eventually("the client knows", () => both.client.session.closed);
    for (const stream of held) {
      stream.respond({ ":status": 200 });
      stream.end("done");
    }
    expect((await Promise.all(answers)).map(({ text, code }) => [text, code])).toEqual([
      ["done", 0],
      ["done", 0],
    ]);
    await closed.promise;
  });

  it("carries an extended CONNECT to the origin and bytes both ways", async () => {
    await using both = await world(
      (stream, headers) => {
        expect([headers[":method"], headers[":protocol"]]).toEqual(["CONNECT", "websocket"]);
        echo(stream);
      },
      { bridge: { server: { allowConnect: true } }, origin: { settings: { enableConnectProtocol: true } } },
    );
    await eventually(
      "the origin's settings are there",
      () => both.bridge.connections[0]?.upstream?.isConnectEnabled === true,
    );
    const answer = await both.client.send(
      { ":method": "CONNECT", ":protocol": "websocket", ":path": "/chat" },
      Buffer.from("frames"),
    );
    expect([answer.headers[":status"], answer.text, answer.code]).toEqual([200, "frames", 0]);
  });

  it("survives SETTINGS in the middle of everything", async () => {
    await using both = await world(echo);
    const body = randomBytes(2 * MB);
    const answer = both.client.send({ ":method": "POST", ":path": "/" }, body);
    for (const initialWindowSize of [10, 100_000, 1, 65_535, 1 << 20]) {
      both.client.session.settings({ initialWindowSize, headerTableSize: initialWindowSize % 5000 });
      for (const session of both.origin.sessions) session.settings({ initialWindowSize });
      await both.client.send({ ":method": "POST", ":path": "/" }, Buffer.from("x"));
    }
    expect((await answer).sha).toBe(sha(body));
  });
});
