/**
 * What filters cost, against their targets: an empty HTTP filter per hook, and five filters together, by `sluice bench`. Prints Markdown; with --write-docs it becomes
 * the section of docs/benchmarks.md. `node --conditions=sluice-source bench/filters.ts [--rounds 8] [--write-docs]`, or without the condition after a build.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeSection } from "./lib/docs-section.ts";
import { benchFilters } from "./lib/filter-bench.ts";

const HOOK_LIMIT_US = 0.2;
const FIVE_LIMIT_US = 6;

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "8" }, "write-docs": { type: "boolean", default: false } },
});

const at = (path: string): string => join(import.meta.dirname, path);
const empty = await benchFilters([at("filters-empty.ts"), "--rounds", values.rounds]);
const five = await benchFilters([
  at("configs/filters.yaml"),
  "--profile",
  at("configs/filters-profile.json"),
  "--rounds",
  values.rounds,
]);

const hookUs = Math.max(...empty.total.hooks.map(({ ns }) => ns)) / 1000;
const fiveUs = five.total.ns.median / 1000;
const range = ({ median, low, high }: { median: number; low: number; high: number }): string =>
  `${(median / 1000).toFixed(2)} (${(low / 1000).toFixed(2)} – ${(high / 1000).toFixed(2)})`;
const rows = [
  ...five.filters.map((cost) => [cost.filter, range(cost.ns), range(cost.ownNs), String(Math.round(cost.bytes))]),
  ["all five", range(five.total.ns), range(five.total.ownNs), String(Math.round(five.total.bytes))],
  [
    "an empty filter with two hooks",
    range(empty.total.ns),
    range(empty.total.ownNs),
    String(Math.round(empty.total.bytes)),
  ],
];
const verdict = (measured: number, limit: number): string =>
  `${measured.toFixed(2)} µs | ≤ ${limit} µs | ${measured <= limit ? "met" : "MISSED"}`;

const text = [
  `Made ${new Date().toISOString().slice(0, 10)} on ${availableParallelism()} cores (${five.machine}), Node ${five.node}, ${five.rounds} processes each. The empty chain takes ${range(five.emptyNs)} µs and ${Math.round(five.emptyBytes)} bytes.`,
  "",
  "| filter | µs / request over the chain without it (quartiles) | its own | bytes |",
  "| --- | --- | --- | --- |",
  ...rows.map((cells) => `| ${cells.join(" | ")} |`),
  "",
  "| target | measured | limit | |",
  "| --- | --- | --- | --- |",
  `| an empty HTTP filter, one hook | ${verdict(hookUs, HOOK_LIMIT_US)} |`,
  `| five filters together, one request | ${verdict(fiveUs, FIVE_LIMIT_US)} |`,
  ...[...new Set([...five.notes, ...empty.notes])].flatMap((note) => ["", `Note: ${note}.`]),
].join("\n");

process.stdout.write(`${text}\n`);
if (values["write-docs"]) writeSection("filters", text);
process.exitCode = hookUs <= HOOK_LIMIT_US && fiveUs <= FIVE_LIMIT_US ? 0 : 1;
