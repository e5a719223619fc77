/** One message through a chain, in either direction: the test plays its source and reads what its receiver got. */
import {
  type HarnessFilter,
  type HarnessOptions,
  type HarnessStream,
  HttpHarness,
  ScriptedTerminal,
} from "@sluice/core/testing";
import type { WatermarkListener } from "@sluice/sdk";
import type { Side } from "./side.ts";

export class Play implements WatermarkListener {
  readonly side: Side;
  readonly harness: HttpHarness;
  readonly terminal = new ScriptedTerminal();
  readonly client: HarnessStream;
  #isSourceAbove = false;

  constructor(side: Side, filters: readonly HarnessFilter[], options: HarnessOptions = {}) {
    this.side = side;
    this.harness = new HttpHarness([...filters, this.terminal.filter], options);
    this.client = this.harness.open();
    if (side === "request") return;
    this.client.headers({}, true);
    this.terminal.handle!.response.watch(this);
  }

  onAboveHighWatermark(): void {
    this.#isSourceAbove = true;
  }

  onBelowLowWatermark(): void {
    this.#isSourceAbove = false;
  }

  headers(record: Record<string, string> = {}, end = false): this {
    if (this.side === "request") this.client.headers(record, end);
    else this.terminal.respond(200, record, end);
    return this;
  }

  data(of: string, end = false): this {
    if (this.side === "request") this.client.data(of, end);
    else this.terminal.data(of, end);
    return this;
  }

  trailers(record: Record<string, string> = { "x-trailer": "1" }): this {
    if (this.side === "request") this.client.trailers(record);
    else this.terminal.sendTrailers(record);
    return this;
  }

  /** A whole message of these chunks. */
  message(...chunks: string[]): this {
    this.headers({}, chunks.length === 0);
    for (const [i, chunk] of chunks.entries()) this.data(chunk, i === chunks.length - 1);
    return this;
  }

  async settle(): Promise<this> {
    await this.harness.settle();
    return this;
  }

  /** The receiver has it for sure: the terminal, or the client. */
  get frames(): readonly string[] {
    return this.side === "request" ? this.terminal.frames : this.client.sent.frames;
  }

  get body(): string {
    return this.side === "request" ? this.terminal.body : this.client.sent.body;
  }

  get received(): Record<string, string> {
    return this.side === "request" ? this.terminal.requestHeaders : this.client.sent.headers;
  }

  get receivedTrailers(): Record<string, string> | null {
    return this.side === "request" ? this.terminal.trailers : this.client.sent.trailers;
  }

  get ended(): boolean {
    return this.side === "request" ? this.terminal.ended : this.client.sent.ended;
  }

  get isSourcePaused(): boolean {
    return this.side === "request" ? this.client.sent.requestPaused : this.#isSourceAbove;
  }

  get status(): number {
    return this.client.sent.status;
  }

  get details(): string {
    return this.client.stream.details;
  }
}
