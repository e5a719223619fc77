/**
 * Two ways to look at a definition's hooks from outside, each a definition again: a twin whose hooks of the same names do nothing (what the engine takes for
 * calling them), and one that times every call by the clock.
 */
import { type FilterContext, HTTP_FILTER_HOOKS, NETWORK_FILTER_HOOKS } from "@sluice/sdk";
import type { AnyFilterDefinition } from "../registry/registry.ts";
import type { HookSample } from "./types.ts";

type Hook = (...args: unknown[]) => unknown;
type Hooks = Record<string, unknown>;

const NAMES: readonly string[] = [...new Set<string>([...HTTP_FILTER_HOOKS, ...NETWORK_FILTER_HOOKS])].filter(
  (name) => name !== "dispose",
);

/** The same hooks, doing nothing. `create` of the original runs, since it says which hooks there are. */
export function twinOf<D extends AnyFilterDefinition>(definition: D): D {
  return recreated(definition, (hooks) => {
    const twin: Hooks = { dispose: () => hooks["dispose"] instanceof Function && hooks["dispose"]() };
    for (const name of NAMES) if (typeof hooks[name] === "function") twin[name] = emptyHook();
    return twin;
  });
}

/** A new function each time, as the hooks of different filters are. */
function emptyHook(): Hook {
  return () => undefined;
}

/** Times each call of each hook. */
export class HookClock {
  readonly #timed: TimedHook[] = [];
  readonly #overheadNs: number;

  constructor() {
    this.#overheadNs = clockOverheadNs();
  }

  timed<D extends AnyFilterDefinition>(definition: D): D {
    return recreated(definition, (hooks, filter) => {
      const wrapped: Hooks = { dispose: () => hooks["dispose"] instanceof Function && hooks["dispose"]() };
      for (const name of NAMES) {
        const hook = hooks[name];
        if (typeof hook !== "function") continue;
        const timed = new TimedHook(filter, name, hooks, hook as Hook);
        this.#timed.push(timed);
        wrapped[name] = (a: unknown, b: unknown, c: unknown) => timed.call(a, b, c);
      }
      return wrapped;
    });
  }

  /** Forgets what was timed so far: the warm-up. */
  reset(): void {
    for (const timed of this.#timed) timed.reset();
  }

  samples(requests: number): HookSample[] {
    return this.#timed.map((timed) => ({
      filter: timed.filter,
      hook: timed.name,
      callsPerRequest: timed.calls / requests,
      nsPerCall: Math.max(0, timed.typicalNs() - this.#overheadNs),
      isAsync: timed.isAsync,
    }));
  }
}

const KEPT = 8192;

class TimedHook {
  readonly filter: string;
  readonly name: string;
  calls = 0;
  isAsync = false;
  readonly #owner: Hooks;
  readonly #hook: Hook;
  readonly #times = new Float64Array(KEPT);

  constructor(filter: string, name: string, owner: Hooks, hook: Hook) {
    this.filter = filter;
    this.name = name;
    this.#owner = owner;
    this.#hook = hook;
  }

  call(a: unknown, b: unknown, c: unknown): unknown {
    const start = performance.now();
    const verdict = this.#hook.call(this.#owner, a, b, c);
    const ms = performance.now() - start;
    this.#times[this.calls++ % KEPT] = ms;
    if (typeof verdict === "object" && verdict !== null && "then" in verdict) this.isAsync = true;
    return verdict;
  }

  reset(): void {
    this.calls = 0;
  }

  /** The mean of the middle half: a median would jump between the clock's steps, a mean would count what interrupted the process. */
  typicalNs(): number {
    const kept = this.#times.subarray(0, Math.min(this.calls, KEPT)).toSorted();
    const middle = kept.subarray(kept.length >> 2, Math.max((kept.length >> 2) + 1, (kept.length * 3) >> 2));
    let sum = 0;
    for (const ms of middle) sum += ms;
    return kept.length === 0 ? 0 : (sum / middle.length) * 1e6;
  }
}

/** What a timed call of a hook that does nothing shows. */
function clockOverheadNs(): number {
  const timed = new TimedHook("", "", {}, emptyHook());
  for (let i = 0; i < 3 * KEPT; i++) timed.call(i, i, i);
  return timed.typicalNs();
}

function recreated<D extends AnyFilterDefinition>(definition: D, change: (hooks: Hooks, filter: string) => Hooks): D {
  return {
    ...definition,
    create: async (config: never, context: FilterContext) =>
      change((await definition.create(config, context as never)) as Hooks, context.name),
  };
}
