/**
 * An HTTP filter chain as the engine runs it: for each phase the filters that implement it, resolved when the chain is built. A phase without hooks is null and costs
 * nothing. Routes may turn filters off: each combination is a variant of the chain, made once.
 */
import type { HttpFilter, TerminalStream } from "@sluice/sdk";
import type { Counter } from "@sluice/sdk";

/** Hooks with the widest handle; the engine gives every filter the same class of handle. */
export type AnyHttpFilter = HttpFilter<unknown, unknown, TerminalStream>;

/** One filter in its place. */
export class FilterSlot {
  readonly slot: number;
  readonly name: string;
  readonly id: string;
  readonly filter: AnyHttpFilter;
  /** null: its streams have no state. */
  readonly newState: (() => unknown) | null;
  readonly terminal: boolean;
  /** Off unless a route turns it on. */
  readonly disabled: boolean;
  readonly readOnlyHeaders: boolean;
  /** What a throw does: answer 500, or go on without the filter. */
  readonly continueOnError: boolean;
  /** Number for the heartbeat. */
  readonly heartbeatId: number;
  readonly errors: Counter;

  constructor(init: {
    slot: number;
    name: string;
    id: string;
    filter: AnyHttpFilter;
    newState: (() => unknown) | null;
    terminal: boolean;
    disabled: boolean;
    readOnlyHeaders: boolean;
    continueOnError: boolean;
    heartbeatId: number;
    errors: Counter;
  }) {
    this.slot = init.slot;
    this.name = init.name;
    this.id = init.id;
    this.filter = init.filter;
    this.newState = init.newState;
    this.terminal = init.terminal;
    this.disabled = init.disabled;
    this.readOnlyHeaders = init.readOnlyHeaders;
    this.continueOnError = init.continueOnError;
    this.heartbeatId = init.heartbeatId;
    this.errors = init.errors;
  }
}

type Slots = readonly FilterSlot[] | null;

/** Filters by phase, request phases in configuration order, response phases in reverse. */
export class HookTable {
  readonly requestHeaders: Slots;
  readonly requestData: Slots;
  readonly requestTrailers: Slots;
  readonly informational: Slots;
  readonly responseHeaders: Slots;
  readonly responseData: Slots;
  readonly responseTrailers: Slots;
  readonly localReply: Slots;
  readonly complete: Slots;
  readonly destroy: Slots;
  readonly terminal: FilterSlot;

  constructor(slots: readonly FilterSlot[]) {
    const forward = slots;
    const backward = slots.toReversed();
    this.requestHeaders = having(forward, "onRequestHeaders");
    this.requestData = having(forward, "onRequestData");
    this.requestTrailers = having(forward, "onRequestTrailers");
    this.informational = having(backward, "onInformational");
    this.responseHeaders = having(backward, "onResponseHeaders");
    this.responseData = having(backward, "onResponseData");
    this.responseTrailers = having(backward, "onResponseTrailers");
    this.localReply = having(backward, "onLocalReply");
    this.complete = having(forward, "onStreamComplete");
    this.destroy = having(forward, "onDestroy");
    this.terminal = slots.at(-1)!;
  }
}

function having(slots: readonly FilterSlot[], hook: keyof AnyHttpFilter): Slots {
  const list = slots.filter((s) => s.filter[hook] !== undefined);
  return list.length === 0 ? null : list;
}

const NO_UPGRADES: ReadonlyMap<string, readonly FilterSlot[]> = new Map();

function isOff(s: FilterSlot, disabled: ReadonlyArray<boolean | null>): boolean {
  return (disabled[s.slot] ?? s.disabled) && !s.terminal;
}

/** The filters of upgraded streams. */
class UpgradeChain {
  readonly #slots: readonly FilterSlot[];
  readonly #hooks: HookTable;
  readonly #byRoute = new Map<ReadonlyArray<boolean | null>, HookTable>();

  constructor(slots: readonly FilterSlot[]) {
    this.#slots = slots;
    this.#hooks = new HookTable(slots.filter((s) => !s.disabled));
  }

  hooks(disabled: ReadonlyArray<boolean | null> | null): HookTable {
    if (disabled === null) return this.#hooks;
    let table = this.#byRoute.get(disabled);
    if (table === undefined) {
      table = new HookTable(this.#slots.filter((s) => !isOff(s, disabled)));
      this.#byRoute.set(disabled, table);
    }
    return table;
  }
}

export class HttpFilterChain {
  readonly slots: readonly FilterSlot[];
  /** One null a slot: what a stream's handles begin as. */
  readonly noHandles: readonly null[];
  /** With the filters that are on by default. */
  readonly hooks: HookTable;
  /** Whether upgrades of some protocol have filters of their own. */
  readonly hasUpgrades: boolean;
  /** The chain's own filters: all of `slots` but those of upgrades. */
  readonly #own: readonly FilterSlot[];
  readonly #upgrades: ReadonlyMap<string, UpgradeChain>;
  readonly #variants = new Map<string, HookTable>();
  /** The same by the route's own array, so that a request builds no key. */
  readonly #byRoute = new Map<ReadonlyArray<boolean | null>, HookTable>();

  /** `upgrades`: protocol → the filters that such streams have instead; their slots go on behind those of `slots`. */
  constructor(slots: readonly FilterSlot[], upgrades: ReadonlyMap<string, readonly FilterSlot[]> = NO_UPGRADES) {
    this.#own = slots;
    this.slots = [...slots, ...[...upgrades.values()].flat()];
    this.noHandles = this.slots.map(() => null);
    this.hooks = new HookTable(slots.filter((s) => !s.disabled));
    this.#upgrades = new Map([...upgrades].map(([type, own]) => [type, new UpgradeChain(own)]));
    this.hasUpgrades = upgrades.size !== 0;
  }

  /** The hooks for streams of that protocol, on a route that turns filters off or on; null: they have none of their own. */
  upgraded(type: string, disabled: ReadonlyArray<boolean | null> | null): HookTable | null {
    const chain = this.#upgrades.get(type);
    return chain === undefined ? null : chain.hooks(disabled);
  }

  /** The hooks for a route that turns filters off or on: `disabled[slot]` is null where the route says nothing. */
  variant(disabled: ReadonlyArray<boolean | null>): HookTable {
    const known = this.#byRoute.get(disabled);
    if (known !== undefined) return known;
    let key = "";
    for (const s of this.#own) key += isOff(s, disabled) ? "0" : "1";
    let table = this.#variants.get(key);
    if (table === undefined) {
      table = new HookTable(this.#own.filter((s) => key[s.slot] === "1"));
      this.#variants.set(key, table);
    }
    this.#byRoute.set(disabled, table);
    return table;
  }

  /** Ends the filter objects. Call it when no stream uses the chain any more. */
  async dispose(onError: (name: string, error: unknown) => void): Promise<void> {
    for (const s of this.slots) {
      try {
        await s.filter.dispose?.();
      } catch (error) {
        onError(s.name, error);
      }
    }
  }
}
