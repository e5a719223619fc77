// Listener filters on real sockets: what they see, what the chain gets, how connections end before it.
import { createHash, randomBytes } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type ConnectionInfo, Continue, type ListenerFilter, Stop, defineNetworkFilter, parsedBy } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { Dribble } from "../../../../test/support/dribble.ts";
import { eventually } from "../../../../test/support/eventually.ts";
import {
  ECHO,
  listenerFilter,
  networkFilter,
  mine,
  networkRegistry,
  startFiltered as start,
  startListener,
} from "../../../../test/support/listeners.ts";
import { RawPeer } from "../../../../test/support/raw-peer.ts";
import { testServices, virtualServices } from "../../../../test/support/services.ts";
import { downstreamTls, pem } from "../../../../test/support/tls.ts";

const CA = pem("ca");
const PROXY = listenerFilter("envoy.filters.listener.proxy_protocol");
const V1 = "PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n";

interface Seen {
  readonly connection: ConnectionInfo;
  readonly metadata: unknown;
  readonly state: unknown;
}

/** Keeps what is known of each connection, and echoes. */
function observer(seen: Seen[]) {
  return defineNetworkFilter({
    id: "test.observer",
    maturity: "alpha",
    security: "unknown",
    terminal: true,
    config: parsedBy(() => ({})),
    create: () => ({
      onNewConnection({ connection, metadata, filterState }) {
        seen.push({ connection, metadata: metadata.get("test"), state: filterState.get("test") });
      },
      onData: (data, end, connection) => connection.send(data, end),
    }),
  });
}

describe("what the chain gets", () => {
  test.each([1, 3, 7, 1000])("a PROXY header in pieces of %i, and after it everything", async (size) => {
    const seen: Seen[] = [];
    await using listener = await startListener(testServices(), {
      registry: networkRegistry([observer(seen)]),
      filters: [networkFilter("test.observer")],
      listenerFilters: [PROXY],
    });
    await using slow = await Dribble.to(listener.port, size);
    const peer = await RawPeer.open(slow.port);
    expect(await peer.send(`${V1}hello`).end().gone()).toBe("hello");
    expect(seen[0]!.connection).toMatchObject({
      directRemote: { ip: "127.0.0.1" },
      remote: { address: "203.0.113.7:4711" },
      local: { address: "198.51.100.1:443" },
      directLocal: { address: `127.0.0.1:${listener.port}` },
    });
  });

  test("metadata and filter state of listener filters", async () => {
    const seen: Seen[] = [];
    const leaves: ListenerFilter = {
      onAccept(connection) {
        connection.metadata.set("test", { word: "left" });
        connection.filterState.set("test", 5);
      },
    };
    await using listener = await start(leaves, {
      registry: networkRegistry([mine(leaves), observer(seen)]),
      filters: [networkFilter("test.observer")],
    });
    const peer = await RawPeer.open(listener.port);
    await eventually("accepted", () => seen.length === 1);
    expect(seen[0]).toMatchObject({ metadata: { word: "left" }, state: 5 });
    peer.close();
  });

  test("what came while a promise was open, and the end of it", async () => {
    for (const hook of ["onAccept", "onPeek"]) {
      const gate = Promise.withResolvers<void>();
      const entered = Promise.withResolvers<void>();
      const wait = async (): Promise<void> => {
        entered.resolve();
        await gate.promise;
      };
      await using listener = await start({ [hook]: wait });
      const peer = await RawPeer.open(listener.port);
      peer.send("first ");
      await entered.promise;
      peer.send("second").end();
      for (let i = 0; i < 20; i++) await nextTurn();
      gate.resolve();
      expect(await peer.gone(), hook).toBe("first second");
      expect(peer.error).toBeNull();
    }
  });

  test.each(["first", ""])("the end alone, while a promise is open that has seen %j", async (said) => {
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const wait = async (): Promise<void> => {
      entered.resolve();
      await gate.promise;
    };
    await using listener = await start(said === "" ? { onAccept: wait } : { onPeek: wait });
    const peer = await RawPeer.open(listener.port);
    if (said !== "") peer.send(said);
    await entered.promise;
    peer.end();
    for (let i = 0; i < 20; i++) await nextTurn();
    gate.resolve();
    expect(await peer.gone()).toBe(said);
    expect(peer.error).toBeNull();
    await eventually("gone", () => listener.listener.connections === 0);
  });

  test("more than a socket holds, held for a while, byte for byte", async () => {
    const gate = Promise.withResolvers<void>();
    const bytes = randomBytes(3_000_000);
    await using listener = await start({
      async onPeek(data, connection) {
        await gate.promise;
        if (data.length < 1000) return Stop;
        connection.consume(10);
        return Continue;
      },
    });
    const peer = await RawPeer.open(listener.port);
    const echoed = peer.send(bytes).bytes(bytes.length - 10);
    for (let i = 0; i < 20; i++) await nextTurn();
    gate.resolve();
    const digest = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
    expect(digest(await echoed)).toBe(digest(bytes.subarray(10)));
    peer.close();
  });

  test("a chain that does not read yet gets the peeked bytes when it does", async () => {
    const opened = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const lazy = defineNetworkFilter({
      id: "test.lazy",
      maturity: "alpha",
      security: "unknown",
      config: parsedBy(() => ({})),
      create: () => ({
        onNewConnection() {
          opened.resolve();
          return gate.promise;
        },
      }),
    });
    const peeks: ListenerFilter = { onPeek: () => Continue };
    await using listener = await start(peeks, {
      registry: networkRegistry([mine(peeks), lazy]),
      filters: [networkFilter("test.lazy"), ECHO],
    });
    const peer = await RawPeer.open(listener.port);
    peer.send("one ");
    await opened.promise;
    peer.send("two");
    for (let i = 0; i < 10; i++) await nextTurn();
    gate.resolve();
    expect(await peer.through("two")).toBe("one two");
    peer.close();
  });
});

describe("TLS behind listener filters", () => {
  const tls = downstreamTls({ alpn: ["h2", "http/1.1"] });
  const client = { ca: CA, servername: "a.example.com", checkServerIdentity: () => undefined };

  test.each([1, 13, 100_000])("a PROXY header, then TLS, in pieces of %i", async (size) => {
    const seen: Seen[] = [];
    await using listener = await startListener(testServices(), {
      tls,
      registry: networkRegistry([observer(seen)]),
      filters: [networkFilter("test.observer")],
      listenerFilters: [PROXY, listenerFilter("envoy.filters.listener.tls_inspector")],
    });
    await using slow = await Dribble.to(listener.port, size, Buffer.from(V1));
    const peer = await RawPeer.openTls(slow.port, { ...client, ALPNProtocols: ["http/1.1", "x"] });
    expect(await peer.send("ping").through("ping")).toBe("ping");
    peer.close();
    expect(seen[0]!.connection).toMatchObject({
      remote: { address: "203.0.113.7:4711" },
      transportProtocol: "tls",
      requestedServerName: "a.example.com",
      applicationProtocols: ["http/1.1", "x"],
      tls: { serverName: "a.example.com", alpn: "http/1.1" },
    });
  });

  test("a promise between, and a big answer: nothing is lost on the way back", async () => {
    await using listener = await start({ onPeek: async () => void (await nextTurn()) }, { tls });
    const peer = await RawPeer.openTls(listener.port, client);
    const bytes = randomBytes(500_000);
    expect(Buffer.compare(await peer.send(bytes).bytes(bytes.length), bytes)).toBe(0);
    peer.close();
  });

  test("the end of a TLS connection, and the peer's half-close, are what they are without filters", async () => {
    await using listener = await start({ onPeek: () => Continue }, { tls });
    const peer = await RawPeer.openTls(listener.port, { ...client, allowHalfOpen: true } as typeof client);
    expect(await peer.send("all of it").end().gone()).toBe("all of it");
    await eventually("gone", () => listener.listener.connections === 0);
  });

  test("a client that ends after its first bytes is let go", async () => {
    const services = testServices();
    await using listener = await start({ onPeek: () => Continue }, { tls }, services);
    const peer = await RawPeer.open(listener.port);
    await peer
      .send(Buffer.from([22, 3, 1, 0, 100, 1]))
      .end()
      .gone();
    await eventually("gone", () => listener.listener.connections === 0);
    const early = await RawPeer.open(listener.port);
    await early.end().gone();
    await eventually("gone", () => listener.listener.connections === 0);
    expect(services.count("listener.test.downstream_listener_filter_remote_close")).toBe(1);
  });
});

describe("connections that do not get to the chain", () => {
  test("are no connections yet, and counted apart", async () => {
    const services = testServices();
    await using listener = await start({ onPeek: () => Stop }, {}, services);
    const peer = await RawPeer.open(listener.port);
    await eventually("accepted", () => listener.listener.connections === 1);
    expect(services.gaugeValue("listener.test.downstream_pre_cx_active")).toBe(1);
    expect(services.count("listener.test.downstream_cx_total")).toBe(0);
    peer.reset();
    await eventually("gone", () => listener.listener.connections === 0);
    expect(services.gaugeValue("listener.test.downstream_pre_cx_active")).toBe(0);
    expect(services.count("listener.test.downstream_listener_filter_remote_close")).toBe(1);
    expect(services.count("listener.test.downstream_cx_destroy")).toBe(0);
    expect(services.timers).toHaveProperty("size", 0);
  });

  test("a filter that throws: reset, named, counted; the next connection has its chance", async () => {
    const services = testServices();
    let calls = 0;
    const broken: ListenerFilter = {
      onPeek() {
        if (calls++ === 0) throw new Error("broken");
      },
    };
    await using listener = await start(broken, {}, services);
    const first = await RawPeer.open(listener.port);
    await first.send("x").gone();
    expect(first.error).toBe("ECONNRESET");
    expect(services.count("listener.test.downstream_listener_filter_error")).toBe(1);
    expect(services.count("listener.test.test_mine.errors")).toBe(1);
    expect(services.lines.at(-1)?.message).toBe("filter test.mine failed in onPeek");
    const second = await RawPeer.open(listener.port);
    expect(await second.send("x").through("x")).toBe("x");
    second.close();
  });

  test("time out", async () => {
    const { services, time } = virtualServices();
    await using listener = await start({ onPeek: () => Stop }, {}, services);
    const peer = await RawPeer.open(listener.port);
    await eventually("accepted", () => listener.listener.connections === 1);
    time.advance(14_900);
    expect(peer.ended).toBe(false);
    time.advance(200);
    expect(await peer.gone()).toBe("");
    expect(services.count("listener.test.downstream_pre_cx_timeout")).toBe(1);
    expect(time.timers.size).toBe(0);
  });

  test("go on after the time-out where the listener says so, with what was sent", async () => {
    const { services, time } = virtualServices();
    const waiting = Promise.withResolvers<void>();
    const filter: ListenerFilter = {
      onPeek() {
        waiting.resolve();
        return new Promise<void>(() => {});
      },
    };
    await using listener = await start(filter, { patience: { timeoutMs: 200, continueOnTimeout: true } }, services);
    const peer = await RawPeer.open(listener.port);
    peer.send("patient");
    await waiting.promise;
    time.advance(250);
    expect(await peer.through("patient")).toBe("patient");
    peer.close();
  });

  test("end with their listener", async () => {
    const events: string[] = [];
    const holds: ListenerFilter = {
      onAccept: () => Stop,
      onClose: () => void events.push("close"),
      dispose: () => void events.push("dispose"),
    };
    const services = testServices();
    await using listener = await start(holds, {}, services);
    const peer = await RawPeer.open(listener.port);
    await eventually("accepted", () => listener.listener.connections === 1);
    await listener.listener.stopAccepting();
    expect(events).toEqual([]);
    listener.listener.closeConnections();
    await peer.gone();
    await eventually("all disposed of", () => events.length === 2);
    expect(events).toEqual(["close", "dispose"]);
  });
});
