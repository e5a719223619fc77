/**
 * Hot path. A connection's way upstream inside an HTTP stream (CONNECT or POST, over either version), in the shape of a connection, so that the session need not know.
 * It stands when the answer is 2xx; no byte of the client leaves before, since to a proxy that refuses it would be the next request.
 */
import type {
  Cluster,
  FilterContext,
  Format,
  Headers,
  HostChoice,
  NetworkConnection,
  OpenFailure,
  RequestHeaders,
  ResetReason,
  ResponseHeaders,
  UpstreamConnection,
  UpstreamConnectionEvents,
  UpstreamHost,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import { HeaderAddition } from "./header-option.ts";
import type { TunnelSettings } from "./tunnel-config.ts";

/** Envoy's names of the filter state. */
const RESPONSE_HEADERS = "envoy.tcp_proxy.propagate_response_headers";
const RESPONSE_TRAILERS = "envoy.tcp_proxy.propagate_response_trailers";

/** What all tunnels of one filter have in common. */
export class TunnelPlan {
  readonly settings: TunnelSettings;
  readonly #hostname: Format;
  readonly #headers: readonly HeaderAddition[];

  /** @throws ConfigError where a text is no format. */
  constructor(settings: TunnelSettings, { formats }: FilterContext) {
    this.settings = settings;
    this.#hostname = formats.compile(settings.hostname);
    this.#headers = settings.headers.map((option) => new HeaderAddition(option, formats));
  }

  /** null: what the hostname comes to is no host. */
  request(cluster: Cluster, client: NetworkConnection): RequestHeaders | null {
    const { postPath } = this.settings;
    const authority = this.#hostname.constant ?? this.#hostname.render(client);
    let request: RequestHeaders;
    try {
      request =
        postPath === null ? cluster.newRequest("CONNECT", authority) : cluster.newRequest("POST", authority, postPath);
    } catch {
      return null;
    }
    for (const header of this.#headers) header.apply(request, client);
    return request;
  }
}

export function openTunnel(
  plan: TunnelPlan,
  cluster: Cluster,
  request: RequestHeaders,
  client: NetworkConnection,
  events: UpstreamConnectionEvents,
  choice: HostChoice,
): UpstreamConnection | OpenFailure {
  const tunnel = new HttpTunnel(plan.settings, client, events);
  const stream = cluster.openStream(tunnel, {
    protocol: "",
    headers: null,
    client: client.connection,
    metadata: choice.metadata ?? null,
    subset: choice.subset ?? null,
    override: choice.override ?? null,
    hashKey: (key) => choice.hashKey?.(key),
  });
  if (typeof stream === "string") return stream;
  tunnel.stream = stream;
  stream.sendHeaders(request, false);
  return tunnel;
}

class HttpTunnel implements UpstreamConnection, UpstreamStreamEvents {
  stream: UpstreamStream | null;
  readonly #settings: TunnelSettings;
  readonly #client: NetworkConnection;
  readonly #events: UpstreamConnectionEvents;
  #host: UpstreamHost | null;
  #localAddress: string;
  #isOpen: boolean;
  /** No event fires any more. */
  #isOver: boolean;

  constructor(settings: TunnelSettings, client: NetworkConnection, events: UpstreamConnectionEvents) {
    this.stream = null;
    this.#settings = settings;
    this.#client = client;
    this.#events = events;
    this.#host = null;
    this.#localAddress = "";
    this.#isOpen = false;
    this.#isOver = false;
  }

  // ---- from the session ---------------------------------------------------------------------------------------------------------------------

  write(data: Uint8Array, end: boolean): void {
    if (!this.#isOver && this.#isOpen) this.stream!.sendData(data, end);
  }

  /** A stream has one way of being given up; where both ends were said it is complete, and is not touched. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.stream!.reset();
  }

  pause(): void {
    this.stream!.pause();
  }

  unpause(): void {
    this.stream!.unpause();
  }

  get aboveWatermark(): boolean {
    return this.stream!.aboveWatermark;
  }

  // ---- from the stream ----------------------------------------------------------------------------------------------------------------------

  onUpstreamReady(host: UpstreamHost, localAddress: string): void {
    this.#host = host;
    this.#localAddress = localAddress;
  }

  onUpstreamInformational(): void {}

  onUpstreamHeaders(headers: ResponseHeaders, end: boolean): void {
    if (this.#isOver) return;
    const { status } = headers;
    if (this.#settings.keepsResponseHeaders) this.#keep(RESPONSE_HEADERS, headers, status);
    if (status < 200 || status > 299) {
      this.close();
      this.#events.onUpstreamClose("connection_failure", `tunnel_refused{${status}}`, this.#host);
      return;
    }
    this.#isOpen = true;
    this.#events.onUpstreamConnected(this.#host!, this.#localAddress);
    if (end && !this.#isOver) this.#events.onUpstreamData(EMPTY, true);
  }

  onUpstreamData(data: Uint8Array, end: boolean): void {
    if (!this.#isOver && this.#isOpen) this.#events.onUpstreamData(data, end);
  }

  onUpstreamTrailers(trailers: Headers): void {
    if (this.#isOver || !this.#isOpen) return;
    if (this.#settings.keepsResponseTrailers) this.#keep(RESPONSE_TRAILERS, trailers, 0);
    this.#events.onUpstreamData(EMPTY, true);
  }

  onUpstreamReset(reason: ResetReason, detail: string, host: UpstreamHost | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.onUpstreamClose(reason, detail, host);
  }

  onUpstreamWriteHigh(): void {
    if (!this.#isOver) this.#events.onUpstreamWriteHigh();
  }

  onUpstreamWriteLow(): void {
    if (!this.#isOver) this.#events.onUpstreamWriteLow();
  }

  /** In the shape of envoy.config.core.v3.HeaderMap. `status` 0: there is none. */
  #keep(key: string, headers: Headers, status: number): void {
    const list = Array.from(headers, ([name, value]) => ({ key: name, value }));
    if (status !== 0) list.unshift({ key: ":status", value: String(status) });
    this.#client.filterState.set(key, { headers: list });
  }
}

const EMPTY = new Uint8Array(0);
