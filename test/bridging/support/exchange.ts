// One exchange as a test scripts it from both sides, whatever the version of HTTP: what came in, and what can be sent.
import type { IncomingMessage } from "node:http";
import { type ClientHttp2Stream, type ServerHttp2Stream, constants } from "node:http2";
import { within } from "../../support/eventually.ts";

export type Version = "HTTP/1" | "HTTP/2";
export type Fields = Readonly<Record<string, string | readonly string[]>>;

/** A message as its receiver sees it; names in lower case, values of one name in a list. */
export interface Head {
  readonly method?: string;
  readonly path?: string;
  /** `host` or `:authority`. */
  readonly authority?: string;
  readonly status?: number;
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** One message that comes in. */
export class Incoming {
  body = "";
  trailers: Fields | null = null;
  ended = false;
  /** Broken off before its end. */
  broken = false;
  /** Of RST_STREAM; -1: there was none, or it is HTTP/1. */
  code = -1;
  readonly #changed: Array<() => void> = [];

  tell(): void {
    for (const wake of this.#changed.splice(0)) wake();
  }

  async until(what: string, holds: () => boolean): Promise<this> {
    while (!holds()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#changed.push(resolve);
      await within(what, promise);
    }
    return this;
  }

  has(text: string): Promise<this> {
    return this.until(`${JSON.stringify(text)} in the body`, () => this.body.includes(text));
  }

  /** Whole or broken off. */
  over(): Promise<this> {
    return this.until("the end of the message", () => this.ended || this.broken);
  }
}

/** One request and its response, from the client's side. */
export interface ClientExchange {
  readonly response: Incoming;
  readonly informational: readonly Head[];
  /** The response's head; rejects where there never is one. */
  head(): Promise<Head>;
  write(text: string): void;
  end(trailers?: Record<string, string>): void;
  /** RST_STREAM with CANCEL, or the end of the connection. */
  reset(): void;
}

export interface Client extends AsyncDisposable {
  send(method: string, path: string, authority: string, fields?: Fields, end?: boolean): ClientExchange;
}

/** The same from the origin's side. */
export interface OriginExchange {
  readonly head: Head;
  readonly request: Incoming;
  inform(status: number, fields: Fields): void;
  respond(status: number, fields?: Fields, options?: { readonly end?: boolean; readonly trailers?: Fields }): void;
  write(text: string): void;
  end(): void;
  /** RST_STREAM with that code (INTERNAL_ERROR where there is none), or the end of the connection. */
  reset(code?: number): void;
}

export interface Origin extends AsyncDisposable {
  readonly address: string;
  /** The next request. */
  next(): Promise<OriginExchange>;
}

export function fieldsOf(raw: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    const known = fields.get(name);
    if (known === undefined) fields.set(name, [raw[i + 1]!]);
    else known.push(raw[i + 1]!);
  }
  return fields;
}

export function recordOf(trailers: object): Record<string, string> {
  return Object.fromEntries(Object.entries(trailers).map(([name, value]) => [name, String(value)]));
}

/** Node gives the raw list of an HTTP/2 section as another argument of its events. */
export function http2Head(raw: readonly string[]): Head {
  const fields = fieldsOf(raw);
  const take = (name: string): string | undefined => {
    const value = fields.get(name)?.[0];
    fields.delete(name);
    return value;
  };
  const [method, path, authority, status] = [":method", ":path", ":authority", ":status"].map(take);
  fields.delete(":scheme");
  return {
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
    ...(authority === undefined ? {} : { authority }),
    ...(status === undefined ? {} : { status: Number(status) }),
    fields,
  };
}

export function readMessage(incoming: Incoming, message: IncomingMessage): void {
  message.on("data", (chunk: Buffer) => {
    incoming.body += chunk.toString("latin1");
    incoming.tell();
  });
  message.on("end", () => {
    incoming.ended = true;
    if (message.rawTrailers.length > 0) incoming.trailers = recordOf(message.trailers);
    incoming.tell();
  });
  message.on("close", () => {
    incoming.broken = !incoming.ended;
    incoming.tell();
  });
  message.on("error", () => {});
}

export function readStream(incoming: Incoming, stream: ClientHttp2Stream | ServerHttp2Stream): void {
  stream.on("data", (chunk: Buffer) => {
    incoming.body += chunk.toString("latin1");
    incoming.tell();
  });
  stream.on("trailers", (trailers: object) => {
    const own = Object.fromEntries(Object.entries(trailers));
    incoming.trailers = recordOf(own);
    incoming.tell();
  });
  stream.on("end", () => {
    // Node ends the readable side of streams that were reset, too.
    incoming.ended = stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.aborted;
    incoming.tell();
  });
  stream.on("close", () => {
    incoming.code = stream.rstCode ?? -1;
    if (incoming.code !== constants.NGHTTP2_NO_ERROR) incoming.ended = false;
    incoming.broken = !incoming.ended;
    incoming.tell();
  });
  stream.on("error", () => {});
}
