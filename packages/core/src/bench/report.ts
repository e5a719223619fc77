/** Turns the samples of all processes into the report: medians and quartiles over processes, shares of hooks, notes. */
import { EMPTY, type ProcessEstimate, estimates } from "./estimate.ts";
import { median, spreadOf } from "./statistics.ts";
import type { BenchSample, FilterCost, HookCost, HookSample, Spread, Subject, Variant } from "./types.ts";

/** Names of variants: the subject's first `upTo` filters, and their twins. */
export const filterVariant = (upTo: number): string => (upTo === 0 ? EMPTY : `filters:${upTo}`);
export const twinVariant = (upTo: number): string => (upTo === 0 ? EMPTY : `twins:${upTo}`);

/** Chains with the first filter, the first two, and so on: what each adds is the difference. */
export function variantsOf(subject: Subject, index: number): Variant[] {
  const variants: Variant[] = [{ name: EMPTY, role: "empty", subject: index, upTo: 0 }];
  for (let upTo = 1; upTo <= subject.filters.length; upTo++) {
    variants.push({ name: twinVariant(upTo), role: "twin", subject: index, upTo });
    variants.push({ name: filterVariant(upTo), role: "subject", subject: index, upTo });
  }
  return variants;
}

export interface Costs {
  readonly emptyNs: Spread;
  readonly emptyBytes: number;
  readonly referenceNs: number;
  readonly filters: readonly FilterCost[];
  readonly total: FilterCost;
  readonly notes: readonly string[];
}

export function costsOf(samples: readonly BenchSample[], subject: Subject): Costs {
  const { all, quiet } = estimates(samples);
  const processes = quiet.length === 0 ? all : quiet;
  const last = subject.filters.length;
  const cost = (name: string, from: number, to: number): FilterCost =>
    costBetween(processes, samples, name, from, to, last);
  const filters = subject.filters.map(({ name }, i) => cost(name, i, i + 1));
  return {
    emptyNs: spreadOf(processes.map((process) => process.ns(EMPTY))),
    emptyBytes: median(samples.map((sample) => variantOf(sample, EMPTY).bytes)),
    referenceNs: Math.min(...samples.map(({ referenceNs }) => referenceNs)),
    filters,
    total: last === 1 ? filters[0]! : cost("all filters", 0, last),
    notes: notesOf(samples, filterVariant(last), quiet.length),
  };
}

function variantOf(sample: BenchSample, name: string): BenchSample["variants"][number] {
  return sample.variants.find((variant) => variant.name === name)!;
}

/** What the filters after the first `from` up to `to` add. */
function costBetween(
  processes: readonly ProcessEstimate[],
  samples: readonly BenchSample[],
  name: string,
  from: number,
  to: number,
  last: number,
): FilterCost {
  const ns = processes.map((process) => process.over(filterVariant(to), filterVariant(from)));
  const own = processes.map((process, i) => ns[i]! - process.over(twinVariant(to), twinVariant(from)));
  const calling = processes.map((process) => process.over(twinVariant(to), twinVariant(from)));
  const bytes = samples.map(
    (sample) => variantOf(sample, filterVariant(to)).bytes - variantOf(sample, filterVariant(from)).bytes,
  );
  const twinBytes = samples.map(
    (sample) => variantOf(sample, twinVariant(to)).bytes - variantOf(sample, twinVariant(from)).bytes,
  );
  const hooks = to === from + 1 ? hooksOf(samples, name, filterVariant(last), median(own), median(calling)) : [];
  const addedBytes = median(bytes);
  return {
    filter: name,
    ns: spreadOf(ns),
    ownNs: spreadOf(own),
    bytes: addedBytes,
    ownBytes: addedBytes - median(twinBytes),
    hooks,
  };
}

/** The filter's own time, shared out by what the clock around each call says; the engine's by the number of calls. */
function hooksOf(
  samples: readonly BenchSample[],
  filter: string,
  variant: string,
  ownNs: number,
  callingNs: number,
): HookCost[] {
  const byHook = new Map<string, HookSample[]>();
  for (const sample of samples) {
    for (const hook of variantOf(sample, variant).hooks) {
      if (hook.filter !== filter || hook.callsPerRequest === 0) continue;
      byHook.set(hook.hook, [...(byHook.get(hook.hook) ?? []), hook]);
    }
  }
  const hooks = [...byHook].map(([hook, found]) => ({
    hook,
    calls: median(found.map(({ callsPerRequest }) => callsPerRequest)),
    nsPerCall: median(found.map(({ nsPerCall }) => nsPerCall)),
    isAsync: found.some(({ isAsync }) => isAsync),
  }));
  const timed = hooks.reduce((sum, { calls, nsPerCall }) => sum + calls * nsPerCall, 0);
  const calls = hooks.reduce((sum, hook) => sum + hook.calls, 0);
  return hooks.map((hook) => {
    // Hooks that the clock cannot tell from nothing share alike.
    const share = timed > 0 ? (hook.calls * hook.nsPerCall) / timed : hook.calls / calls;
    const own = (Math.max(0, ownNs) * share) / hook.calls;
    return {
      hook: hook.hook,
      callsPerRequest: hook.calls,
      ownNs: own,
      ns: own + callingNs / calls,
      isAsync: hook.isAsync,
    };
  });
}

function notesOf(samples: readonly BenchSample[], variant: string, quietProcesses: number): string[] {
  const notes: string[] = [];
  const measured = samples.map((sample) => variantOf(sample, variant));
  const expected = samples.map((sample) => variantOf(sample, EMPTY));
  const statuses = new Set([...measured, ...expected].flatMap((each) => Object.keys(each.statuses)));
  for (const status of statuses) {
    const share = median(measured.map((each) => each.statuses[status] ?? 0));
    const usual = median(expected.map((each) => each.statuses[status] ?? 0));
    if (share - usual < 0.005) continue;
    const what = status === "0" ? "were reset or closed" : `were answered with ${status} by a filter`;
    notes.push(`${percent(share)} of the requests ${what}: what is measured is that`);
  }
  const asyncShare = median(measured.map((each) => each.asyncShare));
  if (asyncShare > 0.005) {
    notes.push(
      `${percent(asyncShare)} of the requests awaited something: their times are of up to 64 requests at once`,
    );
  }
  if (quietProcesses < samples.length) {
    notes.push(
      `the machine was busy: in ${samples.length - quietProcesses} of ${samples.length} processes it was never quiet for long enough`,
    );
  }
  return notes;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}
