// Receives a connection's events and keeps them, for tests of connections.
import { createHash } from "node:crypto";
import type { Connection, ConnectionEvents } from "../../packages/core/src/network/connection.ts";
import { eventually } from "./eventually.ts";

export class Recorder implements ConnectionEvents {
  /** In order: `data`, `end`, `close:<error>`, `high`, `low`, `drained`. Data that follows data is one entry. */
  readonly events: string[] = [];
  received = 0;
  text = "";
  /** Runs on each chunk, in its turn. */
  onChunk: (data: Uint8Array) => void = () => {};
  readonly #digest = createHash("sha256");
  readonly #keepsText: boolean;

  constructor(connection: Connection, keepsText = true) {
    this.#keepsText = keepsText;
    connection.setEvents(this);
  }

  onData(data: Uint8Array): void {
    this.received += data.length;
    this.#digest.update(data);
    if (this.#keepsText) this.text += Buffer.from(data).toString("latin1");
    if (this.events.at(-1) !== "data") this.events.push("data");
    this.onChunk(data);
  }

  onEnd(): void {
    this.events.push("end");
  }

  onClose(error: string): void {
    this.events.push(`close:${error}`);
  }

  onWriteHigh(): void {
    this.events.push("high");
  }

  onWriteLow(): void {
    this.events.push("low");
  }

  onDrained(): void {
    this.events.push("drained");
  }

  get digest(): string {
    return this.#digest.copy().digest("hex");
  }

  has(event: string): boolean {
    return this.events.includes(event);
  }

  async saw(event: string): Promise<void> {
    await eventually(`the event ${event}; so far ${this.events.join(" ")}`, () => this.has(event));
  }

  /** The error of the close, when it has come. */
  async closed(): Promise<string> {
    const event = await eventually("the close", () => this.events.find((candidate) => candidate.startsWith("close:")));
    return event.slice("close:".length);
  }
}
