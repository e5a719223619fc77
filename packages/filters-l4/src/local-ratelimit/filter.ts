/** Closes new connections for which no token is left. The bucket is in shared memory: all workers together admit what one would. */
import {
  Continue,
  type Counter,
  type FilterContext,
  type ListenerConnection,
  type ListenerFilter,
  type NetworkConnection,
  type NetworkFilter,
  type RuntimeValue,
  Stop,
  type TokenBucket,
} from "@sluice/sdk";
import type { ConnectionLimitSettings } from "./config.ts";

/** What both filters do. */
class ConnectionLimit {
  readonly #bucket: TokenBucket;
  readonly #enabled: RuntimeValue<boolean>;
  readonly #rateLimited: Counter;

  constructor(settings: ConnectionLimitSettings, context: FilterContext, stats: string) {
    const { runtimeKey, isOnByDefault } = settings;
    this.#bucket = context.shared.tokenBucket("connections", settings.bucket);
    this.#enabled = runtimeKey === "" ? { value: isOnByDefault } : context.runtime.boolean(runtimeKey, isOnByDefault);
    this.#rateLimited = context.rootStats.counter(`${stats}.${settings.statPrefix}.rate_limited`);
  }

  /** Whether the connection may go on; counted where not. */
  admits(): boolean {
    if (!this.#enabled.value || this.#bucket.take()) return true;
    this.#rateLimited.inc();
    return false;
  }
}

export class LocalRateLimitFilter implements NetworkFilter {
  readonly #limit: ConnectionLimit;

  constructor(settings: ConnectionLimitSettings, context: FilterContext) {
    this.#limit = new ConnectionLimit(settings, context, "local_rate_limit");
  }

  onNewConnection(connection: NetworkConnection): Continue | Stop {
    if (this.#limit.admits()) return Continue;
    connection.info.addFlag("RL");
    connection.close("now", "local_ratelimit_close_over_limit");
    return Stop;
  }
}

export class ListenerLocalRateLimitFilter implements ListenerFilter {
  readonly #limit: ConnectionLimit;

  constructor(settings: ConnectionLimitSettings, context: FilterContext) {
    this.#limit = new ConnectionLimit(settings, context, "listener_local_ratelimit");
  }

  onAccept(connection: ListenerConnection): Continue | Stop {
    if (this.#limit.admits()) return Continue;
    connection.close("now", "local_ratelimit_close_over_limit");
    return Stop;
  }
}
