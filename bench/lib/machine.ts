/** What a run needs from the machine, and what it says about the machine: cores, kernel, versions. No names, no paths. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";

/** The load and the origin run on one core, the proxy alone on the other. */
export const LOAD_CORE = 0;
export const PROXY_CORE = 1;

export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  kernel: string;
  node: string;
  openFiles: number;
}

/** Whether a program of that name is on the PATH. */
export function hasCommand(name: string): boolean {
  return firstLine("sh", ["-c", `command -v ${name}`]) !== "";
}

/** The first line that a command prints on either stream; "" if it cannot be run. */
export function firstLine(command: string, args: string[]): string {
  try {
    const script = 'exec "$@" 2>&1';
    const out = execFileSync("sh", ["-c", script, "sh", command, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return out.split("\n")[0]?.trim() ?? "";
  } catch {
    return "";
  }
}

/** Why nothing can be measured here, or null. */
export function whyUnusable(): string | null {
  if (process.platform !== "linux") return "the benchmark reads /proc and pins processes with taskset: it needs Linux";
  if (!hasCommand("taskset")) return "taskset is not installed (Debian: util-linux)";
  if (!hasCommand("wrk")) return "wrk is not installed (Debian: wrk)";
  if (availableParallelism() < 2) return "the benchmark needs two cores: one for the proxy, one for load and origin";
  return null;
}

export function describeMachine(): Machine {
  const cpuinfo = readFileSync("/proc/cpuinfo", "utf8");
  const limits = readFileSync("/proc/self/limits", "utf8");
  return {
    cpu: /model name\s*:\s*(.+)/.exec(cpuinfo)?.[1] ?? process.arch,
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim().split("-")[0] ?? "",
    node: process.versions.node,
    openFiles: Number(/Max open files\s+\d+\s+(\d+)/.exec(limits)?.[1] ?? "1024"),
  };
}
