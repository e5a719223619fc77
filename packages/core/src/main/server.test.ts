// Main and its threads, with listeners that speak a line protocol in place of the real ones.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createNetServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { unreleased } from "../../../../test/support/fake-parts.ts";
import { FakeServers, addressOf, until } from "../../../../test/support/fake-servers.ts";
import { LineClient } from "../../../../test/support/line-client.ts";
import { ANY_PORT, cluster, config, listener } from "../../../../test/support/plain-config.ts";
import type { AddressModel } from "../config/model.ts";

// Processes and threads start; on a busy machine each takes seconds.
vi.setConfig({ testTimeout: 60_000 });

let fakes: FakeServers;

beforeAll(async () => {
  fakes = await FakeServers.prepare();
});

afterEach(() => fakes.end());

describe.each([0, 1, 2])("with %d workers", (concurrency) => {
  test("a listener on port 0 is bound once, and all workers serve it", async () => {
    const server = fakes.make(concurrency);
    expect(server.state).toBe("PRE_INITIALIZING");
    expect(await server.start(config([listener("a", "one"), listener("b", "two")]))).toEqual([]);
    expect(server.state).toBe("LIVE");
    const [a, b] = [addressOf(server, "a"), addressOf(server, "b")];
    expect(a).not.toEqual(b);
    expect(a).toMatchObject({ kind: "ip", host: "127.0.0.1", port: expect.any(Number) });
    expect(await (await fakes.client(a)).ask("who")).toMatch(/^\d one$/);
    expect(await (await fakes.client(b)).ask("who")).toMatch(/^\d two$/);
    await fakes.oneEach(a, Math.max(1, concurrency));
  });

  test("what the workers count is summed by name", async () => {
    const server = fakes.make(concurrency);
    await server.start(config([listener("a", "one")]));
    for (let i = 0; i < 5; i++) await (await fakes.client(addressOf(server))).ask("hello");
    await until(() => server.aggregator.value("listener.a.downstream_cx_total") === 5);
    expect(server.aggregator.value("fake.chains_made")).toBe(Math.max(1, concurrency));
  });

  test("an address in use is a problem that names it, and nothing is left open", async () => {
    const other = createNetServer();
    const { promise, resolve } = Promise.withResolvers<void>();
    other.listen(0, "127.0.0.1", resolve);
    await promise;
    const { port } = other.address() as { port: number };
    const server = fakes.make(concurrency);
    const problems = await server.start(
      config([listener("free", "x"), listener("taken", "x", { kind: "ip", host: "127.0.0.1", port })]),
    );
    expect(problems).toEqual([
      {
        message: `listener "taken": 127.0.0.1:${port} is in use by another socket (EADDRINUSE)`,
        place: { path: "listeners.taken", position: "test.yaml:1:1" },
      },
    ]);
    expect(server.listeners).toEqual([]);
    other.close();
  });

  test("a worker that cannot bind what main could bind tells it in the same words, and what was bound is closed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-server-"));
    const pipe: AddressModel = { kind: "pipe", path: join(folder, "a.sock"), mode: 0 };
    const server = fakes.make(concurrency);
    const problems = await server.start(config([listener("a", "one", pipe), listener("b", "one", pipe)]));
    expect(problems).toMatchObject([
      { message: `listener "b": ${pipe.path} is in use by another socket (EADDRINUSE)` },
    ]);
    expect(existsSync(pipe.path)).toBe(false);
    rmSync(folder, { recursive: true });
  });

  test("a chain or a cluster that refuses stops the start with its sentence, once", async () => {
    const server = fakes.make(concurrency);
    const problems = await server.start(
      config([listener("a", "refuse"), listener("b", "fine")], { clusters: [cluster("refuse")] }),
    );
    expect(problems.map(({ message }) => message).sort()).toEqual(["cluster refuse: no", "the chain refuses"]);
    expect(problems.find(({ message }) => message === "the chain refuses")?.place?.position).toBe("test.yaml:1:1");
  });

  test("another configuration takes over without closing what stays", async () => {
    const server = fakes.make(concurrency);
    await server.start(config([listener("a", "one"), listener("b", "gone")]));
    const [a, b] = [addressOf(server, "a"), addressOf(server, "b")];
    const early = await fakes.client(a);
    expect(await early.ask("who")).toMatch(/ one$/);
    expect(await server.apply(config([listener("a", "two"), listener("c", "new")]))).toEqual([]);
    expect(addressOf(server, "a")).toEqual(a);
    // A connection keeps the chain that it began with.
    expect(await early.ask("who")).toMatch(/ one$/);
    expect(await (await fakes.client(a)).ask("who")).toMatch(/ two$/);
    expect(await (await fakes.client(addressOf(server, "c"))).ask("who")).toMatch(/ new$/);
    await expect(LineClient.open(b)).rejects.toThrow("ECONNREFUSED");
  });

  test("a configuration that is refused changes nothing, also where it would have bound more", async () => {
    const server = fakes.make(concurrency);
    await server.start(config([listener("a", "one")]));
    const a = addressOf(server);
    const problems = await server.apply(config([listener("a", "two"), listener("c", "new"), listener("d", "refuse")]));
    expect(problems).toHaveLength(1);
    expect(await (await fakes.client(a)).ask("who")).toMatch(/ one$/);
    expect(server.listeners).toEqual([{ name: "a", address: a }]);
    // The same again without the mistake.
    expect(await server.apply(config([listener("a", "two"), listener("c", "new")]))).toEqual([]);
    expect(await (await fakes.client(a)).ask("who")).toMatch(/ two$/);
  });

  test("an unchanged listener is not made again", async () => {
    const server = fakes.make(concurrency);
    await server.start(config([listener("a", "one"), listener("b", "one")]));
    await server.apply(config([listener("a", "one"), listener("b", "two")]));
    await until(() => server.aggregator.value("fake.chains_made") === 3 * Math.max(1, concurrency));
  });

  test("hosts that discovery finds reach every worker", async () => {
    const server = fakes.make(concurrency);
    await server.start(config([listener("a", "one")], { clusters: [cluster("web")] }));
    fakes.tellHosts("web", [{ address: ANY_PORT, hostname: "x", weight: 1, health: "healthy" }]);
    await until(() => server.aggregator.value("fake.hosts.web") === Math.max(1, concurrency));
  });

  test("a drain tells connections, goes on accepting, and ends with the last of them", async () => {
    const server = fakes.make(concurrency);
    await server.start(config([listener("a", "one")]));
    const a = addressOf(server);
    const early = await fakes.client(a);
    expect(await early.ask("hello")).toBe("hello");
    let isOver = false;
    const drained = server.drain().then(() => (isOver = true));
    expect(await early.next()).toBe("draining");
    expect(server.state).toBe("DRAINING");
    const late = await fakes.client(a);
    expect(await late.next()).toBe("draining");
    expect(await early.ask("still here")).toBe("still here");
    expect(isOver).toBe(false);
    early.close();
    late.close();
    await drained;
    await server.stop();
    await expect(LineClient.open(a)).rejects.toThrow("ECONNREFUSED");
  });

  test("a drain ends when its time is over, and stop closes what is left", async () => {
    const server = fakes.make(concurrency, { drainTimeMs: 50 });
    await server.start(config([listener("a", "one")]));
    const stubborn = await fakes.client(addressOf(server));
    await stubborn.ask("hello");
    await server.drain();
    await server.stop();
    await stubborn.closed();
  });

  test("a log line of a worker comes out with whatever fields it has", async () => {
    const server = fakes.make(concurrency);
    await server.start(config([listener("a", "one")]));
    await (await fakes.client(addressOf(server))).ask("log");
    await until(() => fakes.logged("[info] [acme] hello circular="));
  });

  test("a Unix socket has one accepting worker; a file left behind is removed, a live one is in the way", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-server-"));
    const path = join(folder, "a.sock");
    const pipe: AddressModel = { kind: "pipe", path, mode: 0 };
    const server = fakes.make(concurrency);
    expect(await server.start(config([listener("a", "one", pipe)]))).toEqual([]);
    for (let i = 0; i < 4; i++) expect(await (await fakes.client(pipe)).ask("who")).toBe("0 one");
    const second = fakes.make(concurrency);
    expect(await second.start(config([listener("a", "one", pipe)]))).toMatchObject([
      { message: `listener "a": ${path} is in use by another socket (EADDRINUSE)` },
    ]);
    expect(existsSync(path)).toBe(true);
    writeFileSync(join(folder, "file"), "");
    const third = fakes.make(concurrency);
    const inTheWay = join(folder, "file");
    expect(await third.start(config([listener("a", "one", { ...pipe, path: inTheWay })]))).toMatchObject([
      { message: `listener "a": ${inTheWay} exists and is no socket` },
    ]);
    rmSync(folder, { recursive: true });
  });
});

test("what discovery began for a configuration that is refused ends with it, and a discovery that fails is a problem", async () => {
  const said: string[] = [];
  let isBroken = false;
  const server = fakes.make(0, {
    createDiscovery: () => ({
      resolve: async () => {
        said.push("resolve");
        if (isBroken) throw new Error("broken");
        return new Map();
      },
      follow: () => void said.push("follow"),
      discard: () => void said.push("discard"),
      hosts: new Map(),
      close: () => {},
    }),
  });
  expect(await server.start(config([listener("a", "one")]))).toEqual([]);
  expect(await server.apply(config([listener("a", "refuse")]))).toHaveLength(1);
  isBroken = true;
  expect((await server.apply(config([listener("a", "two")]))).map(({ message }) => message)).toEqual(["broken"]);
  expect(said).toEqual(["resolve", "follow", "resolve", "discard", "resolve", "discard"]);
});

test("where threads cannot share a port one worker accepts, and the log says so", async () => {
  const server = fakes.make(2, { reusePort: false });
  await server.start(config([listener("a", "one")]));
  expect(fakes.logged("cannot share a port between threads")).toBe(true);
  for (let i = 0; i < 6; i++) expect(await (await fakes.client(addressOf(server))).ask("who")).toBe("0 one");
});

test("a listener that asks for no reusePort has one accepting worker", async () => {
  const server = fakes.make(2);
  await server.start(config([listener("a", "one", ANY_PORT, false)]));
  for (let i = 0; i < 6; i++) expect(await (await fakes.client(addressOf(server))).ask("who")).toBe("0 one");
});

test("every chain that was made is released: replaced, refused, late, or left at the end", async () => {
  const server = fakes.make(0, { prepareTimeoutMs: 100 });
  const before = unreleased.size;
  await server.start(config([listener("a", "one"), listener("b", "one")]));
  await server.apply(config([listener("a", "two")]));
  await server.apply(config([listener("a", "three"), listener("c", "refuse")]));
  await server.apply(config([listener("a", "slow")]));
  await server.apply(config([listener("a", "four")]));
  await until(() => unreleased.size === before + 1);
  await server.stop();
  expect(unreleased.size).toBe(before);
});

test("drain_listeners stops accepting at once or keeps on, and leaves connections alone", async () => {
  const server = fakes.make(1);
  await server.start(config([listener("a", "one")]));
  const a = addressOf(server);
  const early = await fakes.client(a);
  await early.ask("hello");
  server.drainListeners(true, true);
  expect(await early.next()).toBe("draining");
  expect(await (await fakes.client(a)).next()).toBe("draining");
  server.drainListeners(false, false);
  await until(() => true);
  for (;;) {
    const refused = await LineClient.open(a).then(
      (opened) => opened.close(),
      () => "refused",
    );
    if (refused === "refused") break;
  }
  expect(await early.ask("next")).toBe("draining");
  expect(await early.next()).toBe("next");
});
