/**
 * What the pools of one host in one thread have in common, whatever they speak: connections on their way, streams that wait for one, the counts of both, and the
 * way to the end.
 */
import type { ResetReason } from "@sluice/sdk";
import type { Connection } from "../../network/connection.ts";
import type { Timers, TurnClock } from "../../timing/clock.ts";
import type { Breakers } from "../circuit-breakers.ts";
import type { ClusterStats } from "../cluster-stats.ts";
import type { ConnectEvents, ConnectTarget, Connecting, Connector } from "../connector.ts";
import type { Host } from "../host.ts";
import { tellFailure } from "./stream-latency.ts";
import type { PooledStream } from "./upstream-stream.ts";
import { WaitingStreams } from "./waiting-streams.ts";

export interface PoolLimits {
  readonly connectTimeoutMs: number;
  /** 0: never. */
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
  readonly maxRequests: number;
}

/** One connection on its way. */
export class Attempt implements ConnectEvents {
  readonly #pool: BasePool;
  readonly startMs: number;
  connecting: Connecting | null = null;

  constructor(pool: BasePool) {
    this.#pool = pool;
    this.startMs = pool.clock.turnNow();
  }

  onConnected(connection: Connection): void {
    const { clock, stats } = this.#pool;
    this.#pool.attempts.delete(this);
    stats.cxConnectMs.record(clock.turnNow() - this.startMs);
    this.#pool.connected(connection);
  }

  onConnectFailed(reason: "connection_failure" | "connection_timeout", detail: string): void {
    this.#pool.attempts.delete(this);
    this.#pool.connectFailed(reason, detail);
  }
}

export interface PoolParts {
  readonly host: Host;
  readonly connector: Connector;
  /** null: what the cluster's configuration says. */
  readonly target: ConnectTarget | null;
  readonly limits: PoolLimits;
  readonly stats: ClusterStats;
  readonly clock: TurnClock;
  readonly timers: Timers;
  readonly breakers: Breakers;
}

export abstract class BasePool {
  readonly host: Host;
  readonly stats: ClusterStats;
  readonly breakers: Breakers;
  readonly clock: TurnClock;
  readonly timers: Timers;
  readonly attempts: Set<Attempt>;
  draining: boolean;
  /** Called once, after `drain`, when nothing is left. */
  onEmpty: (() => void) | null;
  /** It has connections, or streams that wait: then it counts as a pool. */
  protected inUse: boolean;
  /** Called each time when nothing is left although it does not drain. */
  onVacant: (() => void) | null;
  protected readonly waiting: WaitingStreams;
  protected readonly limits: PoolLimits;
  readonly #connector: Connector;
  readonly #target: ConnectTarget | null;

  constructor({ host, connector, target, limits, stats, clock, timers, breakers }: PoolParts) {
    this.host = host;
    this.stats = stats;
    this.breakers = breakers;
    this.clock = clock;
    this.timers = timers;
    this.attempts = new Set();
    this.draining = false;
    this.inUse = false;
    this.onEmpty = null;
    this.onVacant = null;
    this.waiting = new WaitingStreams();
    this.limits = limits;
    this.#connector = connector;
    this.#target = target;
  }

  /** A connection stands. */
  abstract connected(connection: Connection): void;
  /** Connections that stand. */
  protected abstract get size(): number;
  /** Opens as many connections as those that wait need. */
  protected abstract connectForWaiting(): void;
  /** An attempt has failed, and is counted: whoever has nothing left to wait for is told. */
  protected abstract failWaiting(reason: ResetReason, detail: string): void;
  /** Gives a stream whose request no server has served to whoever decides where it goes next. */
  abstract sendAgain(stream: PooledStream): boolean;
  abstract sendOverHttp1(stream: PooledStream): boolean;
  /** Gives a stream for which this host took no connection to whoever knows another host. */
  protected abstract sendElsewhere(stream: PooledStream): boolean;

  connectFailed(reason: "connection_failure" | "connection_timeout", detail: string): void {
    this.left();
    this.stats.cxConnectFail.inc();
    this.host.cxConnectFail.inc();
    if (reason === "connection_timeout") this.stats.cxConnectTimeout.inc();
    this.failWaiting(reason, detail);
    this.checkEmpty();
  }

  cancelPending(_stream: PooledStream): void {
    this.stats.rqCancelled.inc();
    this.stats.rqPendingActive.dec();
    this.breakers.waitEnds();
    this.waiting.gaveUp();
    // A connection that nobody waits for is still welcome: the next request will.
    this.checkEmpty();
  }

  /** Whether one more may wait; where not, that is counted. */
  protected mayWait(): boolean {
    if (this.breakers.mayWait) return true;
    this.stats.rqPendingOverflow.inc();
    return false;
  }

  protected wait(stream: PooledStream): void {
    this.stats.rqPendingTotal.inc();
    this.use();
    this.stats.rqPendingActive.inc();
    this.breakers.waitBegins();
    this.waiting.push(stream);
    this.connectForWaiting();
  }

  /** Who waits longest; null: nobody does. */
  protected nextWaiting(): PooledStream | null {
    const stream = this.waiting.shift();
    if (stream !== null) this.waited();
    return stream;
  }

  private use(): void {
    if (this.inUse) return;
    this.inUse = true;
    this.breakers.poolAdded();
  }

  /** One that waited has got a connection, or never will. */
  protected waited(): void {
    this.stats.rqPendingActive.dec();
    this.breakers.waitEnds();
  }

  /** Streams that are opened in the course of this are not of this round. */
  protected ejectWaiting(count: number, reason: ResetReason, detail: string): void {
    for (let left = count; left > 0; left--) {
      const stream = this.nextWaiting();
      if (stream === null) return;
      if (this.#movesOn(stream, reason)) {
        // Its host has failed it, wherever it is now.
        if (reason !== "local_reset") {
          this.host.watch?.failed();
          tellFailure(this, -1);
        }
        continue;
      }
      this.stats.rqPendingFailureEject.inc();
      stream.fail(reason, detail);
    }
  }

  #movesOn(stream: PooledStream, reason: ResetReason): boolean {
    // It was promised once that nobody has seen it: a host that is gone since does not end that.
    if (stream.repeats !== 0 && reason !== "local_reset" && this.sendAgain(stream)) return true;
    // Nobody has seen this one either.
    return isUnreached(reason) && this.sendElsewhere(stream);
  }

  protected mayConnect(): boolean {
    // At the limit a pool that has a connection already opens no other, and streams wait.
    const { limit } = this.host;
    if (this.breakers.mayConnect && (limit === null || limit.mayConnect)) return true;
    if (this.size + this.attempts.size === 0) return true;
    this.stats.cxOverflow.inc();
    return false;
  }

  protected connect(): void {
    this.use();
    this.breakers.connectionAdded();
    this.host.limit?.added();
    this.stats.cxTotal.inc();
    this.stats.cxActive.inc();
    this.host.cxTotal.inc();
    this.host.cxActive.inc();
    const attempt = new Attempt(this);
    this.attempts.add(attempt);
    attempt.connecting = this.#connector.connect(this.host, this.limits.connectTimeoutMs, attempt, this.#target);
  }

  /** A connection, or one on its way, is no more. */
  protected left(): void {
    this.breakers.connectionGone();
    this.host.limit?.gone();
    this.stats.cxActive.dec();
    this.host.cxActive.dec();
  }

  protected cancelAttempts(): void {
    for (const attempt of this.attempts) {
      attempt.connecting?.cancel();
      this.left();
    }
    this.attempts.clear();
  }

  protected checkEmpty(): void {
    if (this.size !== 0 || this.attempts.size !== 0 || this.waiting.count !== 0) return;
    if (this.inUse) {
      this.inUse = false;
      this.breakers.poolGone();
    }
    if (!this.draining) {
      this.onVacant?.();
      return;
    }
    const done = this.onEmpty;
    this.onEmpty = null;
    done?.();
  }
}

function isUnreached(reason: ResetReason): boolean {
  return reason === "connection_failure" || reason === "connection_timeout";
}
