/**
 * The benchmark: Sluice beside its peers, each proxy alone on one core, load and origin on the other. Prints Markdown tables and
 * the verdict on every target, writes JSON, and with --write-docs the result section of docs/benchmarks.md.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { HTTP_CASES, runHttpCase } from "./cases/http.ts";
import { GRPC_LATENCY_CASE, HTTP2_CASES, runGrpcLatencyCase, runHttp2Case } from "./cases/http2.ts";
import {
  IDLE_CONNECTIONS_CASE,
  IDLE_HTTP2_CASE,
  IDLE_MEMORY_CASE,
  runIdleConnectionsCase,
  runIdleHttp2Case,
  runIdleMemoryCase,
} from "./cases/memory.ts";
import { runStartCase, START_CASE } from "./cases/start.ts";
import { runTcpCase, TCP_CASE } from "./cases/tcp.ts";
import { type CaseResult, type Context, messageOf } from "./lib/context.ts";
import { writeSection } from "./lib/docs-section.ts";
import { describeMachine, whyUnusable } from "./lib/machine.ts";
import { renderReport, type Report } from "./lib/report.ts";
import { judge } from "./lib/targets.ts";
import { PEERS } from "./peers/index.ts";

const HELP = `node bench/run.ts [options]
  --only a,b      peers by id: ${[...new Set(PEERS.map((peer) => peer.id))].join(", ")}
  --case a,b      cases by the start of their id
  --rounds N      counted rounds of each load (3)
  --seconds N     length of each load (3)
  --smoke         every proxy once, a second each: fails if one does not start, answers wrongly, or drops requests
  --json FILE     where the results go (bench/results/latest.json)
  --from FILE     renders results that --json wrote, instead of measuring
  --write-docs    puts the tables into docs/benchmarks.md
  --list          names the cases
`;

const RESULTS = join(import.meta.dirname, "results");
/** What the smoke run puts load on; the other HTTP cases are checked when their peers start, without load. */
const SMOKE_CASES = [
  "get70-c32",
  "post16k-c32",
  "h2-16x10",
  "h2-grpc",
  "h2-h1-16x10",
  TCP_CASE,
  START_CASE,
  IDLE_MEMORY_CASE,
];

/** Begins a failure of a proxy that this repository is responsible for. */
const OURS = /^\S+: (sluice|floor|pipe)/;

interface Runnable {
  id: string;
  run: (context: Context) => Promise<CaseResult>;
}

const CASES: readonly Runnable[] = [
  ...HTTP_CASES.map((one) => ({ id: one.id, run: (context: Context) => runHttpCase(context, one) })),
  ...HTTP2_CASES.map((one) => ({ id: one.id, run: (context: Context) => runHttp2Case(context, one) })),
  { id: GRPC_LATENCY_CASE, run: runGrpcLatencyCase },
  { id: TCP_CASE, run: runTcpCase },
  { id: START_CASE, run: runStartCase },
  { id: IDLE_MEMORY_CASE, run: runIdleMemoryCase },
  { id: IDLE_CONNECTIONS_CASE, run: runIdleConnectionsCase },
  { id: IDLE_HTTP2_CASE, run: runIdleHttp2Case },
];

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    case: { type: "string", default: "" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    smoke: { type: "boolean", default: false },
    json: { type: "string", default: join(RESULTS, "latest.json") },
    from: { type: "string" },
    "write-docs": { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function positive(name: "rounds" | "seconds"): number {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 1) fail(`--${name} takes a whole number from 1 up`);
  return value;
}

function listOf(text: string, name: string, isKnown: (item: string) => boolean): string[] {
  const items = text === "" ? [] : text.split(",");
  for (const item of items) if (!isKnown(item)) fail(`--${name}: nothing is called ${item}`);
  return items;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

async function measure(): Promise<Report> {
  const reason = whyUnusable();
  if (reason !== null) fail(reason);
  const isSmoke = values.smoke;
  const context: Context = {
    peers: PEERS,
    directory: mkdtempSync(join(tmpdir(), "sluice-bench-")),
    only: listOf(values.only, "only", (id) => PEERS.some((peer) => peer.id === id)),
    cases: listOf(values.case, "case", (id) => CASES.some((one) => one.id.startsWith(id))),
    rounds: isSmoke ? 1 : positive("rounds"),
    seconds: isSmoke ? 1 : positive("seconds"),
    isSmoke,
    say: (text) => process.stderr.write(`${text}\n`),
  };
  process.on("exit", () => rmSync(context.directory, { recursive: true, force: true }));
  const wanted = CASES.filter(({ id }) =>
    context.cases.length > 0
      ? context.cases.some((start) => id.startsWith(start))
      : !isSmoke || SMOKE_CASES.includes(id),
  );
  const results: CaseResult[] = [];
  for (const one of wanted) {
    context.say(one.id);
    results.push(await one.run(context));
  }
  const measured = new Set(results.flatMap((result) => result.rows.map((row) => row.peer)));
  const versions: Record<string, string> = {};
  for (const peer of PEERS) {
    if (peer.protocol !== "tcp" && measured.has(peer.id) && peer.version() !== "") versions[peer.id] = peer.version();
  }
  return {
    madeAt: new Date().toISOString(),
    machine: describeMachine(),
    rounds: context.rounds,
    seconds: context.seconds,
    versions,
    results,
    verdicts: isSmoke ? [] : judge(results),
  };
}

/** The peers that should have worked and did not. */
function failuresOf(results: readonly CaseResult[]): string[] {
  return results.flatMap((result) => [
    ...result.absent.filter((one) => one.isFailure).map((one) => `${result.id}: ${one.peer}: ${one.reason}`),
    ...result.rows
      .filter((row) => "errors" in row && row.errors !== "")
      .map((row) => `${result.id}: ${row.peer}: ${"errors" in row ? row.errors : ""}`),
  ]);
}

/** A smoke run is too short and too cold for its numbers to be shown. */
function renderSmoke(results: readonly CaseResult[]): string {
  const lines = results.map(({ id, rows, absent }) => {
    const skipped = absent.filter((one) => !one.isFailure).map((one) => `${one.peer} (${one.reason})`);
    return `${id}: ran ${rows.map((row) => row.peer).join(", ")}${skipped.length > 0 ? `; skipped ${skipped.join(", ")}` : ""}`;
  });
  return lines.join("\n");
}

if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (values.list) {
  process.stdout.write(`${CASES.map((one) => one.id).join("\n")}\n`);
  process.exit(0);
}

try {
  const report =
    values.from === undefined ? await measure() : (JSON.parse(readFileSync(values.from, "utf8")) as Report);
  const text = renderReport(report);
  process.stdout.write(`${values.smoke ? renderSmoke(report.results) : text}\n`);
  if (values.from === undefined && !values.smoke) {
    mkdirSync(dirname(values.json), { recursive: true });
    writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (values["write-docs"] && !values.smoke) writeSection("results", text);
  const failures = failuresOf(report.results);
  for (const failure of failures) process.stderr.write(`FAILED ${failure}\n`);
  // A peer that drops requests voids its own row; the run fails for what is ours, and for anything when it is a smoke run.
  const isFailed = failures.some((failure) => values.smoke || OURS.test(failure));
  process.exit(isFailed ? 1 : 0);
} catch (error) {
  fail(messageOf(error));
}
