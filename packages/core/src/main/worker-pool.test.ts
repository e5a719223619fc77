// Workers that die, hang, or refuse: each is replaced, and the others do not feel it. Listeners speak a line protocol.
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { FakeServers, addressOf, until } from "../../../../test/support/fake-servers.ts";
import { config, listener } from "../../../../test/support/plain-config.ts";

// Processes and threads start; on a busy machine each takes seconds.
vi.setConfig({ testTimeout: 60_000 });

let fakes: FakeServers;

beforeAll(async () => {
  fakes = await FakeServers.prepare();
});

afterEach(() => fakes.end());

describe("a worker", () => {
  test("that an exception kills is replaced; the others go on, its counts are kept", async () => {
    const server = fakes.make(2);
    await server.start(config([listener("a", "one")]));
    const a = addressOf(server);
    const [first, second] = await fakes.oneEach(a, 2);
    const before = server.aggregator.value("listener.a.downstream_cx_total");
    first!.send("throw");
    await first!.closed();
    if (second !== undefined) expect(await second.ask("still here")).toBe("still here");
    await until(() => fakes.logged("worker 0 serves again"));
    expect(fakes.lines.find((line) => line.includes("worker 0 is dead"))).toContain("thrown in a callback");
    expect(server.aggregator.value("server.worker_0.replaced")).toBe(1);
    expect(server.aggregator.value("listener.a.downstream_cx_total")).toBeGreaterThanOrEqual(before);
    expect(addressOf(server)).toEqual(a);
    await fakes.oneEach(a, 2);
  });

  test("that loops is counted, named with its filter, and replaced; the others go on", async () => {
    const server = fakes.make(2);
    await server.start(config([listener("a", "one")], { watchdog: { missMs: 100, megamissMs: 300, killMs: 1500 } }));
    const [first, second] = await fakes.oneEach(addressOf(server), 2);
    first!.send("loop");
    await until(() => fakes.logged("worker 0 is silent; the filter that it entered last: acme.looper"));
    expect(server.aggregator.value("server.worker_0.watchdog_miss")).toBeGreaterThanOrEqual(1);
    if (second !== undefined) expect(await second.ask("still here")).toBe("still here");
    await until(() => fakes.logged("worker 0 serves again"));
    expect(fakes.lines.find((line) => line.includes("worker 0 is dead"))).toMatch(
      /silent for \d+ ms; the filter that it entered last: acme\.looper/,
    );
    expect(server.aggregator.value("server.worker_0.watchdog_mega_miss")).toBeGreaterThanOrEqual(1);
    await fakes.oneEach(addressOf(server), 2);
  });

  test("that runs out of memory is replaced", async () => {
    const server = fakes.make(1, { resourceLimits: { maxOldGenerationSizeMb: 32 } });
    await server.start(config([listener("a", "one")]));
    (await fakes.client(addressOf(server))).send("heap");
    await until(() => fakes.logged("worker 0 serves again"));
    expect(fakes.lines.find((line) => line.includes("worker 0 is dead"))).toContain("memory");
  });

  test("survives a promise that nobody handled: counted, told, nothing lost", async () => {
    const server = fakes.make(1);
    await server.start(config([listener("a", "one")]));
    const one = await fakes.client(addressOf(server));
    expect(await one.ask("reject")).toBe("ok");
    await until(() => server.aggregator.value("server.worker_0.unhandled_rejection") === 1);
    await until(() => fakes.logged("rejected and dropped"));
    expect(await one.ask("still here")).toBe("still here");
  });

  test("that dies again and again is replaced each time, with the configuration that is live then", async () => {
    const server = fakes.make(1);
    await server.start(config([listener("a", "one")]));
    for (const round of [1, 2, 3]) {
      (await fakes.client(addressOf(server))).send("throw");
      await until(() => fakes.lines.filter((line) => line.includes("serves again")).length === round);
      await server.apply(config([listener("a", `round ${round}`)]));
      expect(await (await fakes.client(addressOf(server))).ask("who")).toBe(`0 round ${round}`);
    }
  });

  test("that gets stuck while it prepares a change is replaced, and the change is refused", async () => {
    const server = fakes.make(2);
    await server.start(config([listener("a", "one")], { watchdog: { killMs: 1500 } }));
    const problems = await server.apply(config([listener("a", "stuck:1")], { watchdog: { killMs: 1500 } }));
    expect(problems[0]?.message).toContain("acme.stuck");
    await until(() => fakes.logged("worker 1 serves again"));
    for (const each of await fakes.oneEach(addressOf(server), 2)) expect(await each.ask("who")).toMatch(/ one$/);
  });

  test("that alone refuses a change keeps it from all", async () => {
    const server = fakes.make(2);
    await server.start(config([listener("a", "one")]));
    expect(await server.apply(config([listener("a", "refuse:1"), listener("b", "new")]))).toHaveLength(1);
    for (const each of await fakes.oneEach(addressOf(server), 2)) expect(await each.ask("who")).toMatch(/ one$/);
    expect(server.listeners).toHaveLength(1);
  });

  test("that never gets ready with a change is not waited for without end", async () => {
    const server = fakes.make(2, { prepareTimeoutMs: 200 });
    await server.start(config([listener("a", "one")]));
    expect(await server.apply(config([listener("a", "never:1")]))).toMatchObject([
      { message: "a worker has not prepared the configuration within 200 ms" },
    ]);
    expect(await server.apply(config([listener("a", "two")]))).toEqual([]);
    for (const each of await fakes.oneEach(addressOf(server), 2)) expect(await each.ask("who")).toMatch(/ two$/);
  });

  test("that gets ready when its change was given up serves what came after it", async () => {
    const server = fakes.make(1, { prepareTimeoutMs: 100 });
    await server.start(config([listener("a", "one")]));
    expect(await server.apply(config([listener("a", "slow")]))).toHaveLength(1);
    expect(await server.apply(config([listener("a", "two")]))).toEqual([]);
    expect(await (await fakes.client(addressOf(server))).ask("who")).toBe("0 two");
    // The slow one ends meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await server.apply(config([listener("a", "three")]))).toEqual([]);
    expect(await (await fakes.client(addressOf(server))).ask("who")).toBe("0 three");
  });

  test("that cannot load a built-in package stops the start", async () => {
    const server = fakes.make(1, { builtins: ["file:///nowhere/filters.mjs"] });
    await expect(server.start(config([listener("a", "one")]))).rejects.toThrow(
      /nowhere\/filters\.mjs cannot be loaded/,
    );
  });
});
