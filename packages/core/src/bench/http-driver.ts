/**
 * Drives an HTTP chain in memory: the real connection manager, routes and engine, without sockets and codecs. A request is a new header map and copies
 * of its chunks; a terminal filter of the bench answers when the request has ended.
 */
import { type AnyHttpFilterDefinition, Registry } from "../registry/registry.ts";
import { defineHttpFilter, parsedBy } from "@sluice/sdk";
import type { RequestDecoder, ResponseEncoder } from "../http/codec/codec.ts";
import { HeaderField, headerName, headerValue } from "../http/headers/field.ts";
import { RequestHeaderMap, ResponseHeaderMap } from "../http/headers/header-map.ts";
import type { ConnectionManager } from "../http/manager/connection-manager.ts";
import { createConnectionManager } from "../http/manager/create.ts";
import type { ServerConnection } from "../http/manager/server-connection.ts";
import { benchHcm } from "./bench-hcm.ts";
import type { BenchServices } from "./bench-services.ts";
import { type ChainDriver, OpenRequests } from "./driver.ts";
import { NullConnection } from "./null-connection.ts";
import { Scratch } from "./scratch.ts";
import type { HttpTraffic, SubjectFilter } from "./types.ts";
import type { RouteConfigModel } from "../config/model.ts";

const BUFFER_LIMIT = 1024 * 1024;
export const TERMINAL_ID = "sluice.bench.terminal";

export interface HttpChainParts {
  readonly services: BenchServices;
  readonly filters: readonly SubjectFilter[];
  readonly definitions: readonly AnyHttpFilterDefinition[];
  readonly routes: RouteConfigModel | null;
  readonly traffic: HttpTraffic;
}

/** @throws Error with a sentence where a filter refuses its configuration or cannot be created. */
export async function httpDriver(parts: HttpChainParts): Promise<ChainDriver> {
  const { services } = parts;
  const registry = new Registry();
  const terminal = terminalFor(parts.traffic);
  const problems = registry.add([...parts.definitions, terminal], "bench");
  if (problems[0] !== undefined) throw new Error(problems[0].message);
  // A chain that brings its own terminal filter is measured with that one.
  const ends = parts.filters.some(({ id }) => registry.http(id)?.terminal === true);
  const manager = await createConnectionManager(benchHcm(parts.filters, ends ? null : TERMINAL_ID, parts.routes), {
    services,
    registry,
    bufferLimitBytes: BUFFER_LIMIT,
    chainKey: "bench/bench",
  });
  return new HttpDriver(services, manager, parts.traffic);
}

/** Answers when the request has ended. A definition of its own per chain, so that chains share no hooks. */
function terminalFor(traffic: HttpTraffic): AnyHttpFilterDefinition {
  const fields = traffic.responseHeaders.map(toField);
  const { status, responseChunks: chunks } = traffic;
  return defineHttpFilter({
    id: TERMINAL_ID,
    maturity: "stable",
    security: "unknown",
    terminal: true,
    config: parsedBy(() => null),
    create: () => ({
      onRequestHeaders(_headers, end, stream) {
        if (end) answer(stream as unknown as Answerer, status, fields, chunks);
      },
      onRequestData(_data, end, stream) {
        if (end) answer(stream as unknown as Answerer, status, fields, chunks);
      },
    }),
  }) as unknown as AnyHttpFilterDefinition;
}

interface Answerer {
  sendHeaders(headers: ResponseHeaderMap, end: boolean): void;
  sendData(data: Uint8Array, end: boolean): void;
}

function answer(stream: Answerer, status: number, fields: readonly HeaderField[], chunks: readonly Uint8Array[]): void {
  const last = chunks.length - 1;
  stream.sendHeaders(new ResponseHeaderMap(status, fields.slice()), last < 0);
  for (let i = 0; i <= last; i++) stream.sendData(responseBytes.copy(chunks[i]!), i === last);
}

const requestBytes = new Scratch();
const responseBytes = new Scratch();

function toField([name, value]: readonly [string, string]): HeaderField {
  return new HeaderField(headerName(name), headerValue(name, value));
}

class HttpDriver extends OpenRequests implements ChainDriver {
  readonly traffic: HttpTraffic;
  readonly fields: readonly HeaderField[];
  readonly server: ServerConnection;
  readonly #services: BenchServices;
  readonly #manager: ConnectionManager;

  constructor(services: BenchServices, manager: ConnectionManager, traffic: HttpTraffic) {
    super();
    this.#services = services;
    this.#manager = manager;
    this.traffic = traffic;
    this.fields = traffic.headers.map(toField);
    this.server = manager.onConnection(new NullConnection());
  }

  run(count: number): void {
    const { server, traffic, fields } = this;
    const { flushQueue } = this.#services;
    const { method, path, authority, requestChunks } = traffic;
    const bodyless = requestChunks.length === 0;
    for (let i = 0; i < count; i++) {
      this.open++;
      flushQueue.enter();
      const exchange = new Exchange(this);
      const decoder = server.onStream(exchange);
      decoder.onRequestHeaders(new RequestHeaderMap(method, path, authority, "http", fields.slice()), bodyless);
      if (!bodyless) exchange.begin(decoder);
      flushQueue.leave();
    }
  }

  failure(): string | null {
    return this.#services.errors[0] ?? null;
  }

  close(): void {
    this.#manager.retire();
    this.server.onClose("");
  }
}

/** One request: the codec's side of it. Sends the body, and stops while the chain says so. */
class Exchange implements ResponseEncoder {
  readonly protocol = "HTTP/1.1";
  readonly aboveWatermark = false;
  readonly #driver: HttpDriver;
  #decoder: RequestDecoder | null;
  #next: number;
  #status: number;
  #isOver: boolean;
  #isPaused: boolean;
  #isPumping: boolean;

  constructor(driver: HttpDriver) {
    this.#driver = driver;
    this.#decoder = null;
    this.#next = 0;
    this.#status = 0;
    this.#isOver = false;
    this.#isPaused = false;
    this.#isPumping = false;
  }

  begin(decoder: RequestDecoder): void {
    this.#decoder = decoder;
    this.#pump();
  }

  #pump(): void {
    const chunks = this.#driver.traffic.requestChunks;
    this.#isPumping = true;
    while (!this.#isPaused && !this.#isOver && this.#next < chunks.length) {
      const chunk = chunks[this.#next++]!;
      this.#decoder!.onRequestData(requestBytes.copy(chunk), this.#next === chunks.length);
    }
    this.#isPumping = false;
  }

  sendInformational(): void {}

  sendHeaders(headers: ResponseHeaderMap, end: boolean): void {
    this.#status = headers.status;
    if (end) this.#end(this.#status);
  }

  sendData(_data: Uint8Array, end: boolean): void {
    if (end) this.#end(this.#status);
  }

  sendTrailers(): void {
    this.#end(this.#status);
  }

  reset(): void {
    this.#end(0);
  }

  pauseRequest(): void {
    this.#isPaused = true;
  }

  resumeRequest(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#decoder !== null && !this.#isPumping) queueMicrotask(() => this.#pump());
  }

  closeAfterResponse(): void {}

  #end(status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#driver.ended(status);
  }
}
