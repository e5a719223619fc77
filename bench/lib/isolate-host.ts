/** What bench/isolate.ts needs of a worker: real time for limits, statistics that go nowhere. */
import type { FilterContext } from "@sluice/sdk";
import type { IsolateHost } from "../../packages/core/src/isolate/isolate.ts";
import { START_LIMIT_MS } from "../../packages/core/src/isolate/isolate.ts";
import { RealClock } from "../../packages/core/src/timing/real-clock.ts";
import { TimerWheel } from "../../packages/core/src/timing/timer-wheel.ts";

export function isolateHost(module: string): { readonly host: IsolateHost; readonly context: FilterContext } {
  const clock = new RealClock();
  const timers = new TimerWheel(clock);
  const log = { enabled: () => false, write() {} };
  const nothing = { inc() {}, dec() {}, set() {}, record() {} };
  const stats = { counter: () => nothing, gauge: () => nothing, histogram: () => nothing };
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  return {
    host: {
      module: { specifier: module, url: module, bundle: undefined },
      clock,
      timers,
      log,
      startLimitMs: START_LIMIT_MS,
    },
    context: {
      name: "bench",
      statPrefix: "",
      stats,
      rootStats: stats,
      logger,
      setTimer: (callback: () => void, ms: number) => timers.setTimer(callback, ms),
    } as unknown as FilterContext,
  };
}
