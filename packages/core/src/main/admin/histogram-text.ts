/**
 * Quantiles of a histogram, estimated from its buckets, and the texts in which Envoy prints them. Envoy prints the values since the last flush before the
 * values since the start; nothing is flushed here, and the first is `nan`.
 */
import type { HistogramMetric } from "../../stats/aggregate.ts";

export const QUANTILES: readonly number[] = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1];

/** By linear interpolation in the bucket that holds it; values above the last bound count as that bound. */
export function quantile({ bounds, counts, count }: HistogramMetric, q: number): number {
  const wanted = q * count;
  let below = 0;
  for (let i = 0; i < bounds.length; i++) {
    const inBucket = counts[i]!;
    if (inBucket > 0 && below + inBucket >= wanted) {
      const low = i === 0 ? 0 : bounds[i - 1]!;
      const part = Math.max(0, (wanted - below) / inBucket);
      return round(low + (bounds[i]! - low) * part);
    }
    below += inBucket;
  }
  return bounds.at(-1) ?? 0;
}

export function quantileText(metric: HistogramMetric): string {
  return QUANTILES.map((q) => `P${round(q * 100)}(nan,${quantile(metric, q)})`).join(" ");
}

export function bucketText({ bounds, counts }: HistogramMetric, cumulative: boolean): string {
  let below = 0;
  return bounds
    .map((bound, i) => {
      below += counts[i]!;
      return `B${bound}(nan,${cumulative ? below : counts[i]!})`;
    })
    .join(" ");
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}
