/**
 * Routes in large numbers: `node --conditions=sluice-source bench/routes.ts`, some thirty seconds. What a match costs with ten and with ten thousand routes or
 * virtual hosts (target: at most twice as much); what main needs to compile and pack ten thousand (target: below a second); how long requests wait while a worker
 * swaps them in (target: p99 at most 10 ms).
 */
import { type ChildProcess, fork } from "node:child_process";
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { packRoutes } from "../packages/core/src/config/packed-routes.ts";
import { loadConfig } from "../packages/core/src/config/index.ts";
import type { RouteConfigModel } from "../packages/core/src/config/model.ts";
import { loadBuiltins } from "../packages/core/src/cli/builtin.ts";
import { StreamFilterState, StreamMetadata } from "../packages/core/src/http/chain/stream-data.ts";
import { HeaderField } from "../packages/core/src/http/headers/field.ts";
import { RequestHeaderMap } from "../packages/core/src/http/headers/header-map.ts";
import { buildRouteTable } from "../packages/core/src/http/route/build-route-table.ts";
import type { RouteFacts, RouteTable } from "../packages/core/src/http/route/types.ts";
import { SocketInfo } from "../packages/core/src/network/connection-info.ts";
import { bootstrapOf, requestOf, type TableShape } from "./lib/route-table.ts";

const ROUNDS = 15;
const MATCHES = 200_000;
const REQUESTS = 256;
const BUILDS = 3;
const SWAPS = 6;
const QUIET_MS = 1500;

const SHAPES: readonly (readonly [string, TableShape])[] = [
  ["10 routes", { hosts: 1, routesPerHost: 10 }],
  ["10 000 routes", { hosts: 1, routesPerHost: 10_000 }],
  ["10 virtual hosts", { hosts: 10, routesPerHost: 1 }],
  ["10 000 virtual hosts", { hosts: 10_000, routesPerHost: 1 }],
];

const registry = await loadBuiltins();
const failures: string[] = [];

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function hold(what: string, measured: number, limit: number, unit: string): void {
  say(`  ${what}: ${measured.toFixed(2)} ${unit} (target: at most ${limit})`);
  if (measured > limit) failures.push(what);
}

// ---- matching ---------------------------------------------------------------------------------------------------------------------------------

async function routesOf(shape: TableShape): Promise<RouteConfigModel> {
  const { config, problems } = await loadConfig(
    { value: bootstrapOf(shape, 0, "a"), name: "bench.json" },
    { registry },
  );
  if (config === null) throw new Error(problems.format());
  const last = config.listeners[0]!.filterChain.filters.at(-1)!;
  if (last.kind !== "http_connection_manager") throw new Error("the listener has no connection manager");
  return last.hcm.routeConfig;
}

const PEER = { address: "192.0.2.7:4000", ip: "192.0.2.7", port: 4000 };
const facts: RouteFacts = {
  connection: new SocketInfo(1, PEER, PEER, null),
  remote: PEER,
  metadata: new StreamMetadata(),
  filterState: new StreamFilterState(null),
  routeRandom: () => 0,
};

function requests(shape: TableShape): RequestHeaderMap[] {
  return Array.from({ length: REQUESTS }, (_, k) => {
    const { host, path } = requestOf(shape, k);
    return new RequestHeaderMap("GET", path, host, "http", [new HeaderField("accept", "*/*")]);
  });
}

/** Nanoseconds of CPU of one match. */
function round(table: RouteTable, asked: readonly RequestHeaderMap[]): number {
  const before = process.threadCpuUsage();
  let hits = 0;
  for (let i = 0; i < MATCHES; i++) if (table.match(asked[i % REQUESTS]!, facts) !== null) hits++;
  const used = process.threadCpuUsage(before);
  if (hits !== MATCHES) throw new Error(`${MATCHES - hits} requests found no route`);
  return ((used.user + used.system) * 1000) / MATCHES;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function matching(): Promise<void> {
  const tables: { name: string; table: RouteTable; asked: RequestHeaderMap[]; costs: number[] }[] = [];
  for (const [name, shape] of SHAPES) {
    const model = await routesOf(shape);
    tables.push({ name, table: buildRouteTable(model, []), asked: requests(shape), costs: [] });
  }
  for (const { table, asked } of tables) round(table, asked);
  // The order is reversed every second time, so that what else the machine does falls on all of them.
  for (let i = 0; i < ROUNDS; i++)
    for (const one of i % 2 === 0 ? tables : tables.toReversed()) one.costs.push(round(one.table, one.asked));
  say("a match, ns of CPU");
  for (const { name, costs } of tables) say(`  ${name}: ${median(costs).toFixed(0)}`);
  const ratio = (many: number, few: number): number => median(tables[many]!.costs) / median(tables[few]!.costs);
  hold("10 000 routes against 10", ratio(1, 0), 2, "×");
  hold("10 000 virtual hosts against 10", ratio(3, 2), 2, "×");
}

// ---- building -----------------------------------------------------------------------------------------------------------------------------------

async function building(): Promise<void> {
  say("main, ms of CPU from the parsed configuration to what workers get");
  for (const [name, shape] of [SHAPES[1]!, SHAPES[3]!]) {
    const times: number[] = [];
    let bytes = 0;
    for (let i = 0; i < BUILDS; i++) {
      const before = process.threadCpuUsage();
      const packed = packRoutes(await routesOf(shape));
      const used = process.threadCpuUsage(before);
      times.push((used.user + used.system) / 1000);
      bytes = packed.packed?.slices.reduce((sum, slice) => sum + slice.length, 0) ?? 0;
    }
    hold(`${name} (${(bytes / 2 ** 20).toFixed(1)} MB)`, median(times), 1000, "ms");
  }
}

// ---- swapping -----------------------------------------------------------------------------------------------------------------------------------

type Told = { readonly kind: string; readonly ms?: number; readonly port?: number };

class Proxy {
  readonly #child: ChildProcess;
  #waiting: { kind: string; resolve: (told: Told) => void } | null = null;

  constructor() {
    const script = new URL("lib/route-proxy.ts", import.meta.url);
    this.#child = fork(script, {
      execArgv: ["--conditions=sluice-source"],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#child.on("message", (told: Told) => {
      if (told.kind === this.#waiting?.kind) this.#waiting.resolve(told);
    });
    this.#child.on("exit", (code) => {
      if (code !== 0 && code !== null) throw new Error(`the proxy ended with ${code}`);
    });
  }

  told(kind: string): Promise<Told> {
    return new Promise((resolve) => {
      this.#waiting = { kind, resolve };
    });
  }

  order(shape: TableShape, mark: string): void {
    this.#child.send({ shape, mark });
  }

  stop(): void {
    this.#child.disconnect();
  }
}

/** One kept-alive connection that asks again as soon as it has its answer; keeps how long each took. */
class Client {
  times: number[] = [];
  #started = 0;
  readonly #socket: Socket;

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.setNoDelay(true);
    this.#socket.on("data", () => {
      this.times.push(performance.now() - this.#started);
      // Not as fast as it can: the client would take the core that main compiles on.
      setImmediate(() => this.ask());
    });
  }

  ask(): void {
    if (this.#socket.destroyed) return;
    this.#started = performance.now();
    this.#socket.write("GET /ping HTTP/1.1\r\nhost: a.example\r\n\r\n");
  }

  take(): number[] {
    const { times } = this;
    this.times = [];
    return times;
  }

  stop(): void {
    this.#socket.destroy();
  }
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

async function swapping(): Promise<void> {
  const large = SHAPES[1]![1];
  const proxy = new Proxy();
  await proxy.told("ready");
  proxy.order(SHAPES[0]![1], "first");
  const { port = 0 } = await proxy.told("applied");
  const client = new Client(port);
  client.ask();
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  client.take();
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  const quiet = client.take();
  const during: number[] = [];
  const took: number[] = [];
  for (let i = 0; i < SWAPS; i++) {
    proxy.order(large, `swap-${i}`);
    await proxy.told("compiled");
    client.take();
    const { ms = 0 } = await proxy.told("applied");
    took.push(ms);
    during.push(...client.take());
  }
  client.stop();
  proxy.stop();
  say(
    `a request while a worker swaps in 10 000 routes, ms (${SWAPS} swaps of ${median(took).toFixed(0)} ms, ${during.length} requests)`,
  );
  say(
    `  before: p50 ${percentile(quiet, 0.5).toFixed(2)}, p99 ${percentile(quiet, 0.99).toFixed(2)}, most ${Math.max(...quiet).toFixed(1)}`,
  );
  say(`  during: p50 ${percentile(during, 0.5).toFixed(2)}, most ${Math.max(...during).toFixed(1)}`);
  hold("p99 during the swap", percentile(during, 0.99), 10, "ms");
}

await matching();
await building();
await swapping();
if (failures.length > 0) {
  say(`missed: ${failures.join("; ")}`);
  process.exitCode = 1;
}
