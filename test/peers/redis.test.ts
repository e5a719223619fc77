// Redis behind tcp_proxy: request and answer, pipelines, publish and subscribe, values of megabytes.
import { spawn } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { Daemon, program, runProgram } from "../support/program.ts";
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
    listeners: [{ name: "front", address: ANY_PORT, tcp: { cluster: "redis", stat_prefix: "redis" } }],
    clusters: { redis: redis.address },
  });
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

const cli = (args: readonly string[], input: string | Uint8Array = "") =>
  runProgram("redis-cli", ["-h", "127.0.0.1", "-p", String(proxy.port), ...args], input);

test("commands are answered", async () => {
  expect((await cli(["PING"])).out).toBe("PONG\n");
  expect((await cli(["SET", "key", "a value"])).out).toBe("OK\n");
  expect((await cli(["GET", "key"])).out).toBe("a value\n");
});

test("a value of eight megabytes comes back as it went", async () => {
  const value = "0123456789abcdef".repeat(1 << 19);
  expect((await cli(["-x", "SET", "big"], value)).out).toBe("OK\n");
  expect((await cli(["GET", "big"])).out).toBe(`${value}\n`);
});

test("a pipeline of 50,000 commands is answered 50,000 times", async () => {
  let commands = "";
  for (let index = 0; index < 50_000; index++)
    commands += `*3\r\n$4\r\nINCR\r\n`.replace("*3", "*2") + `$7\r\ncounter\r\n`;
  const { out, code } = await cli(["--pipe"], commands);
  expect(code).toBe(0);
  expect(out).toContain("errors: 0, replies: 50000");
  expect((await cli(["GET", "counter"])).out).toBe("50000\n");
});

test("what is published reaches who subscribed, at once", async () => {
  const subscriber = spawn(program("redis-cli"), ["-h", "127.0.0.1", "-p", String(proxy.port), "SUBSCRIBE", "news"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    let heard = "";
    subscriber.stdout.setEncoding("utf8").on("data", (text: string) => (heard += text));
    await eventually("the subscription stands", () => heard.includes("subscribe"));
    for (let index = 0; index < 20; index++) expect((await cli(["PUBLISH", "news", `item ${index}`])).out).toBe("1\n");
    await eventually("the last item is heard", () => heard.includes("item 19"));
    expect([...heard.matchAll(/item \d+/g)].map(([item]) => item)).toEqual(
      Array.from({ length: 20 }, (_, index) => `item ${index}`),
    );
  } finally {
    subscriber.kill();
  }
});

test("redis-benchmark with pipelining and 50 clients runs without an error", async () => {
  const { out, err, code } = await runProgram("redis-benchmark", [
    "-h",
    "127.0.0.1",
    "-p",
    String(proxy.port),
    "-n",
    "20000",
    "-P",
    "16",
    "-c",
    "50",
    "-q",
    "-t",
    "set,get",
  ]);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/SET: [\d.]+ requests per second/);
  expect(out).toMatch(/GET: [\d.]+ requests per second/);
});

test("afterwards every connection is gone, and counted", async () => {
  await proxy.admin.reaches("cluster.redis.upstream_cx_active", 0);
  const stats = await proxy.admin.stats();
  expect(stats.get("tcp.redis.downstream_cx_total")).toBe(stats.get("cluster.redis.upstream_cx_total"));
  expect(stats.get("tcp.redis.downstream_cx_total")).toBeGreaterThan(100);
});
