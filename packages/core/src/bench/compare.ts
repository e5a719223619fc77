/** The new version against the old one: side by side where the old one's code is there, else by the numbers that are stored of it. */
import type { Baseline } from "./baseline.ts";
import { FALSE_ALARM, LEAST_ROUNDS, decide, signP } from "./decide.ts";
import { EMPTY, estimates } from "./estimate.ts";
import type { Costs } from "./report.ts";
import { median, spreadOf } from "./statistics.ts";
import type { BenchSample, ComparisonCost } from "./types.ts";

export const OLD = "old";

/** Ratios of costs below it are not taken: nanoseconds. */
const LEAST_NS = 30;
/** A difference in allocation that counts: bytes per request, and share of the old. */
const LEAST_BYTES = 32;
const LEAST_BYTES_SHARE = 0.05;
/** What stored numbers are good for: two runs differ by as much even where the reference workload took the same time. */
const STORED_NOISE = 0.2;

/** @param variant the name of the new version's whole chain */
export function compareSideBySide(samples: readonly BenchSample[], variant: string, baseline: string): ComparisonCost {
  const { all, quiet } = estimates(samples);
  const processes = quiet.length >= LEAST_ROUNDS ? quiet : all;
  const pairs = processes.map((process) => ({ old: process.over(OLD, EMPTY), new: process.over(variant, EMPTY) }));
  const bytes = all.map((process) => {
    const empty = process.variant(EMPTY).bytes;
    return { old: process.variant(OLD).bytes - empty, new: process.variant(variant).bytes - empty };
  });
  const oldBytes = median(bytes.map((pair) => pair.old));
  const newBytes = median(bytes.map((pair) => pair.new));
  return {
    method: "side by side",
    baseline,
    oldNs: spreadOf(pairs.map((pair) => pair.old)),
    newNs: spreadOf(pairs.map((pair) => pair.new)),
    ...decide(pairs, LEAST_NS),
    oldBytes,
    newBytes,
    bytesVerdict: bytesVerdict(
      oldBytes,
      newBytes,
      bytes.map((pair) => pair.new - pair.old),
    ),
  };
}

/** `differences`: one a process. */
function bytesVerdict(
  oldBytes: number,
  newBytes: number,
  differences: readonly number[],
): ComparisonCost["bytesVerdict"] {
  const difference = median(differences);
  if (Math.abs(difference) < Math.max(LEAST_BYTES, LEAST_BYTES_SHARE * oldBytes)) return "same";
  if (signP(differences, Math.sign(difference)) > FALSE_ALARM) return "same";
  return newBytes > oldBytes ? "more" : "less";
}

export function compareWithNumbers(costs: Costs, baseline: Baseline, name: string): ComparisonCost {
  const { numbers } = baseline;
  // How much slower this machine is now than when the numbers were taken.
  const scale = costs.referenceNs / numbers.referenceNs;
  const old = numbers.ns.median * scale;
  const now = costs.total.ns.median;
  const change = (now - old) / Math.max(LEAST_NS, old);
  const quartiles = (costs.total.ns.high - costs.total.ns.low + (numbers.ns.high - numbers.ns.low) * scale) / 2;
  const noise = Math.max(STORED_NOISE, quartiles / Math.max(LEAST_NS, old));
  const isReal = Math.abs(change) > noise;
  const difference = costs.total.bytes - numbers.bytes;
  const isMemoryReal = Math.abs(difference) > Math.max(2 * LEAST_BYTES, 2 * LEAST_BYTES_SHARE * numbers.bytes);
  return {
    method: "stored numbers",
    baseline: name,
    oldNs: { median: old, low: numbers.ns.low * scale, high: numbers.ns.high * scale },
    newNs: costs.total.ns,
    change,
    noise,
    p: 1,
    verdict: !isReal ? "same" : change > 0 ? "slower" : "faster",
    oldBytes: numbers.bytes,
    newBytes: costs.total.bytes,
    bytesVerdict: !isMemoryReal ? "same" : difference > 0 ? "more" : "less",
  };
}

/** What ends the command with 1. */
export function isRegression(comparison: ComparisonCost | null): boolean {
  return comparison !== null && (comparison.verdict === "slower" || comparison.bytesVerdict === "more");
}
