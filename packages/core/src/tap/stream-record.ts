/** One stream on record, within its bounds. */
import type { ResetReason } from "@sluice/sdk";
import type { RequestHeaderMap, HeaderMap } from "../http/headers/header-map.ts";
import type { HttpStream } from "../http/manager/http-stream.ts";
import { type HeaderEntries, REDACTED, type TapFrame, type TapStream } from "./fixture.ts";

/** Of headers and trailers of one stream; beyond it frames are left out. */
const MAX_HEADER_CHARACTERS = 256 * 1024;

/** What of one stream is kept. */
export interface RecordLimits {
  /** Of bodies; beyond them bytes are left out. */
  readonly maxBytes: number;
  /** Beyond them frames are left out. */
  readonly maxFrames: number;
}

export type TapSide = "from_client" | "from_upstream" | "to_client";
type Told = TapFrame extends infer Frame ? (Frame extends { at_ms: number } ? Omit<Frame, "at_ms"> : never) : never;

export class StreamRecord {
  readonly #stream: HttpStream;
  readonly #redact: ReadonlySet<string>;
  readonly #sides: Record<TapSide, TapFrame[]> = { from_client: [], from_upstream: [], to_client: [] };
  #bytesLeft: number;
  #framesLeft: number;
  #charactersLeft = MAX_HEADER_CHARACTERS;
  #isCut = false;

  constructor(stream: HttpStream, { maxBytes, maxFrames }: RecordLimits, redact: ReadonlySet<string>) {
    this.#stream = stream;
    this.#redact = redact;
    this.#bytesLeft = maxBytes;
    this.#framesLeft = maxFrames;
  }

  /** The tap is over, and the stream may go on for long. */
  end(): void {
    this.#framesLeft = 0;
  }

  request(headers: RequestHeaderMap, end: boolean): void {
    const { method, path, authority, scheme, upgrade } = headers;
    this.#add("from_client", {
      kind: "request",
      method,
      path,
      authority,
      scheme,
      upgrade,
      headers: this.#entries(headers),
      end,
    });
  }

  response(side: TapSide, kind: "informational" | "response", status: number, headers: HeaderMap, end: boolean): void {
    this.#add(side, { kind, status, headers: this.#entries(headers), end });
  }

  data(side: TapSide, data: Uint8Array, end: boolean): void {
    if (this.#framesLeft === 0) {
      this.#isCut = true;
      return;
    }
    const kept = Math.min(data.length, this.#bytesLeft);
    this.#bytesLeft -= kept;
    const text = Buffer.from(data.buffer, data.byteOffset, kept).toString("base64");
    const cut = data.length - kept;
    if (cut > 0) this.#isCut = true;
    this.#add(side, { kind: "data", data: text, end, ...(cut > 0 ? { cut } : {}) });
  }

  trailers(side: TapSide, trailers: HeaderMap): void {
    this.#add(side, { kind: "trailers", headers: this.#entries(trailers) });
  }

  reset(side: TapSide, reason: ResetReason): void {
    this.#add(side, { kind: "reset", reason });
  }

  toStream(complete: boolean): TapStream {
    const { connection, protocol, startTimeMs, details, flags } = this.#stream;
    const { ip, port } = connection.directRemote;
    return {
      client: { ip, port, tls: connection.tls },
      protocol,
      started_at_ms: Math.round(startTimeMs),
      complete,
      cut: this.#isCut,
      ...this.#sides,
      details,
      flags,
    };
  }

  #add(side: TapSide, frame: Told): void {
    if (this.#framesLeft === 0 || this.#charactersLeft < 0) {
      this.#isCut = true;
      return;
    }
    this.#framesLeft--;
    const { startMs, manager } = this.#stream;
    const at = Math.round((manager.clock.now() - startMs) * 1000) / 1000;
    this.#sides[side].push({ at_ms: Math.max(0, at), ...frame } as TapFrame);
  }

  #entries(headers: HeaderMap): HeaderEntries {
    const entries = [...headers].map(([name, value]) => [name, this.#redact.has(name) ? REDACTED : value] as const);
    for (const [name, value] of entries) this.#charactersLeft -= name.length + value.length;
    return entries;
  }
}
