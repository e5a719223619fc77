/** Configurations of routes by number: a thread gets each list of them once. */
import type { Json } from "../../config/model.ts";
import type { FilterThread } from "./filter-thread.ts";

export class RouteNumbers {
  readonly #numbers = new WeakMap<readonly unknown[], number>();
  readonly #known = new WeakMap<FilterThread, { readonly life: number; readonly numbers: Set<number> }>();
  #next = 0;

  /** `configs`: of one route, from the least to the most specific; the same array for every stream that takes it. */
  numberOf(configs: readonly unknown[], thread: FilterThread): number {
    if (configs.length === 0) return -1;
    let number = this.#numbers.get(configs);
    if (number === undefined) this.#numbers.set(configs, (number = this.#next++));
    let known = this.#known.get(thread);
    if (known === undefined || known.life !== thread.life) {
      known = { life: thread.life, numbers: new Set() };
      this.#known.set(thread, known);
    }
    if (!known.numbers.has(number)) {
      known.numbers.add(number);
      thread.post(["routes", number, configs as readonly Json[]]);
    }
    return number;
  }
}
