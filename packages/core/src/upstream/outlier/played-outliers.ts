/** For tests: one cluster's outlier detection under a virtual clock, with workers that are host watches on the real shared counts. */
import type { OutlierModel } from "../../config/model.ts";
import { OUTLIER_DEFAULTS } from "../../config/outlier-defaults.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import { VirtualTime } from "../../timing/virtual.ts";
import { HEALTH_FLAG } from "../health/health-flags.ts";
import { HostWatch } from "./host-watch.ts";
import { OutlierDetector } from "./outlier-detector.ts";
import { OutlierStats } from "./outlier-stats.ts";

const PLACE = { path: "", position: "" };

export function playedOutliers(
  hostCount: number,
  model: Partial<OutlierModel> = {},
  runtime: Record<string, string> = {},
) {
  const time = new VirtualTime();
  const store = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  const scope = store.scope("cluster.c.");
  const lines: string[] = [];
  const changes: string[] = [];
  let entries: Record<string, string> = runtime;
  /** What the next draws are, as shares. */
  const draws = { next: 0 };
  const detector = new OutlierDetector({
    cluster: "c",
    model: { ...OUTLIER_DEFAULTS, maxEjectionPercent: 100, place: PLACE, ...model },
    stats: new OutlierStats(scope),
    clock: time.clock,
    timers: time.timers,
    random: { next: () => draws.next, below: (bound) => Math.floor(bound * draws.next) },
    runtime: () => entries,
    log: { write: (line) => void lines.push(line) },
    onChange: (address) => void changes.push(address),
  });
  detector.show();
  const addresses = Array.from({ length: hostCount }, (_, i) => `10.0.0.1:${80 + i}`);
  detector.setHosts(new Set(addresses));
  const reports = {
    report: (_cluster: string, address: string, event: Parameters<OutlierDetector["report"]>[1]) =>
      detector.report(address, event),
  };
  /** Another thread's view of the host. */
  const watch = (i: number) => new HostWatch(reports, "c", addresses[i]!, false, detector.countsOf(addresses[i]!)!);
  const watches = addresses.map((_, i) => watch(i));
  const put = (i: number, status: number, times = 1) => {
    for (let n = 0; n < times; n++) watches[i]!.count(status);
  };
  const isOut = (i: number) => (detector.flagsOf(addresses[i]!) & HEALTH_FLAG.failedOutlier) !== 0;
  const out = () => addresses.flatMap((_, i) => (isOut(i) ? [i] : []));
  const count = (name: string) => scope.counter(`outlier_detection.${name}`).value;
  const active = () => scope.gauge("outlier_detection.ejections_active").value;
  const useRuntime = (values: Record<string, string>) => {
    entries = values;
    detector.updateRuntime();
  };
  const view = (i: number) => detector.view(addresses[i]!)!;
  return {
    time,
    detector,
    watch,
    watches,
    put,
    isOut,
    out,
    count,
    active,
    lines,
    changes,
    addresses,
    draws,
    useRuntime,
    view,
  };
}
