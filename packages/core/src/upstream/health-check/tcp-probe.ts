/** A check by a TCP connection: that it stands, or that the host answers what it is sent with what is waited for. Envoy: TcpHealthCheckerImpl. */
import type { ProbeModel } from "../../config/model.ts";
import { type Connection, type ConnectionEvents, NO_EVENTS } from "../../network/connection.ts";
import type { ConnectEvents, Connecting } from "../connector.ts";
import type { Host, HostModel } from "../host.ts";
import { hasAll, HeardBytes } from "./payload.ts";
import { NO_ANSWER, PASSED, type Probe, type ProbeOutcome } from "./probe.ts";
import type { ProbeTargets } from "./probe-target.ts";

/** A host that talks without saying what is waited for is given up then. */
const MOST_BYTES = 64 * 1024;

export class TcpProbe implements Probe, ConnectEvents, ConnectionEvents {
  readonly #targets: ProbeTargets;
  readonly #host: Host;
  readonly #send: Buffer;
  readonly #wanted: readonly Buffer[];
  readonly #heard = new HeardBytes(MOST_BYTES);
  #done: ((outcome: ProbeOutcome) => void) | null = null;
  #connecting: Connecting | null = null;
  #connection: Connection | null = null;

  constructor(targets: ProbeTargets, model: Extract<ProbeModel, { kind: "tcp" }>, host: HostModel) {
    this.#targets = targets;
    this.#host = targets.host(host);
    this.#send = Buffer.from(model.send, "hex");
    this.#wanted = model.receive.map((hex) => Buffer.from(hex, "hex"));
  }

  run(done: (outcome: ProbeOutcome) => void): void {
    this.#done = done;
    this.#heard.clear();
    if (this.#connection !== null) {
      this.#ask(this.#connection);
      return;
    }
    const { connector, model } = this.#targets;
    this.#connecting = connector.connect(this.#host, model.connectTimeoutMs, this, this.#targets.target(null));
  }

  cancel(): void {
    this.#done = null;
    this.#disconnect();
  }

  close(): void {
    this.cancel();
  }

  onConnected(connection: Connection): void {
    this.#connecting = null;
    this.#connection = connection;
    connection.setEvents(this);
    this.#ask(connection);
  }

  onConnectFailed(): void {
    this.#connecting = null;
    this.#end(NO_ANSWER);
  }

  #ask(connection: Connection): void {
    if (this.#send.length !== 0) connection.write(this.#send);
    // It was only to be seen whether it stands.
    if (this.#wanted.length === 0) {
      this.#disconnect();
      this.#end(PASSED);
    }
  }

  onData(data: Uint8Array): void {
    if (this.#done === null) return;
    this.#heard.add(data);
    if (hasAll(this.#heard.all(), this.#wanted)) {
      if (!this.#targets.check.reuseConnection) this.#disconnect();
      this.#end(PASSED);
    } else if (this.#heard.isFull) {
      this.#disconnect();
      this.#end(NO_ANSWER);
    }
  }

  onEnd(): void {
    this.#disconnect();
    this.#end(NO_ANSWER);
  }

  onClose(): void {
    this.#connection = null;
    this.#end(NO_ANSWER);
  }

  onWriteHigh(): void {}
  onWriteLow(): void {}
  onDrained(): void {}

  #disconnect(): void {
    this.#connecting?.cancel();
    this.#connecting = null;
    const connection = this.#connection;
    this.#connection = null;
    if (connection === null) return;
    connection.setEvents(NO_EVENTS);
    connection.destroy();
  }

  #end(outcome: ProbeOutcome): void {
    const done = this.#done;
    this.#done = null;
    done?.(outcome);
  }
}
