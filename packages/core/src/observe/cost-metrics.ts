/** What filters cost, in Prometheus's text format: base units, and labels instead of names. */
import type { HistogramMetric } from "../stats/aggregate.ts";
import type { ChainCostReport } from "./cost-report.ts";

type Labels = Readonly<Record<string, string>>;

interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  lines: string;
}

export function writeCostMetrics(chains: readonly ChainCostReport[]): string {
  const errors = family("sluice_filter_errors_total", "counter", "Hooks that threw or were rejected, of all streams");
  const every = family("sluice_filter_sample_every", "gauge", "One stream in so many is measured; 0: none");
  const streams = family("sluice_filter_sampled_streams_total", "counter", "Streams that were measured");
  const verdicts = family("sluice_filter_verdicts_total", "counter", "Answers of hooks, of measured streams");
  const hooks = family("sluice_filter_hook_seconds", "histogram", "Own time of hook calls, of measured streams");
  const held = family(
    "sluice_filter_held_seconds",
    "histogram",
    "How long a filter held a direction, of measured streams",
  );
  for (const { listener, filterChain, sampleEvery, sampledStreams, filters } of chains) {
    const place = { listener, filter_chain: filterChain };
    every.lines += sample(every.name, place, sampleEvery);
    streams.lines += sample(streams.name, place, sampledStreams);
    for (const filter of filters) {
      const labels = { ...place, filter: filter.name };
      errors.lines += sample(errors.name, labels, filter.errors);
      for (const [verdict, count] of Object.entries(filter.verdicts))
        verdicts.lines += sample(verdicts.name, { ...labels, verdict }, count);
      for (const { hook, us } of filter.hooks) hooks.lines += histogram(hooks.name, { ...labels, hook }, us, 1e6);
      for (const { direction, ms } of filter.held)
        held.lines += histogram(held.name, { ...labels, direction }, ms, 1e3);
    }
  }
  return [errors, every, streams, verdicts, hooks, held]
    .filter(({ lines }) => lines !== "")
    .map(({ name, type, help, lines }) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines}\n`)
    .join("");
}

function family(name: string, type: Family["type"], help: string): Family {
  return { name, type, help, lines: "" };
}

function sample(name: string, labels: Labels, value: number): string {
  const written = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}{${written.join(",")}} ${value}\n`;
}

/** `perSecond`: how many of the histogram's units are a second. */
function histogram(name: string, labels: Labels, metric: HistogramMetric, perSecond: number): string {
  let text = "";
  let below = 0;
  for (const [i, bound] of metric.bounds.entries()) {
    below += metric.counts[i]!;
    text += sample(`${name}_bucket`, { ...labels, le: String(bound / perSecond) }, below);
  }
  text += sample(`${name}_bucket`, { ...labels, le: "+Inf" }, metric.count);
  text += sample(`${name}_sum`, labels, metric.sum / perSecond);
  return text + sample(`${name}_count`, labels, metric.count);
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
