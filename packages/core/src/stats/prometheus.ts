/**
 * Metrics in Prometheus's text format 0.0.4, with Envoy's names and labels. A writer of our own: a scrape of thousands of
 * series is a loop over numbers.
 */
import type { HistogramMetric, Metric } from "./aggregate.ts";
import type { TagExtractor, Tagged } from "./tags.ts";

interface Series {
  readonly labels: string;
  readonly metric: Metric;
}

interface Family {
  readonly type: Metric["kind"];
  readonly series: Series[];
}

export function writePrometheus(metrics: readonly Metric[], extractor: TagExtractor): string {
  const families = new Map<string, Family>();
  for (const metric of metrics) {
    const tagged = extractor.extract(metric.name);
    const name = `envoy_${sanitize(tagged.name)}`;
    const series = { labels: labelsOf(tagged), metric };
    const type = families.get(name)?.type ?? metric.kind;
    // One name has one type: of two kinds that come to the same name, the later one carries its kind.
    add(families, type === metric.kind ? name : `${name}_${metric.kind}`, series);
  }
  const names = [...families.keys()].sort();
  let text = "";
  for (const name of names) {
    const { type, series } = families.get(name)!;
    text += `# TYPE ${name} ${type}\n`;
    for (const { labels, metric } of series) {
      text +=
        metric.kind === "histogram"
          ? histogramLines(name, labels, metric)
          : `${name}{${labels}} ${number(metric.value)}\n`;
    }
    text += "\n";
  }
  return text;
}

function add(families: Map<string, Family>, name: string, series: Series): void {
  const family = families.get(name);
  if (family === undefined) families.set(name, { type: series.metric.kind, series: [series] });
  else family.series.push(series);
}

function histogramLines(name: string, labels: string, { bounds, counts, count, sum }: HistogramMetric): string {
  const prefix = labels === "" ? "" : `${labels},`;
  let text = "";
  let cumulative = 0;
  for (let i = 0; i < bounds.length; i++) {
    cumulative += counts[i]!;
    text += `${name}_bucket{${prefix}le="${number(bounds[i]!)}"} ${cumulative}\n`;
  }
  text += `${name}_bucket{${prefix}le="+Inf"} ${count}\n`;
  text += `${name}_sum{${labels}} ${number(sum)}\n`;
  text += `${name}_count{${labels}} ${count}\n`;
  return text;
}

function labelsOf({ tags }: Tagged): string {
  return tags.map(([label, value]) => `${label}="${escapeLabel(value)}"`).join(",");
}

function sanitize(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9_]/g, "_");
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
