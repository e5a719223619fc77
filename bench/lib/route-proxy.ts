/** The proxy of the route benchmark, in a process of its own: one worker, and another table each time it is told to. */
import { loadConfig } from "../../packages/core/src/config/index.ts";
import type { CompiledConfig } from "../../packages/core/src/config/model.ts";
import { builtinModules, loadBuiltins } from "../../packages/core/src/cli/builtin.ts";
import { Server } from "../../packages/core/src/main/server.ts";
import { LogThreshold } from "../../packages/core/src/worker/log.ts";
import { bootstrapOf, type TableShape } from "./route-table.ts";

interface Order {
  readonly shape: TableShape;
  readonly mark: string;
}

const registry = await loadBuiltins();
const server = new Server({
  concurrency: 1,
  log: { enabled: () => false, write() {} },
  threshold: new LogThreshold(),
  registry,
  builtins: builtinModules().map(({ url }) => url),
  drainTimeMs: 0,
});
server.spawn();

async function compiled({ shape, mark }: Order): Promise<CompiledConfig> {
  const source = { value: bootstrapOf(shape, 0, mark), name: "bench.json" };
  const { config, problems } = await loadConfig(source, { registry });
  if (config === null) throw new Error(problems.format());
  return config;
}

function tell(message: unknown): void {
  process.send?.(message);
}

let isUp = false;
process.on("message", (order: Order) => {
  void (async () => {
    const before = process.threadCpuUsage();
    const config = await compiled(order);
    const used = process.threadCpuUsage(before);
    // The client watches from here on: compiling is main's, and main carries no traffic.
    tell({ kind: "compiled", cpuMs: (used.user + used.system) / 1000 });
    const start = performance.now();
    const problems = isUp ? await server.apply(config) : await server.start(config);
    if (problems.length > 0) throw new Error(problems[0]!.message);
    isUp = true;
    const { address } = server.listeners[0]!;
    tell({ kind: "applied", ms: performance.now() - start, port: address.kind === "ip" ? address.port : 0 });
  })();
});
process.on("disconnect", () => process.exit(0));
tell({ kind: "ready" });
