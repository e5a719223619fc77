/** Runs wrk on the load core and reads its one JSON line. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { LOAD_CORE } from "./machine.ts";

export interface Load {
  port: number;
  path: string;
  method: "GET" | "POST";
  bodyBytes: number;
  connections: number;
  seconds: number;
}

export interface LoadResult {
  requests: number;
  requestsPerSecond: number;
  p50Us: number;
  p99Us: number;
  /** "" if every request got its 200, else what went wrong: the run is void. */
  errors: string;
}

const SCRIPT = join(import.meta.dirname, "../load/http.lua");
const ERROR_KINDS = ["connect", "read", "write", "status", "timeout"] as const;

type Summary = Record<"requests" | "durationUs" | "p50Us" | "p99Us" | (typeof ERROR_KINDS)[number], number>;

export async function runWrk(load: Load): Promise<LoadResult> {
  const args = ["-c", String(LOAD_CORE), "wrk", "-t1", `-c${load.connections}`, `-d${load.seconds}s`, "-s", SCRIPT];
  args.push(`http://127.0.0.1:${load.port}${load.path}`, "--", load.method, String(load.bodyBytes));
  const output = await new Promise<string>((resolve, reject) => {
    execFile("taskset", args, { timeout: (load.seconds + 15) * 1000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`wrk failed: ${stderr || error.message}`));
    });
  });
  return readSummary(output);
}

/** Reads what load/http.lua printed. */
export function readSummary(output: string): LoadResult {
  const line = /^SUMMARY (\{.*\})$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk printed no summary: ${output.slice(-300)}`);
  const summary = JSON.parse(line) as Summary;
  const errors = ERROR_KINDS.filter((kind) => summary[kind] > 0).map((kind) => `${summary[kind]} ${kind}`);
  if (summary.requests === 0) errors.push("no request was answered");
  return {
    requests: summary.requests,
    requestsPerSecond: (summary.requests * 1e6) / summary.durationUs,
    p50Us: summary.p50Us,
    p99Us: summary.p99Us,
    errors: errors.join(", "),
  };
}
