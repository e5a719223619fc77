// Clusters whose upstream streams the test plays.
import type {
  Headers,
  OpenFailure,
  RequestHeaders,
  ResetReason,
  RetryAllowance,
  UpstreamConnection,
  UpstreamHost,
  UpstreamRequest,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import {
  HeaderMap,
  RequestHeaderMap,
  ResponseHeaderMap,
  field,
} from "../../packages/core/src/http/headers/header-map.ts";
import type { ClusterSource, UpstreamCluster } from "../../packages/core/src/upstream/cluster-source.ts";

export const FAKE_HOST: UpstreamHost = { address: "10.0.0.1:80", hostname: "web.internal", cluster: "web" };

function fields(record: Readonly<Record<string, string>>) {
  return Object.entries(record).map(([name, value]) => field(name, value));
}

/** The request side as the router drives it; the response side as the test plays it. */
export class FakeUpstream implements UpstreamStream {
  readonly events: UpstreamStreamEvents;
  /** In order: `headers`, `data:<bytes>`, `trailers`, `end`, `pause`, `unpause`, `reset`. */
  readonly calls: string[] = [];
  headers: RequestHeaderMap | null = null;
  body = "";
  trailers: readonly (readonly [string, string])[] = [];
  aboveWatermark = false;
  /** How often it was told that no answer came in time. */
  timeouts = 0;

  constructor(events: UpstreamStreamEvents) {
    this.events = events;
  }

  sendHeaders(headers: RequestHeaders, end: boolean): void {
    this.headers = headers as unknown as RequestHeaderMap;
    this.calls.push("headers");
    if (end) this.calls.push("end");
  }

  sendData(data: Uint8Array, end: boolean): void {
    this.body += Buffer.from(data).toString("latin1");
    this.calls.push(`data:${data.length}`);
    if (end) this.calls.push("end");
  }

  sendTrailers(trailers: Headers): void {
    this.trailers = [...trailers];
    this.calls.push("trailers", "end");
  }

  reset(timedOut = false): void {
    this.calls.push("reset");
    if (timedOut) this.timeouts++;
  }

  late(): void {
    this.timeouts++;
  }

  pause(): void {
    this.calls.push("pause");
  }

  unpause(): void {
    this.calls.push("unpause");
  }

  // ---- the test's part ----------------------------------------------------------------------------------------------------------------------

  ready(host: UpstreamHost = FAKE_HOST): this {
    this.events.onUpstreamReady(host, "10.0.0.9:50000");
    return this;
  }

  informational(status: number): this {
    this.events.onUpstreamInformational(new ResponseHeaderMap(status));
    return this;
  }

  respond(status: number, headers: Readonly<Record<string, string>> = {}, end = true): this {
    this.events.onUpstreamHeaders(new ResponseHeaderMap(status, fields(headers)), end);
    return this;
  }

  data(text: string, end = false): this {
    this.events.onUpstreamData(Buffer.from(text, "latin1"), end);
    return this;
  }

  endWithTrailers(trailers: Readonly<Record<string, string>>): this {
    this.events.onUpstreamTrailers(new HeaderMap(fields(trailers)));
    return this;
  }

  fail(reason: ResetReason, detail = "", host: UpstreamHost | null = FAKE_HOST): this {
    this.events.onUpstreamReset(reason, detail, host);
    return this;
  }
}

/** Knows the clusters that it is told of; each gives streams until it is told to fail. */
export class FakeClusters implements ClusterSource {
  readonly streams: FakeUpstream[] = [];
  failure: OpenFailure | null = null;
  /** null: as many retries as there are. */
  retries: RetryAllowance | null = null;
  /** What the last stream was opened for. */
  request: UpstreamRequest | null = null;
  readonly #names: ReadonlySet<string>;

  constructor(names: readonly string[] = ["web"]) {
    this.#names = new Set(names);
  }

  get(name: string): UpstreamCluster | undefined {
    if (!this.#names.has(name)) return undefined;
    return {
      name,
      statName: name.replaceAll(":", "_"),
      openStream: (events, request) => {
        this.request = request ?? null;
        if (this.failure !== null) return this.failure;
        const stream = new FakeUpstream(events);
        this.streams.push(stream);
        return stream;
      },
      ...(this.retries === null ? {} : { retries: this.retries }),
      connect: (): UpstreamConnection | OpenFailure => "no_healthy_upstream",
    };
  }

  /** The stream that was opened last. */
  get last(): FakeUpstream {
    return this.streams.at(-1)!;
  }
}
