// Network filters in a whole proxy: before the connection manager, and the built-in terminal ones, with their statistics and access logs.
import { Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { type NetworkConnection, Stop, defineNetworkFilter } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { HttpOrigin, mirror } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { LoopbackServer } from "../support/loopback.ts";
import { ANY_PORT, forwardTo, startProxy } from "../support/proxy.ts";
import { RawPeer } from "../support/raw-peer.ts";

/**
 * Makes bytes take every way that the engine has: the opening waits for a promise, read chunks go on at once, after a promise, or after being held; written ones
 * are held now and then until a timer lets them go.
 */
function torturer() {
  return defineNetworkFilter({
    id: "test.torturer",
    maturity: "alpha",
    security: "unknown",
    config: { type: "object" },
    newState: () => ({ reads: 0, writes: 0 }),
    create: () => ({
      async onNewConnection(): Promise<void> {
        await new Promise((resolve) => setImmediate(resolve));
      },
      onData(data, _end, connection) {
        switch (connection.state.reads++ % 3) {
          case 0:
            return undefined;
          case 1:
            return new Promise<Uint8Array>((resolve) => setImmediate(() => resolve(Buffer.from(data))));
          default:
            connection.setTimer(letRead, 1);
            return Stop;
        }
      },
      onWrite(_data, _end, connection) {
        if (connection.state.writes++ % 4 !== 3) return undefined;
        connection.setTimer(letWrite, 1);
        return Stop;
      },
    }),
  });
}

function letRead<State>(connection: NetworkConnection<State>): void {
  connection.read.resume();
}

function letWrite<State>(connection: NetworkConnection<State>): void {
  connection.write.resume();
}

describe("before the connection manager", () => {
  test("a filter that holds, delays and promises changes no request and no response", async () => {
    await using origin = await HttpOrigin.start(mirror);
    const config = forwardTo(origin.address, { listener: { filters: [{ "test.torturer": {} }] } });
    await using proxy = await startProxy(config, { extensions: [torturer()] });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const size of [0, 10, 70_000, 3_000_000]) {
      const body = Buffer.alloc(size, size % 251);
      const response = await send(proxy.port, "/", { method: "POST", body, agent });
      expect(response.status).toBe(200);
      expect(response.body.equals(body)).toBe(true);
    }
    agent.destroy();
    await eventually(
      "the connection is gone",
      async () => (await proxy.admin.stat("http.front.downstream_cx_active")) === 0,
    );
  });

  test("pipelined requests are answered in order", async () => {
    const routes = ["a", "b", "c"].map((name) => ({ path: `/${name}`, respond: { status: 200, body: name } }));
    const listeners = [{ name: "front", address: ANY_PORT, filters: [{ "test.torturer": {} }], http: { routes } }];
    await using proxy = await startProxy({ listeners }, { extensions: [torturer()] });
    const client = await RawPeer.open(proxy.port);
    client.send(["a", "b", "c", "b"].map((name) => `GET /${name} HTTP/1.1\r\nhost: x\r\n\r\n`).join(""));
    const bodies: string[] = [];
    for (let i = 0; i < 4; i++) bodies.push((await client.next()).body.toString());
    expect(bodies.join("")).toBe("abcb");
    client.close();
  });

  test("a filter that throws costs its connection; the next one is served", async () => {
    let isBroken = true;
    const thrower = defineNetworkFilter({
      id: "test.thrower",
      maturity: "alpha",
      security: "unknown",
      config: { type: "object" },
      create: () => ({
        onData() {
          if (isBroken) throw new Error("broken");
        },
      }),
    });
    const http = { routes: [{ prefix: "/", respond: { status: 204 } }] };
    const listeners = [{ name: "front", address: ANY_PORT, filters: [{ "test.thrower": {} }], http }];
    await using proxy = await startProxy({ listeners }, { extensions: [thrower] });
    await expect(send(proxy.port, "/")).rejects.toThrow(/ECONNRESET|hang up/);
    isBroken = false;
    expect((await send(proxy.port, "/")).status).toBe(204);
    expect(proxy.log.map(({ message }) => message)).toContain("filter test.thrower failed in onData");
  });
});

describe("the built-in terminal filters", () => {
  test("tcp: bytes, statistics and the access log", async () => {
    const onSocket = (socket: Socket): void => void socket.on("error", () => {}).pipe(socket);
    await using origin = await LoopbackServer.start(onSocket);
    const format = "200 %RESPONSE_FLAGS% %UPSTREAM_CLUSTER% %UPSTREAM_HOST% x %BYTES_RECEIVED% %BYTES_SENT%";
    const tcp = { cluster: "echo", stat_prefix: "pipe", access_log: { to: "LOG_FILE", format } };
    const config = {
      listeners: [{ name: "front", address: ANY_PORT, tcp }],
      clusters: { echo: { endpoints: [`127.0.0.1:${origin.port}`] } },
    };
    await using proxy = await startProxy(config);
    const client = await RawPeer.open(proxy.port);
    client.send("there and back").end();
    expect(await client.gone()).toBe("there and back");
    await eventually("the end is counted", async () => {
      const stats = await proxy.admin.stats();
      return (
        stats.get("tcp.pipe.downstream_cx_tx_bytes_total") === 14 && stats.get("cluster.echo.upstream_cx_active") === 0
      );
    });
    expect(await proxy.admin.stat("tcp.pipe.downstream_cx_total")).toBe(1);
    expect(await proxy.admin.stat("tcp.pipe.downstream_cx_rx_bytes_total")).toBe(14);
    const [line] = await proxy.accessLog();
    expect(line).toMatchObject({
      flags: "-",
      details: "echo",
      method: `127.0.0.1:${origin.port}`,
      received: 14,
      sent: 14,
    });
  });

  test("echo and direct_response by their short names", async () => {
    const listeners = [
      { name: "front", address: ANY_PORT, filters: ["echo"] },
      {
        name: "closed",
        address: ANY_PORT,
        filters: [{ direct_response: { response: { inline_string: "closed\n" } } }],
      },
    ];
    await using proxy = await startProxy({ listeners });
    const echo = await RawPeer.open(proxy.port);
    expect(await echo.send("hello").end().gone()).toBe("hello");
    const closed = new RawPeer(connect({ port: proxy.portOf("closed"), host: "127.0.0.1", allowHalfOpen: true }));
    closed.send("is anybody there?");
    expect(await closed.gone()).toBe("closed\n");
    closed.close();
  });
});
