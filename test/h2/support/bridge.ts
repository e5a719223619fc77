// A proxy of the two codecs alone, on real sockets: what a server codec reads goes to a client codec, and back, with their pressure and their resets. No engine, no pool.
import type { ResetReason } from "@sluice/sdk";
import type {
  ClientCallbacks,
  ProtocolError,
  RequestDecoder,
  RequestEncoder,
  ResponseDecoder,
  ResponseEncoder,
  ServerCallbacks,
} from "../../../packages/core/src/http/codec/codec.ts";
import { Http2ClientCodec } from "../../../packages/core/src/http/codec/h2/client-codec.ts";
import {
  HTTP2_CLIENT_DEFAULTS,
  HTTP2_SERVER_DEFAULTS,
  type Http2Environment,
  type Http2Options,
} from "../../../packages/core/src/http/codec/h2/options.ts";
import { type CountedStats, countedStats } from "../../../packages/core/src/http/codec/h2/scripted-peer.ts";
import { Http2ServerCodec } from "../../../packages/core/src/http/codec/h2/server-codec.ts";
import type {
  HeaderMap,
  RequestHeaderMap,
  ResponseHeaderMap,
} from "../../../packages/core/src/http/headers/header-map.ts";
import { ipAddress } from "../../../packages/core/src/network/address.ts";
import type { Connection } from "../../../packages/core/src/network/connection.ts";
import { SocketInfo } from "../../../packages/core/src/network/connection-info.ts";
import type { ReadBufferSizes } from "../../../packages/core/src/network/read-buffer.ts";
import { SocketConnection } from "../../../packages/core/src/network/socket-connection.ts";
import { LoopbackServer, openUpstream } from "../../support/loopback.ts";
import { type TestServices, testServices } from "../../support/services.ts";

export interface BridgeOptions {
  readonly server?: Partial<Http2Options>;
  readonly client?: Partial<Http2Options>;
  readonly readBufferSizes?: ReadBufferSizes;
}

/** One request and its response, from codec to codec. */
class BridgeStream implements RequestDecoder, ResponseDecoder {
  readonly #bridge: BridgeConnection;
  readonly #down: ResponseEncoder;
  #up: RequestEncoder | null = null;

  constructor(bridge: BridgeConnection, down: ResponseEncoder) {
    this.#bridge = bridge;
    this.#down = down;
  }

  onRequestHeaders(headers: RequestHeaderMap, end: boolean): void {
    this.#up = this.#bridge.upstream!.openStream(this);
    this.#up.sendHeaders(headers, end);
  }

  onRequestData(data: Uint8Array, end: boolean): void {
    this.#up!.sendData(data, end);
  }

  onRequestTrailers(trailers: HeaderMap): void {
    this.#up!.sendTrailers(trailers);
  }

  onRequestReset(reason: ResetReason, detail: string): void {
    this.#bridge.owner.resets.push(`request ${reason} ${detail}`);
    this.#up!.reset();
  }

  onResponseWriteHigh(): void {
    this.#bridge.owner.pauses++;
    this.#up!.pauseResponse();
  }

  onResponseWriteLow(): void {
    this.#up!.resumeResponse();
  }

  onResponseFlushed(): void {}

  onInformational(headers: ResponseHeaderMap): void {
    this.#down.sendInformational(headers);
  }

  onResponseHeaders(headers: ResponseHeaderMap, end: boolean): void {
    this.#down.sendHeaders(headers, end);
  }

  onResponseData(data: Uint8Array, end: boolean): void {
    this.#down.sendData(data, end);
  }

  onResponseTrailers(trailers: HeaderMap): void {
    this.#down.sendTrailers(trailers);
  }

  onResponseReset(reason: ResetReason, detail: string): void {
    this.#bridge.owner.resets.push(`response ${reason} ${detail}`);
    this.#down.reset(reason);
  }

  onRequestWriteHigh(): void {
    this.#bridge.owner.pauses++;
    this.#down.pauseRequest();
  }

  onRequestWriteLow(): void {
    this.#down.resumeRequest();
  }
}

/** A client's connection and the one to the origin that is its own. */
class BridgeConnection implements ServerCallbacks, ClientCallbacks {
  readonly owner: Bridge;
  readonly down: Http2ServerCodec;
  upstream: Http2ClientCodec | null = null;

  constructor(owner: Bridge, connection: Connection) {
    this.owner = owner;
    this.down = new Http2ServerCodec(connection, this, owner.serverOptions, owner.environment);
  }

  onStream(encoder: ResponseEncoder): RequestDecoder {
    this.owner.streams++;
    return new BridgeStream(this, encoder);
  }

  onProtocolError({ detail }: ProtocolError): void {
    this.owner.resets.push(`connection ${detail}`);
  }

  onRequestBegin(): void {}
  onStreamEnd(): void {}
  onDraining(): void {}
}

export class Bridge implements AsyncDisposable {
  readonly services: TestServices;
  readonly stats: CountedStats;
  readonly environment: Http2Environment;
  readonly serverOptions: Http2Options;
  readonly resets: string[] = [];
  readonly connections: BridgeConnection[] = [];
  pauses = 0;
  streams = 0;
  #listener!: LoopbackServer;
  readonly #upstreams: Connection[] = [];

  private constructor(options: BridgeOptions) {
    const services = testServices();
    this.services = services;
    this.stats = countedStats();
    this.environment = {
      flushQueue: services.flushQueue,
      timers: services.timers,
      clock: services.clock,
      stats: this.stats,
      random: () => 0.5,
    };
    this.serverOptions = { ...HTTP2_SERVER_DEFAULTS, ...options.server };
  }

  static async start(originPort: number, options: BridgeOptions = {}): Promise<Bridge> {
    const bridge = new Bridge(options);
    const clientOptions = { ...HTTP2_CLIENT_DEFAULTS, ...options.client };
    const { readBufferSizes } = options;
    bridge.#listener = await LoopbackServer.start((socket) => {
      socket.pause();
      const address = { kind: "ip", host: "127.0.0.1", port: originPort } as const;
      void openUpstream(bridge.services, address, readBufferSizes === undefined ? {} : { readBufferSizes }).then(
        (upstream) => {
          bridge.#upstreams.push(upstream);
          const info = new SocketInfo(1, ipAddress("127.0.0.1", 1), ipAddress("127.0.0.1", 2), null);
          const connection = new SocketConnection({
            socket,
            transport: socket,
            info,
            environment: bridge.services,
            highWatermark: 1 << 20,
            owner: null,
            usesReadBuffer: false,
          });
          const pair = new BridgeConnection(bridge, connection);
          pair.upstream = new Http2ClientCodec(upstream, pair, clientOptions, bridge.environment);
          upstream.setEvents(pair.upstream);
          connection.setEvents(pair.down);
          bridge.connections.push(pair);
          socket.resume();
        },
        () => socket.destroy(),
      );
    });
    return bridge;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listener.port}`;
  }

  get port(): number {
    return this.#listener.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const upstream of this.#upstreams) upstream.destroy();
    await this.#listener[Symbol.asyncDispose]();
  }
}
