// tcp_proxy between real sockets: early bytes, half-closes, resets and dead hosts, at every stage, with nothing left behind.
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { LoopbackServer } from "../support/loopback.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { TcpWorld, type TcpWorldOptions } from "../support/tcp-world.ts";
import { certificate, downstreamTls, exactSan, pem, upstreamTls } from "../support/tls.ts";

/** The ends that the origin has of its connections, in order. */
class Origin {
  readonly peers: RawPeer[] = [];

  readonly onSocket = (socket: Socket): void => {
    this.peers.push(new RawPeer(socket));
  };

  peer(index = 0): Promise<RawPeer> {
    return eventually(`connection ${index} to the origin`, () => this.peers[index]);
  }
}

async function start(options: Omit<TcpWorldOptions, "onSocket"> = {}) {
  const origin = new Origin();
  const world = await TcpWorld.start({ ...options, onSocket: origin.onSocket });
  return { origin, world, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

async function nothingLeft(world: TcpWorld): Promise<void> {
  await eventually("no client connection", () => world.open === 0);
  await eventually("no upstream connection", () => world.origin.open === 0);
  await eventually(
    "no upstream connection counted",
    () => world.services.gaugeValue("cluster.c.upstream_cx_active") === 0,
  );
  expect(world.services.gaugeValue("listener.test.downstream_cx_active")).toBe(0);
  expect(world.services.timers).toHaveProperty("size", 0);
}

async function freePort(): Promise<number> {
  await using server = await LoopbackServer.start(() => {});
  return server.port;
}

describe("bytes and half-closes", () => {
  test("bytes sent before the upstream connection stands arrive", async () => {
    await using it = await start();
    const client = await RawPeer.open(it.world.port);
    client.send("at once").end();
    const origin = await it.origin.peer();
    expect(await origin.gone()).toBe("at once");
    origin.send("answered").end();
    expect(await client.gone()).toBe("answered");
    await nothingLeft(it.world);
  });

  test("the client may end first and still read; the origin may end first and still read", async () => {
    await using it = await start();
    for (const [index, order] of [
      [0, "client first"],
      [1, "origin first"],
    ] as const) {
      const client = await RawPeer.open(it.world.port);
      const origin = await it.origin.peer(index);
      const [first, second] = order === "client first" ? [client, origin] : [origin, client];
      first.send("ends").end();
      expect(await second.gone()).toBe("ends");
      second.send("x".repeat(300_000));
      expect((await first.bytes(300_000)).length).toBe(300_000);
      second.end();
      await first.gone();
    }
    await nothingLeft(it.world);
  });

  test("an origin that speaks first is heard", async () => {
    await using it = await start();
    const client = await RawPeer.open(it.world.port);
    (await it.origin.peer()).send("220 ready\r\n");
    expect(await client.through("\n")).toBe("220 ready\r\n");
    client.reset();
    await nothingLeft(it.world);
  });
});

describe("resets", () => {
  test("of the client reach the origin, of the origin the client", async () => {
    await using it = await start();
    const client = await RawPeer.open(it.world.port);
    const origin = await it.origin.peer();
    client.send("x");
    await origin.through("x");
    client.reset();
    await eventually("reset", () => origin.error === "ECONNRESET");

    const other = await RawPeer.open(it.world.port);
    const otherOrigin = await it.origin.peer(1);
    other.send("x");
    await otherOrigin.through("x");
    otherOrigin.reset();
    await eventually("reset", () => other.error === "ECONNRESET");
    await nothingLeft(it.world);
  });

  test("at every stage, many times, leave no socket and no timer", async () => {
    await using it = await start();
    const stages: ((client: RawPeer, index: number) => Promise<void> | void)[] = [
      (client) => client.reset(),
      (client) => client.send("early").reset(),
      async (client, index) => {
        await it.origin.peer(index);
        client.reset();
      },
      async (client, index) => {
        const origin = await it.origin.peer(index);
        client.send("request");
        await origin.through("request");
        client.reset();
      },
      async (client, index) => {
        (await it.origin.peer(index)).send("x".repeat(500_000));
        await client.bytes(1000);
        client.reset();
      },
      async (client, index) => {
        const origin = await it.origin.peer(index);
        client.send("x".repeat(500_000));
        await origin.bytes(1000);
        origin.reset();
      },
      async (client, index) => {
        const origin = await it.origin.peer(index);
        client.end();
        await origin.gone();
        client.reset();
        origin.send("to nobody").end();
      },
    ];
    const rounds = 10;
    let clients = 0;
    for (let round = 0; round < rounds; round++) {
      for (const stage of stages) {
        const before = it.origin.peers.length;
        await stage(await RawPeer.open(it.world.port), before);
        clients++;
        await eventually(
          "the client came and went",
          () => it.world.services.count("listener.test.downstream_cx_destroy") === clients && it.world.open === 0,
        );
      }
    }
    for (const peer of it.origin.peers) peer.end();
    await nothingLeft(it.world);
    expect(it.world.services.count("tcp.t.downstream_cx_total")).toBe(clients);
  });
});

describe("hosts that are not there", () => {
  test("one refused attempt closes the client", async () => {
    await using it = await start({ deadPorts: [await freePort()] });
    const answers = await Promise.all(
      [0, 1].map(async () => {
        const client = await RawPeer.open(it.world.port);
        client.send("hello");
        const reached = await Promise.race([
          client.gone().then(() => false),
          it.origin.peer().then((peer) => peer.through("hello").then(() => true)),
        ]);
        client.close();
        return reached;
      }),
    );
    expect(answers).toContain(false);
    for (const peer of it.origin.peers) peer.close();
    await nothingLeft(it.world);
    expect(it.world.services.count("cluster.c.upstream_cx_connect_fail")).toBe(1);
  });

  test("with more attempts the next host is tried, and nothing is lost", async () => {
    await using it = await start({ deadPorts: [await freePort()], proxy: { max_connect_attempts: 2 } });
    for (const index of [0, 1, 2]) {
      const client = await RawPeer.open(it.world.port);
      client.send("hello");
      const origin = await it.origin.peer(index);
      expect(await origin.through("hello")).toBe("hello");
      client.reset();
    }
    expect(it.world.services.count("cluster.c.upstream_cx_connect_fail")).toBeGreaterThan(0);
    await nothingLeft(it.world);
  });
});

describe("TLS", () => {
  test("terminated for the client and made anew for the origin, half-closes included", async () => {
    const { cert, key } = certificate("server");
    const tls = createTlsServer({ cert, key, allowHalfOpen: true }, (socket) => void socket.pipe(socket));
    await using world = await TcpWorld.start({
      onSocket: (socket) => void tls.emit("connection", socket),
      upstreamTls: upstreamTls({ trustedCa: pem("ca"), sanMatchers: [exactSan("dns", "server.test")] }),
      listener: { tls: downstreamTls() },
    });
    const client = await RawPeer.openTls(world.port, { rejectUnauthorized: false });
    client.send("through two sessions");
    expect(await client.through("sessions")).toBe("through two sessions");
    client.end();
    await client.gone();
    await nothingLeft(world);
    expect(world.services.count("cluster.c.ssl.handshake")).toBe(1);
    expect(world.services.count("listener.test.ssl.handshake")).toBe(1);
  });

  test("an origin with the wrong identity gets no byte", async () => {
    const { cert, key } = certificate("wrong");
    let received = 0;
    const tls = createTlsServer({ cert, key }, (socket) => {
      socket.on("error", () => {});
      socket.on("end", () => socket.end());
      socket.on("data", (data) => {
        received += data.length;
      });
    });
    await using world = await TcpWorld.start({
      onSocket: (socket) => {
        socket.allowHalfOpen = false;
        tls.emit("connection", socket);
      },
      upstreamTls: upstreamTls({ trustedCa: pem("ca"), sanMatchers: [exactSan("dns", "server.test")] }),
    });
    const client = await RawPeer.open(world.port);
    client.send("secret");
    await client.gone();
    await nothingLeft(world);
    expect(received).toBe(0);
    expect(world.services.count("cluster.c.ssl.fail_verify_san")).toBe(1);
  });
});

test("a connection that is idle on both sides is closed, a busy one is not", async () => {
  await using it = await start({ proxy: { idle_timeout: "0.3s" } });
  const idle = await RawPeer.open(it.world.port);
  const busy = await RawPeer.open(it.world.port);
  await it.origin.peer(1);
  let isDone = false;
  const chatting = (async () => {
    while (!isDone) {
      busy.send("x");
      await wait(50);
    }
  })();
  await idle.gone();
  expect(busy.ended).toBe(false);
  isDone = true;
  await chatting;
  await busy.gone();
  expect(it.world.services.count("tcp.t.idle_timeout")).toBe(2);
  for (const peer of it.origin.peers) peer.close();
  await nothingLeft(it.world);
});

test("many clients at once each get their own bytes", async () => {
  const socketsOf = new Set<Socket>();
  await using world = await TcpWorld.start({
    onSocket: (socket) => {
      socketsOf.add(socket);
      socket.on("error", () => {});
      socket.pipe(socket);
    },
  });
  const clients = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const socket = connect({ port: world.port, host: "127.0.0.1", allowHalfOpen: true });
      const expected = Buffer.alloc(200_000, index + 1);
      const chunks: Buffer[] = [];
      socket.end(expected);
      for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
      return Buffer.concat(chunks).equals(expected);
    }),
  );
  expect(clients).toEqual(Array.from({ length: 50 }, () => true));
  expect(socketsOf.size).toBe(50);
  await nothingLeft(world);
});
