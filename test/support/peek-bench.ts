// Listener filters over one scripted connection: the real engine without sockets, under virtual time.
import {
  Continue,
  type FilterContext,
  type ListenerFilter,
  type SchemaResult,
  type StandardSchema,
  Stop,
} from "@sluice/sdk";
import { ListenerFilterChain } from "../../packages/core/src/listener/listener-filter-chain.ts";
import { preConnectionStats } from "../../packages/core/src/listener/listener-stats.ts";
import { ScriptedPeek } from "../../packages/core/src/listener/scripted-peek.ts";
import { FlushQueue } from "../../packages/core/src/network/flush-queue.ts";
import { StatsStore } from "../../packages/core/src/stats/stats-store.ts";
import { VirtualTime } from "../../packages/core/src/timing/virtual.ts";

export interface PeekOptions {
  readonly timeoutMs?: number;
  readonly continueOnTimeout?: boolean;
  readonly maxPeekBytes?: number;
  readonly newState?: () => unknown;
}

/** A definition with a Standard Schema, whose `create` is synchronous and wants nothing of its context but statistics. */
interface SimpleDefinition<Settings, State> {
  readonly config: StandardSchema<unknown, Settings>;
  readonly maxPeekBytes?: number;
  readonly newState?: () => State;
  readonly create: (
    settings: Settings,
    context: FilterContext,
  ) => ListenerFilter<State> | Promise<ListenerFilter<State>>;
}

const STATS = { addSlab() {}, add() {}, remove() {} };

export class PeekBench {
  readonly time = new VirtualTime();
  /** What was logged: the message and what was said with it. */
  readonly lines: string[] = [];
  readonly client: ScriptedPeek;
  readonly #stats: StatsStore;

  constructor(
    filters: Readonly<Record<string, ListenerFilter>>,
    options: PeekOptions = {},
    stats: StatsStore = new StatsStore(STATS),
  ) {
    this.#stats = stats;
    const { timeoutMs = 0, continueOnTimeout = false, maxPeekBytes = 4096, newState = null } = options;
    const { clock, timers } = this.time;
    const chain = new ListenerFilterChain({
      filters: Object.entries(filters).map(([name, filter]) => ({
        name,
        filter,
        newState,
        maxPeekBytes,
        heartbeatId: 1,
        errors: this.#stats.counter(`${name}.errors`),
      })),
      timeoutMs,
      continueOnTimeout,
      stats: preConnectionStats(this.#stats.scope("")),
      environment: {
        clock,
        timers,
        heartbeat: { register: () => 1, enter() {} },
        log: {
          enabled: () => true,
          write: (_level, _component, message, fields) => void this.lines.push(`${message} ${JSON.stringify(fields)}`),
        },
      },
      onReleased() {},
    }).seal();
    this.client = new ScriptedPeek(chain, { flushQueue: new FlushQueue() });
  }

  /** One filter from its definition, with that configuration. */
  static of<Settings, State>(definition: SimpleDefinition<Settings, State>, config: unknown = {}): PeekBench {
    const stats = new StatsStore(STATS);
    const judged = definition.config["~standard"].validate(config) as SchemaResult<Settings>;
    if (judged.issues !== undefined) throw new Error(JSON.stringify(judged.issues));
    const context = { rootStats: stats.scope("") } as unknown as FilterContext;
    const filter = definition.create(judged.value, context) as ListenerFilter;
    const { newState, maxPeekBytes } = definition;
    const options = { ...(newState && { newState }), ...(maxPeekBytes && { maxPeekBytes }) };
    return new PeekBench({ filter }, options, stats);
  }

  /** The client sends these bytes (or one per character) in pieces of `size`. */
  send(data: string | Uint8Array, size = Infinity): this {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    for (let at = 0; at < bytes.length; at += size) this.client.connection.receive(bytes.subarray(at, at + size));
    return this;
  }

  stat = (name: string): number =>
    name.endsWith("_active") ? this.#stats.gauge(name).value : this.#stats.counter(name).value;
}

/** Takes `count` bytes away, and passes. */
export function eats(count: number): ListenerFilter {
  return {
    onPeek(data, connection) {
      if (data.length < count) return Stop;
      connection.consume(count);
      return Continue;
    },
  };
}

/** Waits for `text` to be there. */
export function sees(text: string, seen: string[] = []): ListenerFilter {
  return {
    onPeek(data) {
      seen.push(Buffer.from(data).toString("latin1"));
      return Buffer.from(data).includes(text) ? Continue : Stop;
    },
  };
}
