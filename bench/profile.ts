/**
 * Where a Node proxy's time goes: runs it under V8's CPU profiler with the load of one HTTP case and prints the functions and files
 * with the most self time. A tool for tuning; what it prints is a share, not a benchmark result.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { HTTP_CASES } from "./cases/http.ts";
import { HTTP2_CASES, loadHttp2, missingForHttp2, startHttp2CaseOrigin } from "./cases/http2.ts";
import { largest, readProfiles } from "./lib/cpu-profile.ts";
import { messageOf } from "./lib/context.ts";
import { whyUnusable } from "./lib/machine.ts";
import { type Origin, startGetOrigin, startPostOrigin } from "./lib/origins.ts";
import { type LoadResult, runWrk } from "./lib/wrk.ts";
import { PEERS } from "./peers/index.ts";

const { values } = parseArgs({
  options: {
    peer: { type: "string", default: "sluice" },
    case: { type: "string", default: "get70-c32" },
    seconds: { type: "string", default: "5" },
    top: { type: "string", default: "40" },
    keep: { type: "boolean", default: false },
  },
});

const SAMPLE_US = 200;

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

const reason = whyUnusable();
if (reason !== null) fail(reason);
const http2Case = HTTP2_CASES.find((one) => one.id === values.case);
const httpCase = HTTP_CASES.find((one) => one.id === values.case);
const profiled = http2Case ?? httpCase ?? fail(`no HTTP case is called ${values.case}`);
if (http2Case !== undefined && missingForHttp2() !== "") fail(missingForHttp2());
const protocol = http2Case?.protocol ?? "http";
const peer =
  PEERS.find((one) => one.id === values.peer && one.protocol === protocol) ??
  fail(`no peer of that case is called ${values.peer}`);
const seconds = Number(values.seconds);

const directory = mkdtempSync(join(tmpdir(), "sluice-profile-"));
process.on("exit", () => {
  if (!values.keep) rmSync(directory, { recursive: true, force: true });
});

function startOrigin(): Promise<Origin> {
  if (http2Case !== undefined) return startHttp2CaseOrigin(directory, http2Case);
  return httpCase?.method === "GET" ? startGetOrigin(directory) : startPostOrigin();
}

function runLoad(port: number): Promise<LoadResult> {
  if (http2Case !== undefined) return loadHttp2(directory, http2Case, port, seconds, 0);
  const { method, path, bodyBytes, connections } = httpCase ?? fail(`no HTTP case is called ${values.case}`);
  return runWrk({ port, path, method, bodyBytes, connections, seconds });
}

try {
  const origin = await startOrigin();
  const nodeArgs = ["--cpu-prof", `--cpu-prof-dir=${directory}`, `--cpu-prof-interval=${SAMPLE_US}`];
  const running = await peer.start({ originPort: origin.port, directory, nodeArgs });
  const load = await runLoad(running.port);
  await running.program.stop();
  await origin.program.stop();
  const times = readProfiles(directory, join(import.meta.dirname, ".."));
  if (times.busyUs === 0)
    fail(`${peer.id} wrote no profile: is it a Node program that ends on SIGTERM? ${running.program.stderr}`);
  print(
    `${peer.id}, ${profiled.title}: ${load.requests} requests ${load.errors === "" ? "" : `(${load.errors})`}`,
    times.functions,
  );
  print("by file", times.files);
  if (values.keep) process.stdout.write(`\nprofiles: ${directory}\n`);

  function print(title: string, map: ReadonlyMap<string, number>): void {
    process.stdout.write(`\n${title}\n    share  µs/request\n`);
    for (const [label, us] of largest(map, Number(values.top))) {
      const share = ((us / times.busyUs) * 100).toFixed(1).padStart(7);
      process.stdout.write(`${share} %  ${(us / load.requests).toFixed(2).padStart(9)}   ${label}\n`);
    }
  }
  process.exit(0);
} catch (error) {
  fail(messageOf(error));
}
