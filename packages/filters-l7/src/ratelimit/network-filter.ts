/** Asks a rate limit service whether a connection may stay; nothing of it goes on before there is an answer. */
import {
  Continue,
  type Counter,
  type FilterContext,
  type Format,
  type Gauge,
  type NetworkConnection,
  type NetworkFilter,
  type RuntimeFraction,
  Stop,
} from "@sluice/sdk";
import type { RateLimitDescriptor, RateLimitOverride } from "../shared/rate-limit/descriptors.ts";
import type { RateLimitAnswer } from "../shared/rate-limit/rls-messages.ts";
import type { NetworkRateLimitSettings } from "./network-config.ts";
import { RateLimitService } from "./service.ts";

const METADATA = "envoy.filters.network.ratelimit";

interface CompiledDescriptor {
  readonly entries: ReadonlyArray<{ readonly key: string; readonly format: Format }>;
  readonly limit: RateLimitOverride | null;
}

/** Under Envoy's names: `ratelimit.<stat_prefix>.*`. */
class ConnectionRateLimitStats {
  readonly total: Counter;
  readonly ok: Counter;
  readonly overLimit: Counter;
  readonly error: Counter;
  readonly failureModeAllowed: Counter;
  readonly closed: Counter;
  readonly active: Gauge;

  constructor({ rootStats }: FilterContext, statPrefix: string) {
    const prefix = `ratelimit.${statPrefix}.`;
    this.total = rootStats.counter(`${prefix}total`);
    this.ok = rootStats.counter(`${prefix}ok`);
    this.overLimit = rootStats.counter(`${prefix}over_limit`);
    this.error = rootStats.counter(`${prefix}error`);
    this.failureModeAllowed = rootStats.counter(`${prefix}failure_mode_allowed`);
    this.closed = rootStats.counter(`${prefix}cx_closed`);
    this.active = rootStats.gauge(`${prefix}active`);
  }
}

export class NetworkRateLimitFilter implements NetworkFilter {
  readonly #settings: NetworkRateLimitSettings;
  readonly #service: RateLimitService;
  readonly #descriptors: readonly CompiledDescriptor[];
  readonly #enabled: RuntimeFraction;
  readonly #enforced: RuntimeFraction;
  readonly #stats: ConnectionRateLimitStats;

  /** @throws ConfigError where a value is no format. */
  constructor(settings: NetworkRateLimitSettings, context: FilterContext) {
    this.#settings = settings;
    this.#service = new RateLimitService(settings.service, settings.timeoutMs, context.clusters);
    this.#descriptors = settings.descriptors.map(({ entries, limit }) => ({
      entries: entries.map(({ key, value }) => ({ key, format: context.formats.compile(value) })),
      limit,
    }));
    this.#enabled = context.runtime.fraction("ratelimit.tcp_filter_enabled", { numerator: 100 });
    this.#enforced = context.runtime.fraction("ratelimit.tcp_filter_enforcing", { numerator: 100 });
    this.#stats = new ConnectionRateLimitStats(context, settings.statPrefix);
  }

  onNewConnection(connection: NetworkConnection): Continue | Promise<Continue | Stop> {
    return this.#enabled.includes() ? this.#ask(connection) : Continue;
  }

  async #ask(connection: NetworkConnection): Promise<Continue | Stop> {
    const stats = this.#stats;
    const descriptors = this.#descriptors.map((descriptor) => descriptorOf(descriptor, connection));
    stats.total.inc();
    stats.active.inc();
    let answer: RateLimitAnswer | null;
    try {
      answer = await this.#service.ask({ domain: this.#settings.domain, descriptors, hitsAddend: 0 }, connection);
    } finally {
      stats.active.dec();
    }
    // It is gone, and it is not the service that failed.
    if (connection.signal.aborted) return Stop;
    if (answer === null) return this.#onFailure(connection);
    if (answer.metadata !== null) connection.metadata.set(METADATA, answer.metadata);
    if (!answer.isOverLimit) {
      stats.ok.inc();
      return Continue;
    }
    stats.overLimit.inc();
    return this.#enforced.includes() ? this.#close(connection, "ratelimit_close_over_limit") : Continue;
  }

  #onFailure(connection: NetworkConnection): Continue | Stop {
    this.#stats.error.inc();
    if (this.#settings.deniesOnFailure) return this.#close(connection, "ratelimit_error_close");
    this.#stats.failureModeAllowed.inc();
    return Continue;
  }

  #close(connection: NetworkConnection, details: string): Stop {
    this.#stats.closed.inc();
    connection.info.addFlag(details === "ratelimit_close_over_limit" ? "RL" : "RLSE");
    connection.close("now", details);
    return Stop;
  }
}

function descriptorOf({ entries, limit }: CompiledDescriptor, connection: NetworkConnection): RateLimitDescriptor {
  return { entries: entries.map(({ key, format }) => ({ key, value: format.render(connection) })), limit };
}
