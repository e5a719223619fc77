/** `/stats`, `/stats/prometheus`, `/reset_counters`: what all threads counted, in Envoy's three formats. */
import { RegexProblem, compileRegex } from "../../matching/linear-regex.ts";
import { writeCostMetrics } from "../../observe/cost-metrics.ts";
import { costReport } from "../../observe/cost-report.ts";
import type { Metric } from "../../stats/aggregate.ts";
import { writePrometheus } from "../../stats/prometheus.ts";
import { TagExtractor, knownNames } from "../../stats/tags.ts";
import { type AdminContext, type AdminEndpoint, type AdminReply, json, text } from "./endpoint.ts";
import { QUANTILES, bucketText, quantile, quantileText } from "./histogram-text.ts";
import { processMetrics } from "./process-metrics.ts";

const TYPES: Readonly<Record<string, Metric["kind"] | null>> = {
  All: null,
  Counters: "counter",
  Gauges: "gauge",
  Histograms: "histogram",
  TextReadouts: null,
};

const selection = {
  usedonly: "Only statistics that were written since the start",
  filter: "Regular expression (RE2 syntax) that the name must contain a match of",
};

export const stats: AdminEndpoint = {
  path: "/stats",
  help: "print server stats",
  parameters: {
    ...selection,
    format: "One of (text, json, prometheus)",
    type: "One of (All, Counters, Gauges, Histograms)",
    histogram_buckets: "Histogram buckets instead of quantiles; one of (cumulative, disjoint, none)",
  },
  handle(query, context) {
    const format = query.get("format") ?? "text";
    if (format === "prometheus") return prometheus.handle(query, context);
    if (format !== "text" && format !== "json") return text(`usage: /stats?format=(text|json|prometheus)\n`, 400);
    const type = query.get("type") ?? "All";
    if (!Object.hasOwn(TYPES, type)) return text("invalid &type= param\n", 400);
    const buckets = query.get("histogram_buckets") ?? "none";
    if (!["none", "cumulative", "disjoint"].includes(buckets))
      return text("usage: /stats?histogram_buckets=(cumulative|disjoint|none)\n", 400);
    const selected = select(query, context);
    if ("status" in selected) return selected;
    const kind = TYPES[type];
    const metrics = selected.metrics.filter((metric) => (kind === null ? type === "All" : metric.kind === kind));
    return format === "json" ? json(toJson(metrics, buckets)) : text(toText(metrics, buckets));
  },
};

export const prometheus: AdminEndpoint = {
  path: "/stats/prometheus",
  help: "print server stats in prometheus format",
  parameters: selection,
  async handle(query, context) {
    const selected = select(query, context);
    if ("status" in selected) return selected;
    const own = writePrometheus(selected.metrics, new TagExtractor(knownNames(context.server.config)));
    // A filter on names asks for some of the proxy's metrics; those of the process have names of another kind.
    const rest = query.has("filter") ? "" : ofFilters(context) + (await processMetrics());
    return { status: 200, body: own + rest, contentType: "text/plain; version=0.0.4; charset=utf-8" };
  },
};

export const resetCounters: AdminEndpoint = {
  path: "/reset_counters",
  help: "reset all counters to zero",
  mutates: true,
  handle(_, { server }) {
    server.aggregator.resetCounters();
    return text("OK\n");
  },
};

function ofFilters({ server }: AdminContext): string {
  return writeCostMetrics(costReport(server.config, server.aggregator));
}

function select(query: URLSearchParams, { server }: AdminContext): { metrics: Metric[] } | AdminReply {
  const filter = query.get("filter");
  let fits: (name: string) => boolean = () => true;
  if (filter !== null && filter !== "") {
    const regex = compileRegex(filter);
    if (regex instanceof RegexProblem) return text(`Invalid re2 regex: ${regex.message}\n`, 400);
    fits = (name) => regex.find(name) !== null;
  }
  server.refreshStats();
  const usedOnly = query.has("usedonly");
  const metrics = server.aggregator.snapshot((name) => !name.startsWith("#") && fits(name));
  return { metrics: usedOnly ? metrics.filter(({ used }) => used) : metrics };
}

/** Counters and gauges by name, then histograms, as Envoy prints them. */
function toText(metrics: readonly Metric[], buckets: string): string {
  let scalars = "";
  let histograms = "";
  for (const metric of metrics) {
    if (metric.kind !== "histogram") scalars += `${metric.name}: ${metric.value}\n`;
    else if (!metric.used) histograms += `${metric.name}: No recorded values\n`;
    else
      histograms += `${metric.name}: ${buckets === "none" ? quantileText(metric) : bucketText(metric, buckets === "cumulative")}\n`;
  }
  return scalars + histograms;
}

function toJson(metrics: readonly Metric[], buckets: string): unknown {
  const list: unknown[] = [];
  const histograms: unknown[] = [];
  for (const metric of metrics) {
    if (metric.kind !== "histogram") {
      list.push({ name: metric.name, value: metric.value });
    } else if (buckets === "none") {
      histograms.push({
        name: metric.name,
        values: QUANTILES.map((q) => ({ interval: null, cumulative: metric.used ? quantile(metric, q) : null })),
      });
    } else {
      let below = 0;
      const cells = metric.bounds.map((bound, i) => {
        below += metric.counts[i]!;
        return { upper_bound: bound, interval: null, cumulative: buckets === "cumulative" ? below : metric.counts[i]! };
      });
      histograms.push({ name: metric.name, buckets: cells });
    }
  }
  if (histograms.length > 0) {
    const supported = QUANTILES.map((q) => q * 100);
    list.push({
      histograms: buckets === "none" ? { supported_quantiles: supported, computed_quantiles: histograms } : histograms,
    });
  }
  return { stats: list };
}
