/** Starts programs pinned to a core, knows what their whole process tree has used, and stops every one of them. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const CLOCK_TICKS = 100;
const STOP_MS = 8_000;
const OUTPUT_KEPT = 4_000;

const running = new Set<Program>();
process.on("exit", () => {
  for (const program of running) program.kill();
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

export interface CpuTime {
  userUs: number;
  systemUs: number;
}

export interface SpawnOptions {
  core: number;
  cwd?: string;
  env?: Record<string, string>;
}

/** One started program with its children. */
export class Program {
  readonly label: string;
  readonly child: ChildProcess;
  /** The last that it wrote on each stream. */
  stdout = "";
  stderr = "";
  isExited = false;

  constructor(label: string, command: string, args: string[], options: SpawnOptions) {
    this.label = label;
    this.child = spawn("taskset", ["-c", String(options.core), command, ...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this);
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout = (this.stdout + text).slice(-OUTPUT_KEPT);
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr = (this.stderr + text).slice(-OUTPUT_KEPT);
    });
    this.child.on("close", () => {
      this.isExited = true;
      running.delete(this);
    });
  }

  /** The process ids of the whole tree; empty once it has ended. */
  get pids(): number[] {
    return this.isExited || this.child.pid === undefined ? [] : [this.child.pid, ...descendants(this.child.pid)];
  }

  cpu(): CpuTime {
    const total: CpuTime = { userUs: 0, systemUs: 0 };
    for (const pid of this.pids) {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      total.userUs += (Number(fields[11]) * 1e6) / CLOCK_TICKS;
      total.systemUs += (Number(fields[12]) * 1e6) / CLOCK_TICKS;
    }
    return total;
  }

  /** Resident bytes of the tree, pages shared between its processes counted for each. */
  residentBytes(): number {
    let bytes = 0;
    for (const pid of this.pids) {
      const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
      bytes += Number(rss?.[1] ?? 0) * 1024;
    }
    return bytes;
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }

  /** Resolves when it has ended by itself and all its output is read. */
  async ended(): Promise<void> {
    if (this.isExited) return;
    await new Promise<void>((resolve) => this.child.once("close", () => resolve()));
  }

  /** SIGTERM, and SIGKILL to what is still there after a while. */
  async stop(): Promise<void> {
    if (this.isExited) return;
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.kill(), STOP_MS);
    await this.ended();
    clearTimeout(timer);
  }
}

function descendants(pid: number): number[] {
  const found: number[] = [];
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const children = readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim();
    if (children === "") continue;
    for (const child of children.split(" ").map(Number)) found.push(child, ...descendants(child));
  }
  return found;
}

export function cpuSince(before: CpuTime, after: CpuTime): CpuTime {
  return { userUs: after.userUs - before.userUs, systemUs: after.systemUs - before.systemUs };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("a TCP server without a port");
  return address.port;
}

/** Repeats `probe` until it answers true; throws with the program's own words if it ends or `timeoutMs` pass. */
export async function waitUntil(
  program: Program,
  probe: () => Promise<boolean>,
  timeoutMs: number,
  everyMs = 20,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (program.isExited) throw new Error(`${program.label} ended at its start: ${program.stderr.trim()}`);
    if (await probe()) return;
    await delay(everyMs);
  }
  throw new Error(`${program.label} did not answer in ${timeoutMs} ms: ${program.stderr.trim()}`);
}
