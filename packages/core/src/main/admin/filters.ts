/** `/filters`: what each HTTP filter of the live configuration costs, as a table or as JSON. */
import { type ChainCostReport, costReport } from "../../observe/cost-report.ts";
import type { HistogramMetric } from "../../stats/aggregate.ts";
import { type AdminEndpoint, json, text, wantsJson } from "./endpoint.ts";
import { quantile } from "./histogram-text.ts";

const QUANTILES = { p50: 0.5, p90: 0.9, p99: 0.99 } as const;

export const filters: AdminEndpoint = {
  path: "/filters",
  help: "what HTTP filters cost: calls, verdicts, errors, own and held time, of the streams that are measured",
  parameters: { format: "One of (text, json)" },
  handle(query, { server }) {
    server.refreshStats();
    const chains = costReport(server.config, server.aggregator);
    return wantsJson(query) ? json({ filter_chains: chains.map(chainJson) }) : text(chains.map(chainText).join("\n"));
  },
};

function chainJson({ listener, filterChain, sampleEvery, sampledStreams, filters: list }: ChainCostReport): unknown {
  return {
    listener,
    filter_chain: filterChain,
    sample: sampleText(sampleEvery),
    sampled_streams: sampledStreams,
    filters: list.map(({ name, id, errors, hooks, verdicts, held }) => ({
      name,
      id,
      errors,
      hooks: Object.fromEntries(hooks.map(({ hook, us }) => [hook, { calls: us.count, time_us: summary(us) }])),
      verdicts,
      held: Object.fromEntries(held.map(({ direction, ms }) => [direction, { times: ms.count, time_ms: summary(ms) }])),
    })),
  };
}

function summary(metric: HistogramMetric): Record<string, unknown> {
  const quantiles = Object.entries(QUANTILES).map(([name, q]) => [name, quantile(metric, q)] as const);
  let below = 0;
  const buckets = metric.bounds.map((bound, i) => {
    below += metric.counts[i]!;
    return [bound, below] as const;
  });
  return {
    sum: rounded(metric.sum),
    mean: rounded(metric.sum / metric.count),
    ...Object.fromEntries(quantiles),
    buckets,
  };
}

function chainText({ listener, filterChain, sampleEvery, sampledStreams, filters: list }: ChainCostReport): string {
  const chain = filterChain === "" ? "" : `, filter chain ${filterChain}`;
  const rows: string[][] = [["filter", "hook", "calls", "mean us", "p50", "p90", "p99", "answers", "errors"]];
  for (const { name, errors, hooks, verdicts, held } of list) {
    const answers = Object.entries(verdicts).map(([verdict, count]) => `${verdict} ${count}`);
    const first = [name, answers.join(", "), String(errors)] as const;
    if (hooks.length === 0) rows.push([first[0], "-", "0", "", "", "", "", first[1], first[2]]);
    for (const [i, { hook, us }] of hooks.entries()) {
      const times = [us.sum / us.count, quantile(us, 0.5), quantile(us, 0.9), quantile(us, 0.99)].map(short);
      rows.push([
        i === 0 ? name : "",
        hook,
        String(us.count),
        ...times,
        i === 0 ? first[1] : "",
        i === 0 ? first[2] : "",
      ]);
    }
    for (const { direction, ms } of held) {
      const times = [ms.sum / ms.count, quantile(ms, 0.5), quantile(ms, 0.9), quantile(ms, 0.99)];
      rows.push(["", `held ${direction}`, String(ms.count), ...times.map((time) => short(time * 1000)), "", ""]);
    }
  }
  const head = `listener ${listener}${chain}: measured ${sampleText(sampleEvery)}, ${sampledStreams} streams so far\n`;
  return head + table(rows);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i >= 2 && i <= 6 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join("  ");
  return rows
    .map((row) => `  ${line(row)}`.trimEnd())
    .join("\n")
    .concat("\n");
}

function sampleText(every: number): string {
  return every === 0 ? "off" : every === 1 ? "1" : `1/${every}`;
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

function short(us: number): string {
  return us >= 100 ? us.toFixed(0) : us >= 10 ? us.toFixed(1) : us.toFixed(2);
}
