// The example gate in front of a real Redis, asked by redis-cli: commands, pipelines, transactions, publish and subscribe, RESP3.
import { afterAll, beforeAll, expect, test } from "vitest";
import { Daemon, runProgram } from "../support/program.ts";
import { ANY_PORT, type RunningProxy, startProxy } from "../support/proxy.ts";

let redis: Daemon;
let proxy: RunningProxy;
beforeAll(async () => {
  redis = await Daemon.start("redis-server", (port, folder) => [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--dir",
    folder,
  ]);
  proxy = await startProxy({
    extensions: ["@acme/sluice-redis-gate"],
    listeners: [
      {
        name: "front",
        address: ANY_PORT,
        filters: [{ "@acme/sluice-redis-gate": { deny: ["flushall", "keys", "config|set"] } }],
        tcp: { cluster: "redis", stat_prefix: "redis" },
      },
    ],
    clusters: { redis: redis.address },
  });
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

const cli = async (args: readonly string[], input: string | Uint8Array = "") =>
  (await runProgram("redis-cli", ["-h", "127.0.0.1", "-p", String(proxy.port), ...args], input)).out;
const NOPERM = "NOPERM this command is not allowed here\n";

test("what is allowed works, what is not is answered", async () => {
  expect(await cli(["SET", "key", "value"])).toBe("OK\n");
  expect(await cli(["FLUSHALL"])).toContain(NOPERM.trim());
  expect(await cli(["CONFIG", "SET", "maxmemory", "1"])).toContain(NOPERM.trim());
  expect(await cli(["CONFIG", "GET", "databases"])).toBe("databases\n16\n");
  expect(await cli(["GET", "key"])).toBe("value\n");
});

test("a pipeline of 20,000 commands is answered in its order", async () => {
  let commands = "";
  let expected = "";
  for (let i = 0; i < 20_000; i++) {
    const isDenied = i % 3 === 0;
    commands += isDenied ? "KEYS *\n" : `ECHO ${i}\n`;
    expected += isDenied ? NOPERM : `${i}\n`;
  }
  const out = (await cli([], commands)).replaceAll(/^\(error\) /gm, "").replaceAll(/\n\n/g, "\n");
  expect(out).toBe(expected);
});

test("a transaction that lost a command does nothing", async () => {
  await cli(["SET", "counter", "1"]);
  const out = await cli([], "MULTI\nINCR counter\nFLUSHALL\nEXEC\nGET counter\n");
  expect(out).toContain("EXECABORT");
  expect(out.trimEnd().endsWith("1")).toBe(true);
});

test("RESP3 works", async () => {
  await cli(["HSET", "hash", "a", "1"]);
  expect(await cli(["-3", "HGETALL", "hash"])).toMatch(/a.*1/s);
});

test("a value of eight megabytes comes back as it went", async () => {
  const value = "0123456789abcdef".repeat(1 << 19);
  expect(await cli(["-x", "SET", "big"], value)).toBe("OK\n");
  expect(await cli(["GET", "big"])).toBe(`${value}\n`);
});
