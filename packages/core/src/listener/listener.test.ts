import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, statSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineNetworkFilter, parsedBy } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { eventually } from "../../../../test/support/eventually.ts";
import {
  ANY_PORT,
  listenerModel,
  networkFilter,
  networkRegistry,
  startListener,
} from "../../../../test/support/listeners.ts";
import { RawPeer } from "../../../../test/support/raw-peer.ts";
import { testServices, virtualServices } from "../../../../test/support/services.ts";
import { Listener } from "./listener.ts";
import { prepareListener } from "./prepare-listener.ts";

/** Greets with its configured word and echoes nothing; tells what becomes of it. */
function greeter(events: string[] = []) {
  return defineNetworkFilter({
    id: "test.greeter",
    maturity: "alpha",
    security: "unknown",
    terminal: true,
    config: parsedBy((value) => value as { word: string }),
    create: ({ word }) => ({
      onNewConnection(connection) {
        connection.send(Buffer.from(`${word}\n`), false);
      },
      onClose: () => void events.push(`${word} close`),
      dispose: () => void events.push(`${word} dispose`),
    }),
  });
}

const greet = (word: string) => [networkFilter("test.greeter", { word })];

describe("binding", () => {
  test("port 0 takes a free port and reports it", async () => {
    await using listener = await startListener(testServices());
    expect(listener.address).toEqual({ kind: "ip", host: "127.0.0.1", port: expect.any(Number) });
    expect(listener.port).toBeGreaterThan(0);
  });

  test("an occupied port is a clear error", async () => {
    await using first = await startListener(testServices());
    await expect(startListener(testServices(), { model: { address: first.address } })).rejects.toThrow(
      /EADDRINUSE.*127\.0\.0\.1/,
    );
  });

  test("several listeners share a port where they agree to", async () => {
    await using first = await startListener(testServices(), { model: { reusePort: true } });
    await using second = await startListener(testServices(), { model: { reusePort: true, address: first.address } });
    expect(second.port).toBe(first.port);
  });

  test("an IPv6 address takes IPv6 only, as in Envoy", async () => {
    await using listener = await startListener(testServices(), {
      model: { address: { kind: "ip", host: "::", port: 0 } },
    });
    const peer = await RawPeer.open(listener.port, "::1");
    expect(await peer.send("six").through("six")).toBe("six");
    peer.close();
    await expect(RawPeer.open(listener.port, "127.0.0.1")).rejects.toThrow("ECONNREFUSED");
  });

  test("a Unix socket, with its mode", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "sluice-")), "s");
    await using listener = await startListener(testServices(), {
      model: { address: { kind: "pipe", path, mode: 0o600 } },
    });
    expect(listener.address).toEqual({ kind: "pipe", path, mode: 0o600 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const peer = new RawPeer(connect({ path, allowHalfOpen: true }));
    expect(await peer.send("unix").end().gone()).toBe("unix");
  });

  test("a descriptor on which another process listens", async () => {
    const holder = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    const { fd } = (holder as unknown as { _handle: { fd: number } })._handle;
    const program = fileURLToPath(new URL("../../../../test/support/descriptor-listener.ts", import.meta.url));
    const child = spawn(process.execPath, [...process.execArgv, program], { stdio: ["ignore", "pipe", "inherit", fd] });
    try {
      const [line] = (await once(child.stdout!, "data")) as [Buffer];
      expect(JSON.parse(String(line))).toEqual({ kind: "ip", host: "127.0.0.1", port });
      holder.close();
      const peer = await RawPeer.open(port);
      expect(await peer.send("handed over").end().gone()).toBe("handed over");
    } finally {
      child.kill("SIGKILL");
      holder.close();
    }
  });
});

describe("connections", () => {
  test("run through the chain and are counted", async () => {
    const services = testServices();
    await using listener = await startListener(services);
    const peer = await RawPeer.open(listener.port);
    expect(await peer.send("hello").through("hello")).toBe("hello");
    expect(services.count("listener.test.downstream_cx_total")).toBe(1);
    expect(services.gaugeValue("listener.test.downstream_cx_active")).toBe(1);
    expect(services.gaugeValue("listener.test.worker_0.downstream_cx_active")).toBe(1);
    expect(listener.listener.connections).toBe(1);
    peer.end();
    await peer.gone();
    await eventually("counted", () => services.count("listener.test.downstream_cx_destroy") === 1);
    expect(services.gaugeValue("listener.test.downstream_cx_active")).toBe(0);
    expect(listener.listener.connections).toBe(0);
  });

  test("know both addresses and a number of their own", async () => {
    const seen: string[] = [];
    const definition = defineNetworkFilter({
      id: "test.seen",
      maturity: "alpha",
      security: "unknown",
      terminal: true,
      config: parsedBy(() => ({})),
      create: () => ({
        onNewConnection({ connection }) {
          const kind = connection.tls === null ? "plain" : "TLS";
          seen.push(`${connection.directRemote.address} ${connection.local.address} ${kind}`, String(connection.id));
        },
      }),
    });
    const options = { registry: networkRegistry([definition]), filters: [networkFilter("test.seen")] };
    await using listener = await startListener(testServices(), options);
    const peers = [await RawPeer.open(listener.port), await RawPeer.open(listener.port)];
    await eventually("both", () => seen.length === 4);
    expect(seen[0]).toBe(`127.0.0.1:${peers[0]!.socket.localPort} 127.0.0.1:${listener.port} plain`);
    expect(seen[1]).not.toBe(seen[3]);
    for (const peer of peers) peer.close();
  });

  test("aborts at every moment leave nothing behind", async () => {
    const services = testServices();
    await using listener = await startListener(services);
    for (let i = 0; i < 60; i++) {
      const peer = await RawPeer.open(listener.port);
      if (i % 3 === 0) peer.reset();
      else {
        peer.send("x".repeat(i * 1000));
        if (i % 3 === 1) peer.reset();
        else
          peer.through("x").then(
            () => peer.reset(),
            () => {},
          );
      }
    }
    await eventually("all gone", () => listener.listener.connections === 0);
    expect(services.gaugeValue("listener.test.downstream_cx_active")).toBe(0);
    expect(services.count("listener.test.downstream_cx_destroy")).toBe(60);
    expect(services.timers).toHaveProperty("size", 0);
  });
});

describe("chains", () => {
  test("a new chain takes new connections; the old one ends with its last connection", async () => {
    const services = testServices();
    const events: string[] = [];
    const registry = networkRegistry([greeter(events)]);
    await using listener = await startListener(services, { registry, filters: greet("old") });
    const before = await RawPeer.open(listener.port);
    expect(await before.through("\n")).toBe("old\n");
    listener.listener.use(await prepareListener(listenerModel({ filters: greet("new") }), registry, services));
    const after = await RawPeer.open(listener.port);
    expect(await after.through("\n")).toBe("new\n");
    expect(events).toEqual([]);
    before.reset();
    await eventually("old is disposed of", () => events.includes("old dispose"));
    expect(events).toEqual(["old close", "old dispose"]);
    after.close();
  });

  test("stopAccepting() closes the socket at once; connections stay, and the chain and the statistics end with the last", async () => {
    const services = testServices();
    const events: string[] = [];
    await using listener = await startListener(services, {
      registry: networkRegistry([greeter(events)]),
      filters: greet("hi"),
    });
    const peer = await RawPeer.open(listener.port);
    await peer.through("\n");
    await listener.listener.stopAccepting();
    await expect(RawPeer.open(listener.port)).rejects.toThrow("ECONNREFUSED");
    expect(peer.ended).toBe(false);
    listener.listener.closeConnections();
    await peer.gone();
    await eventually("the chain is disposed of", () => events.includes("hi dispose"));
    // Released: whoever asks for the name again gets a metric that starts anew.
    expect(services.count("listener.test.downstream_cx_total")).toBe(0);
  });

  test.each([
    [
      "an unknown extension",
      [networkFilter("test.unknown")],
      'network filter "test.unknown": no extension "test.unknown" is loaded',
    ],
    ["a configuration that its schema refuses", [networkFilter("envoy.filters.network.tcp_proxy", {})], "stat_prefix"],
    [
      "a creation that fails",
      [networkFilter("envoy.filters.network.direct_response", { response: { filename: "/nowhere" } })],
      "ENOENT",
    ],
  ])("%s stops the configuration, with the filter's name and place", async (_title, filters, message) => {
    const model = listenerModel({ filters });
    await expect(prepareListener(model, networkRegistry(), testServices())).rejects.toMatchObject({
      message: expect.stringContaining(message),
      place: { position: "test:1:1" },
    });
  });

  test("a misspelt hook stops the configuration, and filters made before it are disposed of", async () => {
    const events: string[] = [];
    const wrong = defineNetworkFilter({
      id: "test.wrong",
      maturity: "alpha",
      security: "unknown",
      config: parsedBy(() => ({})),
      create: () => ({ onDatum() {} }) as never,
    });
    const filters = [...greet("first"), networkFilter("test.wrong")];
    const registry = networkRegistry([greeter(events), wrong]);
    await expect(prepareListener(listenerModel({ filters }), registry, testServices())).rejects.toThrow("onDatum");
    expect(events).toEqual(["first dispose"]);
  });
});

describe("draining", () => {
  test("tells connections, goes on accepting, and closes idle ones after a moment and again", async () => {
    const { services, time } = virtualServices();
    const model = listenerModel();
    const listener = new Listener(model, services);
    const calls: string[] = [];
    const chains = await prepareListener(model, networkRegistry(), services);
    chains.chain.accept = () => ({ drain: () => void calls.push("drain"), closeIfIdle: () => void calls.push("idle") });
    listener.use(chains);
    const address = await listener.listen({ address: ANY_PORT, reusePort: false });
    const { port } = address as { port: number };
    const first = await RawPeer.open(port);
    await eventually("accepted", () => listener.connections === 1);
    listener.drain();
    listener.drain();
    expect(calls).toEqual(["drain"]);
    const second = await RawPeer.open(port);
    await eventually("accepted", () => listener.connections === 2);
    expect(calls).toEqual(["drain", "drain"]);
    time.advance(1020);
    expect(calls.slice(2)).toEqual(["idle", "idle"]);
    time.advance(1020);
    expect(calls.slice(4)).toEqual(["idle", "idle"]);
    listener.closeConnections();
    await listener.stopAccepting();
    await eventually("all gone", () => listener.connections === 0);
    time.advance(2000);
    expect(time.timers.size).toBe(0);
    first.close();
    second.close();
  });
});
