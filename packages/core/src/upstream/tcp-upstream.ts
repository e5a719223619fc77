/** A TCP connection to a host of a cluster, for one caller alone. Before it stands it keeps what is written and presses back at once. */
import type { UpstreamConnection, UpstreamConnectionEvents } from "@sluice/sdk";
import type { Connection, ConnectionEvents } from "../network/connection.ts";
import type { TurnClock } from "../timing/clock.ts";
import type { Breakers } from "./circuit-breakers.ts";
import type { ClusterStats } from "./cluster-stats.ts";
import type { ConnectEvents, ConnectTarget, Connecting, Connector } from "./connector.ts";
import type { Host } from "./host.ts";

export class TcpUpstream implements UpstreamConnection, ConnectEvents, ConnectionEvents {
  readonly host: Host;
  readonly #stats: ClusterStats;
  readonly #breakers: Breakers;
  readonly #clock: TurnClock;
  readonly #events: UpstreamConnectionEvents;
  readonly #all: Set<TcpUpstream>;
  readonly #startMs: number;
  #connecting: Connecting | null = null;
  #connection: Connection | null = null;
  #waiting: Uint8Array[] = [];
  /** Everything was said that is to be said. */
  #hasEnded = false;
  #pauses = 0;
  #high = false;
  #over = false;
  #closedLocally = false;

  constructor(
    host: Host,
    stats: ClusterStats,
    breakers: Breakers,
    clock: TurnClock,
    events: UpstreamConnectionEvents,
    all: Set<TcpUpstream>,
  ) {
    this.host = host;
    this.#stats = stats;
    this.#breakers = breakers;
    this.#clock = clock;
    this.#events = events;
    this.#all = all;
    this.#startMs = clock.turnNow();
    all.add(this);
    stats.cxTotal.inc();
    breakers.connectionAdded();
    host.limit?.added();
    stats.cxActive.inc();
    host.cxTotal.inc();
    host.cxActive.inc();
    host.connections++;
  }

  start(connector: Connector, timeoutMs: number, target: ConnectTarget | null): void {
    this.#connecting = connector.connect(this.host, timeoutMs, this, target);
  }

  // ---- from the owner -----------------------------------------------------------------------------------------------------------------------

  write(data: Uint8Array, end: boolean): void {
    if (this.#over) return;
    const connection = this.#connection;
    if (connection !== null) {
      if (data.length !== 0) connection.write(data);
      if (end) this.#end(connection);
      return;
    }
    if (data.length !== 0) this.#waiting.push(Uint8Array.prototype.slice.call(data));
    if (end) this.#hasEnded = true;
    if (!this.#high && data.length !== 0) {
      this.#high = true;
      this.#events.onUpstreamWriteHigh();
    }
  }

  close(abort = false): void {
    if (this.#over) return;
    this.#over = true;
    this.#closedLocally = true;
    if (this.#connection !== null) {
      // What was said to its end is delivered; half of it must not look whole.
      if (this.#hasEnded && !abort) this.#connection.closeAfterFlush(LINGER_MS);
      else this.#connection.destroy(abort);
    } else {
      this.#connecting?.cancel();
      this.#forget();
    }
  }

  #end(connection: Connection): void {
    this.#hasEnded = true;
    connection.end();
  }

  /** Everything ends now, also what is still being delivered; `detail` is for logs. */
  destroy(detail = "cluster_removed"): void {
    const wasOver = this.#over;
    this.#over = true;
    this.#closedLocally = true;
    const connection = this.#connection;
    if (connection !== null) connection.destroy(connection.pendingBytes !== 0);
    else {
      this.#connecting?.cancel();
      this.#forget();
    }
    if (!wasOver) this.#events.onUpstreamClose("local_reset", detail, this.host);
  }

  pause(): void {
    if (this.#pauses++ === 0) this.#connection?.pause();
  }

  unpause(): void {
    if (this.#pauses !== 0 && --this.#pauses === 0) this.#connection?.unpause();
  }

  get aboveWatermark(): boolean {
    return this.#high || this.#connection?.aboveWatermark === true;
  }

  // ---- from the connector -------------------------------------------------------------------------------------------------------------------

  onConnected(connection: Connection): void {
    this.#connecting = null;
    this.#connection = connection;
    const nowMs = this.#clock.turnNow();
    this.#stats.cxConnectMs.record(nowMs - this.#startMs);
    this.host.latency?.observe(nowMs - this.#startMs, false, nowMs);
    connection.setEvents(this);
    if (this.#over) {
      connection.destroy();
      return;
    }
    if (this.#pauses !== 0) connection.pause();
    this.host.watch?.connectedAll();
    this.#events.onUpstreamConnected(this.host, connection.info.local.address);
    for (const data of this.#waiting) if (!this.#over) connection.write(data);
    this.#waiting = [];
    if (this.#hasEnded && !this.#over) connection.end();
    if (this.#high && !this.#over) {
      this.#high = false;
      if (!connection.aboveWatermark) this.#events.onUpstreamWriteLow();
    }
  }

  onConnectFailed(reason: "connection_failure" | "connection_timeout", detail: string): void {
    this.#stats.cxConnectFail.inc();
    this.host.cxConnectFail.inc();
    const nowMs = this.#clock.turnNow();
    this.host.latency?.observe(nowMs - this.#startMs, true, nowMs);
    if (reason === "connection_timeout") {
      this.#stats.cxConnectTimeout.inc();
      this.host.watch?.timedOut();
    } else this.host.watch?.failed();
    this.#forget();
    if (this.#over) return;
    this.#over = true;
    this.#events.onUpstreamClose(reason, detail, this.host);
  }

  // ---- from the connection ------------------------------------------------------------------------------------------------------------------

  onData(data: Uint8Array): void {
    if (!this.#over) this.#events.onUpstreamData(data, false);
  }

  onEnd(): void {
    if (!this.#over) this.#events.onUpstreamData(NOTHING, true);
  }

  onClose(error: string): void {
    const connection = this.#connection!;
    const stats = this.#stats;
    stats.cxDestroy.inc();
    if (this.#closedLocally) stats.cxDestroyLocal.inc();
    else stats.cxDestroyRemote.inc();
    stats.cxLengthMs.record(this.#clock.turnNow() - this.#startMs);
    stats.cxRxBytes.inc(connection.bytesRead);
    stats.cxTxBytes.inc(connection.bytesWritten);
    this.#forget();
    if (this.#over) return;
    this.#over = true;
    this.#events.onUpstreamClose(error === "" ? null : "connection_termination", error, this.host);
  }

  onWriteHigh(): void {
    if (!this.#over) this.#events.onUpstreamWriteHigh();
  }

  onWriteLow(): void {
    if (!this.#over) this.#events.onUpstreamWriteLow();
  }

  onDrained(): void {}

  #forget(): void {
    if (!this.#all.delete(this)) return;
    this.#stats.cxActive.dec();
    this.host.cxActive.dec();
    this.host.connections--;
    this.#breakers.connectionGone();
    this.host.limit?.gone();
  }
}

const NOTHING = new Uint8Array(0);
/** How long the peer's end is waited for behind our last byte: an answer to a closed socket would cost what the kernel has not delivered yet. */
const LINGER_MS = 1000;
