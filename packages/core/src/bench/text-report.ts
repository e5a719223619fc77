/** The report for a terminal, and as one line for a pull request. */
import type { BenchReport, ComparisonCost, FilterCost, LoadResult, Spread } from "./types.ts";

export function textReport(report: BenchReport): string {
  const lines = [
    `${report.label}`,
    `${report.rounds} processes on ${report.machine}, Node ${report.node}; an empty chain takes ${time(report.emptyNs.median)} and ${bytes(report.emptyBytes)} per request`,
    "",
    ...table([
      ["", "ns / request over the chain without it", "its own", "bytes / request"],
      ...report.filters.map(filterRow),
      ...(report.filters.length > 1 ? [filterRow(report.total)] : []),
    ]),
    "",
    ...table([
      ["hook", "calls / request", "ns / call with the engine's part", "its own"],
      ...report.filters.flatMap((filter) =>
        filter.hooks.map((hook) => [
          `${report.filters.length > 1 ? `${filter.filter} ` : ""}${hook.hook}${hook.isAsync ? " (async)" : ""}`,
          count(hook.callsPerRequest),
          nanoseconds(hook.ns),
          nanoseconds(hook.ownNs),
        ]),
      ),
    ]),
  ];
  if (report.comparison !== null) lines.push("", ...comparisonLines(report.comparison));
  if (report.endToEnd !== null) {
    const { without, with: withIt, connections, seconds, rounds } = report.endToEnd;
    lines.push(
      "",
      `end to end, ${connections} connections, ${rounds} × ${seconds} s each:`,
      ...table([["", "requests / s", "p50 ms", "p99 ms"], loadRow("without", without), loadRow("with", withIt)]),
    );
  }
  for (const note of report.notes) lines.push("", `note: ${note}`);
  return `${lines.join("\n")}\n`;
}

/** One line of Markdown. */
export function markdownLine(report: BenchReport): string {
  const { total, comparison, endToEnd } = report;
  const parts = [`**${report.label}** adds ${time(total.ns.median)} and ${bytes(total.bytes)} per request`];
  if (comparison !== null) parts.push(changeWords(comparison));
  if (endToEnd !== null) {
    const from = endToEnd.without.requestsPerSecond.median;
    const to = endToEnd.with.requestsPerSecond.median;
    parts.push(`${Math.round(to)} requests/s with it, ${Math.round(from)} without`);
  }
  const mark = comparison === null ? "" : isWorse(comparison) ? "❌ " : "✅ ";
  return `${mark}${parts.join("; ")} (Node ${report.node}, ${report.rounds} processes)\n`;
}

function isWorse({ verdict, bytesVerdict }: ComparisonCost): boolean {
  return verdict === "slower" || bytesVerdict === "more";
}

function changeWords({ change, noise, verdict, bytesVerdict, oldBytes, newBytes }: ComparisonCost): string {
  const words =
    verdict === "same"
      ? `no change in time beyond the noise (${percent(change)}, noise ±${(noise * 100).toFixed(1)} %)`
      : `${percent(change)} in time: ${verdict} than the baseline`;
  if (bytesVerdict === "same") return words;
  return `${words}; ${bytesVerdict} allocated: ${bytes(oldBytes)} → ${bytes(newBytes)}`;
}

function comparisonLines(comparison: ComparisonCost): string[] {
  const { oldNs, newNs, method, p, baseline } = comparison;
  const how =
    method === "side by side"
      ? `both versions in the same processes, p = ${p.toPrecision(2)}`
      : "by stored numbers, scaled by a reference workload: only large changes can be told";
  return [
    `against ${baseline} (${how}):`,
    `  ${withRange(oldNs)} → ${withRange(newNs)} ns per request`,
    `  ${isWorse(comparison) ? "REGRESSION: " : ""}${changeWords(comparison)}`,
  ];
}

function filterRow({ filter, ns, ownNs, bytes: added, ownBytes }: FilterCost): string[] {
  return [filter, withRange(ns), withRange(ownNs), `${Math.round(added)} (its own ${Math.round(ownBytes)})`];
}

function loadRow(name: string, { requestsPerSecond, p50Ms, p99Ms }: LoadResult): string[] {
  return [
    name,
    `${Math.round(requestsPerSecond.median)} (${Math.round(requestsPerSecond.low)} – ${Math.round(requestsPerSecond.high)})`,
    p50Ms.median.toFixed(2),
    p99Ms.median.toFixed(2),
  ];
}

function withRange({ median, low, high }: Spread): string {
  return `${nanoseconds(median)} (${nanoseconds(low)} – ${nanoseconds(high)})`;
}

function nanoseconds(ns: number): string {
  return Math.abs(ns) < 10 ? ns.toFixed(1) : String(Math.round(ns));
}

function time(ns: number): string {
  return Math.abs(ns) < 10_000 ? `${nanoseconds(ns)} ns` : `${(ns / 1000).toFixed(1)} µs`;
}

function bytes(value: number): string {
  return `${Math.round(value)} bytes`;
}

function percent(share: number): string {
  return `${share >= 0 ? "+" : ""}${(share * 100).toFixed(1)} %`;
}

function count(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

/** Columns of equal width: the first left, the others right. */
function table(rows: ReadonlyArray<readonly string[]>): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
}
