/** The recording of one thread: takes the first streams that match, and gives them away when they are over. Memory: `count` times `maxBytes`, beside frames and headers. */
import type { HookTable } from "../http/chain/filter-chain.ts";
import type { ResponseEncoder } from "../http/codec/codec.ts";
import type { RequestHeaderMap } from "../http/headers/header-map.ts";
import type { HttpStream } from "../http/manager/http-stream.ts";
import type { ServerConnection } from "../http/manager/server-connection.ts";
import type { TapStream } from "./fixture.ts";
import { type RecordLimits, StreamRecord } from "./stream-record.ts";
import type { TapCommand, TapOptions, TapPoint } from "./tap-point.ts";
import { TappedStream } from "./tapped-stream.ts";

/** Of one stream, and of all together. */
const MAX_STREAM_FRAMES = 10_000;
const MAX_FRAMES = 100_000;

export class TapSession {
  readonly #options: TapOptions;
  readonly #limits: RecordLimits;
  readonly #redact: ReadonlySet<string>;
  readonly #open = new Set<StreamRecord>();
  readonly #finished: TapStream[] = [];
  #begun = 0;
  #isOver = false;

  constructor(options: TapOptions) {
    this.#options = options;
    const { maxBytes, count } = options;
    this.#limits = { maxBytes, maxFrames: Math.min(MAX_STREAM_FRAMES, Math.floor(MAX_FRAMES / count)) };
    this.#redact = new Set(options.redact);
  }

  newStream(
    server: ServerConnection,
    encoder: ResponseEncoder,
    hooks: HookTable,
    nowMs: number,
    wallMs: number,
  ): HttpStream {
    return new TappedStream(this, server, encoder, hooks, nowMs, wallMs);
  }

  /** The record of a stream whose request has come; null: it is not asked for. */
  begin(stream: HttpStream, { path }: RequestHeaderMap): StreamRecord | null {
    const { count, listener, pathPrefix } = this.#options;
    if (this.#isOver || this.#begun >= count || !path.startsWith(pathPrefix)) return null;
    if (listener !== "" && !stream.manager.chainKey.startsWith(`${listener}/`)) return null;
    this.#begun++;
    const record = new StreamRecord(stream, this.#limits, this.#redact);
    this.#open.add(record);
    return record;
  }

  finished(record: StreamRecord): void {
    if (!this.#open.delete(record)) return;
    this.#finished.push(record.toStream(true));
    // Another stream may take its place at the codec.
    record.end();
  }

  /** What was finished since the last call. */
  take(): TapStream[] {
    return this.#finished.splice(0);
  }

  /** The end: also what is not finished. */
  stop(): TapStream[] {
    this.#isOver = true;
    const open = [...this.#open].map((record) => record.toStream(false));
    for (const record of this.#open) record.end();
    this.#open.clear();
    return [...this.take(), ...open];
  }
}

/** Carries out what main says. */
export function runTap(point: TapPoint, command: TapCommand): TapStream[] {
  const { session } = point;
  switch (command.kind) {
    case "start":
      session?.stop();
      point.session = new TapSession(command.options);
      return [];
    case "take":
      return session?.take() ?? [];
    case "stop":
      point.session = null;
      return session?.stop() ?? [];
  }
}
