/**
 * What a slow upstream costs the requests of another route: `node bench/slow-sibling.ts [--rounds 3] [--seconds 4] [--rate 400]`. The same requests at the same rate to a fast route, beside
 * as many again to another route whose upstream is as fast, or takes 400 ms for each: the work is the same, so that what differs is what the slowness costs. Rounds alternate. Latencies are counted from when a request was due. Prints p50 and p99 of each round, their medians,
 * the ratio (target: p99 at most 1.10 of what it is beside the fast one) and the machine's load, which such a number has to be read with.
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";

const SLOW_MS = 400;
const LIMIT = 1.1;
const WARM_UP_S = 2;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    rate: { type: "string", default: "400" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const rate = Number(values.rate);

interface Figures {
  readonly p50: number;
  readonly p99: number;
}

/** Requests that are due at equal distances, whatever becomes of those before. Resolves with their latencies in milliseconds. */
async function load(port: number, path: string, forSeconds: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1024 });
  const latencies: number[] = [];
  const begin = performance.now();
  const pending: Promise<void>[] = [];
  for (let i = 0; i < rate * forSeconds; i++) {
    const due = begin + (i * 1000) / rate;
    const early = due - performance.now();
    if (early > 1) await wait(early);
    pending.push(ask(port, path, agent).then(() => void latencies.push(performance.now() - due)));
  }
  await Promise.all(pending);
  agent.destroy();
  return latencies;
}

function ask(port: number, path: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
      response.resume().on("end", resolve);
    });
    outgoing.on("error", reject).end();
  });
}

function figuresOf(latencies: number[]): Figures {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { p50: at(0.5), p99: at(0.99) };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

/** Of one route each, in processes of their own: origins and load must not wait for one another. */
async function child(...argv: string[]): Promise<{ process: ChildProcess; said: number }> {
  const started = fork(import.meta.filename, [], { env: { ...process.env, SIBLING: argv.join(" ") } });
  const [said] = (await once(started, "message")) as [number];
  return { process: started, said };
}

async function origin(delayMs: number): Promise<void> {
  const http = await import("node:http");
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (_, response) => {
    if (delayMs === 0) response.end("fast");
    else setTimeout(() => response.end("slow"), delayMs);
  });
  server.listen(0, "127.0.0.1", () => process.send!((server.address() as { port: number }).port));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const [fast, slow, port] = [await child("origin", "0"), await child("origin", String(SLOW_MS)), await freePort()];
  const config = join(directory, "sibling.json");
  const clusters = { fast: `127.0.0.1:${fast.said}`, other: `127.0.0.1:${fast.said}`, slow: `127.0.0.1:${slow.said}` };
  const routes = [
    { prefix: "/slow", cluster: "slow", retry: true },
    { prefix: "/other", cluster: "other", retry: true },
    { prefix: "/", cluster: "fast", retry: true },
  ];
  writeFileSync(config, JSON.stringify({ listeners: [{ address: `127.0.0.1:${port}`, http: { routes } }], clusters }));
  const cli = join(import.meta.dirname, "../packages/core/src/cli/main.ts");
  const proxy = spawn(process.execPath, ["--conditions=sluice-source", cli, "run", config, "--concurrency", "1"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    const agent = new Agent();
    for (let tries = 0; ; tries++) {
      const isUp = await ask(port, "/", agent).then(
        () => true,
        () => false,
      );
      if (isUp) break;
      if (tries === 200) throw new Error("the proxy does not start");
      await wait(50);
    }
    await load(port, "/fast", WARM_UP_S);
    const usual: Figures[] = [];
    const beside: Figures[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const isBeside of round % 2 === 0 ? [false, true] : [true, false]) {
        const other = await child("load", String(port), String(seconds), isBeside ? "/slow" : "/other");
        const figures = figuresOf(await load(port, "/fast", seconds));
        if (other.process.exitCode === null) await once(other.process, "exit");
        (isBeside ? beside : usual).push(figures);
        const words = isBeside ? "beside a slow one" : "beside a fast one";
        process.stdout.write(
          `${words}: p50 ${figures.p50.toFixed(2)} ms, p99 ${figures.p99.toFixed(2)} ms (load ${loadavg()[0]!.toFixed(1)})\n`,
        );
      }
    }
    const [before, after] = [usual, beside].map((all) => median(all.map(({ p99 }) => p99))) as [number, number];
    const ratio = after / before;
    process.stdout.write(
      `p99, medians of ${rounds} rounds at ${rate} requests a second: ${before.toFixed(2)} ms beside a fast one, ${after.toFixed(2)} ms beside a slow one: ratio ${ratio.toFixed(2)} (target: at most ${LIMIT}); load average ${loadavg()[0]!.toFixed(1)}\n`,
    );
    process.exitCode = ratio > LIMIT ? 1 : 0;
  } finally {
    proxy.kill();
    fast.process.kill();
    slow.process.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

const [role, first = "", second = "", third = ""] = (process.env["SIBLING"] ?? "").split(" ");
if (role === "origin") await origin(Number(first));
else if (role === "load") {
  process.send!(0);
  await load(Number(first), third, Number(second));
  process.disconnect();
} else await main();
