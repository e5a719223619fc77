/** Runs h2load on the load core and reads what it prints and the latencies that it writes down. */
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { LOAD_CORE } from "./machine.ts";
import type { LoadResult } from "./wrk.ts";

export interface Http2Load {
  port: number;
  path: string;
  connections: number;
  /** Streams of each connection that are open at a time. */
  streams: number;
  seconds: number;
  headers: readonly string[];
  /** A file that is POSTed; "": GET. */
  bodyFile: string;
  /** Of all connections together; 0: as many as they get answered. */
  requestsPerSecond: number;
  /** For the file of latencies. */
  directory: string;
}

export async function runH2Load(load: Http2Load): Promise<LoadResult> {
  const log = join(load.directory, "h2load.log");
  const args = ["-c", String(LOAD_CORE), "h2load", "-t1", `-c${load.connections}`, `-m${load.streams}`];
  args.push(`-D${load.seconds}`, `--log-file=${log}`);
  for (const header of load.headers) args.push("-H", header);
  if (load.bodyFile !== "") args.push("-d", load.bodyFile);
  if (load.requestsPerSecond > 0) {
    args.push(`--rps=${Math.max(1, Math.round(load.requestsPerSecond / load.connections))}`);
  }
  args.push(`http://127.0.0.1:${load.port}${load.path}`);
  rmSync(log, { force: true });
  const output = await new Promise<string>((resolve, reject) => {
    execFile("taskset", args, { timeout: (load.seconds + 20) * 1000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`h2load failed: ${stderr || error.message}`));
    });
  });
  const result = readH2Load(output, readFileSync(log, "utf8"), load.seconds);
  rmSync(log, { force: true });
  return result;
}

/** `log`: a line a request: its start, its status, and the microseconds until its end. */
export function readH2Load(output: string, log: string, seconds: number): LoadResult {
  const counts = /(\d+) done, \d+ succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(output);
  const statuses = /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(output);
  if (counts === null || statuses === null) throw new Error(`h2load printed no summary: ${output.slice(-300)}`);
  const [, done = 0, failed = 0, errored = 0, timedOut = 0] = counts.map(Number);
  const [, good = 0, ...bad] = statuses.map(Number);
  const errors: string[] = [];
  for (const [count, kind] of [
    [failed, "failed"],
    [errored, "errored"],
    [timedOut, "timeout"],
    [bad.reduce((sum, count) => sum + count, 0), "status"],
  ] as const) {
    if (count > 0) errors.push(`${count} ${kind}`);
  }
  if (done === 0 || good === 0) errors.push("no request was answered");
  const latencies = Float64Array.from(log.trimEnd().split("\n"), (line) => Number(line.split("\t")[2] ?? "NaN")).sort();
  const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN;
  return {
    requests: good,
    requestsPerSecond: good / seconds,
    p50Us: at(0.5),
    p99Us: at(0.99),
    errors: errors.join(", "),
  };
}
