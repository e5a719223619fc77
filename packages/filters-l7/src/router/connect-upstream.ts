/**
 * Hot path. CONNECT that ends here (Envoy: connect_config): a TCP connection in the shape of an upstream stream, so that the router's stream need not know.
 * Its 200 is made here, when the connection stands; bytes that the client sent before were held by its codec, and a POST's wait with the connection.
 */
import type {
  Cluster,
  ConnectTermination,
  HostChoice,
  OpenFailure,
  RequestHeaders,
  ResetReason,
  UpstreamConnection,
  UpstreamConnectionEvents,
  UpstreamHost,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import type { RouterHandle } from "./router-stream.ts";

export function isTerminated(connect: ConnectTermination, { method }: RequestHeaders): boolean {
  return method === "CONNECT" || (connect.allowPost && method === "POST");
}

export function openConnect(
  cluster: Cluster,
  connect: ConnectTermination,
  events: UpstreamStreamEvents & HostChoice,
  stream: RouterHandle,
): UpstreamStream | OpenFailure {
  const upstream = new ConnectUpstream(connect, events, stream);
  const connection = cluster.connect(upstream, stream.info.connection, events);
  if (typeof connection === "string") return connection;
  upstream.connection = connection;
  return upstream;
}

class ConnectUpstream implements UpstreamStream, UpstreamConnectionEvents {
  connection: UpstreamConnection | null;
  readonly #connect: ConnectTermination;
  readonly #events: UpstreamStreamEvents;
  readonly #stream: RouterHandle;
  #hasRequestEnded: boolean;
  #hasResponseEnded: boolean;
  #isOver: boolean;

  constructor(connect: ConnectTermination, events: UpstreamStreamEvents, stream: RouterHandle) {
    this.connection = null;
    this.#connect = connect;
    this.#events = events;
    this.#stream = stream;
    this.#hasRequestEnded = false;
    this.#hasResponseEnded = false;
    this.#isOver = false;
  }

  // ---- from the router ----------------------------------------------------------------------------------------------------------------------

  /** The headers end here with the request. */
  sendHeaders(_headers: RequestHeaders, end: boolean): void {
    if (end) this.sendData(EMPTY, true);
  }

  sendData(data: Uint8Array, end: boolean): void {
    if (this.#isOver || this.#hasRequestEnded) return;
    this.#hasRequestEnded = end;
    this.connection!.write(data, end);
    if (end && this.#hasResponseEnded) this.#finish();
  }

  sendTrailers(): void {
    this.sendData(EMPTY, true);
  }

  /** A tunnel that is cut off must not look complete to whom it led; of one that the client has ended, all is delivered. */
  reset(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.connection!.close(!this.#hasRequestEnded);
  }

  /** Both ends were said: all that is left is to deliver. */
  #finish(): void {
    this.#isOver = true;
    this.connection!.close();
  }

  pause(): void {
    this.connection!.pause();
  }

  unpause(): void {
    this.connection!.unpause();
  }

  get aboveWatermark(): boolean {
    return this.connection!.aboveWatermark;
  }

  // ---- from the connection ------------------------------------------------------------------------------------------------------------------

  onUpstreamConnected(host: UpstreamHost, localAddress: string): void {
    this.#events.onUpstreamReady(host, localAddress);
    if (this.#isOver) return;
    const preamble = this.#connect.preamble(this.#stream);
    if (preamble !== null) this.connection!.write(preamble, false);
    this.#events.onUpstreamHeaders(this.#stream.newResponse(200), false);
  }

  onUpstreamData(data: Uint8Array, end: boolean): void {
    if (this.#isOver || this.#hasResponseEnded) return;
    this.#hasResponseEnded = end;
    if (end && this.#hasRequestEnded) this.#finish();
    this.#events.onUpstreamData(data, end);
  }

  onUpstreamClose(reason: ResetReason | null, detail: string, host: UpstreamHost | null): void {
    if (this.#isOver) return;
    if (reason === null) this.onUpstreamData(EMPTY, true);
    this.#isOver = true;
    if (reason !== null) this.#events.onUpstreamReset(reason, detail, host);
  }

  onUpstreamWriteHigh(): void {
    if (!this.#isOver) this.#events.onUpstreamWriteHigh();
  }

  onUpstreamWriteLow(): void {
    if (!this.#isOver) this.#events.onUpstreamWriteLow();
  }
}

const EMPTY = new Uint8Array(0);
