/** What the filters of the live configuration cost, read from all threads' shared memory: what `/filters` and Prometheus show. */
import { allFilters } from "../config/hcm-filters.ts";
import type { CompiledConfig } from "../config/model.ts";
import type { HistogramMetric, StatsAggregator } from "../stats/aggregate.ts";
import {
  COUNTED_VERDICTS,
  type CountedVerdict,
  chainPrefix,
  DIRECTIONS,
  filterPrefixes,
  MEASURED_HOOKS,
  type MeasuredDirection,
  type MeasuredHook,
  SAMPLED,
} from "./cost-names.ts";

export interface ChainCostReport {
  readonly listener: string;
  readonly filterChain: string;
  /** One stream in so many is measured; 0: none. */
  readonly sampleEvery: number;
  /** Streams that were. */
  readonly sampledStreams: number;
  /** In the order of the chain. */
  readonly filters: readonly FilterCostReport[];
}

/** All but `errors` is of the measured streams alone. */
export interface FilterCostReport {
  readonly name: string;
  readonly id: string;
  readonly errors: number;
  readonly hooks: ReadonlyArray<{ readonly hook: MeasuredHook; readonly us: HistogramMetric }>;
  readonly verdicts: Readonly<Partial<Record<CountedVerdict, number>>>;
  readonly held: ReadonlyArray<{ readonly direction: MeasuredDirection; readonly ms: HistogramMetric }>;
}

export function costReport(config: CompiledConfig | null, aggregator: StatsAggregator): ChainCostReport[] {
  const chains: ChainCostReport[] = [];
  for (const { name: listener, filterChain } of config?.listeners ?? []) {
    for (const filter of filterChain.filters) {
      if (filter.kind !== "http_connection_manager") continue;
      const { observe } = filter.hcm;
      const filters = allFilters(filter.hcm);
      const prefix = chainPrefix(`${listener}/${filterChain.name}`);
      const prefixes = filterPrefixes(filters.map(({ name }) => name));
      chains.push({
        listener,
        filterChain: filterChain.name,
        sampleEvery: observe.sampleEvery,
        sampledStreams: aggregator.value(prefix + SAMPLED),
        filters: filters.map(({ name, id }, slot) => ({
          name,
          id,
          ...readFilter(aggregator, prefix + prefixes[slot]!),
        })),
      });
    }
  }
  return chains;
}

function readFilter(aggregator: StatsAggregator, prefix: string): Omit<FilterCostReport, "name" | "id"> {
  const histogram = (name: string): HistogramMetric | null => {
    const metric = aggregator.get(prefix + name);
    return metric?.kind === "histogram" && metric.used ? metric : null;
  };
  const verdicts: Partial<Record<CountedVerdict, number>> = {};
  for (const verdict of COUNTED_VERDICTS) {
    const count = aggregator.value(`${prefix}verdict.${verdict}`);
    if (count !== 0) verdicts[verdict] = count;
  }
  return {
    errors: aggregator.value(`${prefix}errors`),
    hooks: MEASURED_HOOKS.flatMap((hook) => {
      const us = histogram(`time.${hook}`);
      return us === null ? [] : [{ hook, us }];
    }),
    verdicts,
    held: DIRECTIONS.flatMap((direction) => {
      const ms = histogram(`held.${direction}`);
      return ms === null ? [] : [{ direction, ms }];
    }),
  };
}
