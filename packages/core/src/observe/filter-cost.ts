/** What is measured of one filter in one chain and thread: handles in shared memory, each made when it is first needed. */
import type { SlotCounter, SlotHistogram } from "../stats/metrics.ts";
import type { StatsScope } from "../stats/stats-store.ts";
import {
  COUNTED_VERDICTS,
  DIRECTIONS,
  HELD_MS_BOUNDS,
  HOOK_US_BOUNDS,
  MEASURED_HOOKS,
  type CountedVerdict,
  type MeasuredDirection,
  type MeasuredHook,
} from "./cost-names.ts";

export class FilterCost {
  readonly #scope: StatsScope;
  readonly #times: (SlotHistogram | null)[] = MEASURED_HOOKS.map(() => null);
  readonly #verdicts: (SlotCounter | null)[] = COUNTED_VERDICTS.map(() => null);
  readonly #held: (SlotHistogram | null)[] = DIRECTIONS.map(() => null);
  #errors: SlotCounter | null = null;

  constructor(scope: StatsScope) {
    this.#scope = scope;
  }

  /** One hook call of a measured stream. */
  called(hook: MeasuredHook, verdict: CountedVerdict, us: number): void {
    const at = MEASURED_HOOKS.indexOf(hook);
    (this.#times[at] ??= this.#scope.histogram(`time.${hook}`, HOOK_US_BOUNDS)).record(us);
    this.answered(verdict);
  }

  /** What a hook has said, at once or through its promise. */
  answered(verdict: CountedVerdict): void {
    const at = COUNTED_VERDICTS.indexOf(verdict);
    (this.#verdicts[at] ??= this.#scope.counter(`verdict.${verdict}`)).inc();
  }

  held(direction: MeasuredDirection, ms: number): void {
    const at = DIRECTIONS.indexOf(direction);
    (this.#held[at] ??= this.#scope.histogram(`held.${direction}`, HELD_MS_BOUNDS)).record(ms);
  }

  /** Of all streams, measured or not. */
  failed(): void {
    (this.#errors ??= this.#scope.counter("errors")).inc();
  }
}
