// tcp_proxy in a real chain, between a scripted client and upstreams that the test plays: TCP connections, or HTTP streams where it tunnels.
import type {
  HostChoice,
  OpenFailure,
  RequestHeaders,
  UpstreamConnection,
  UpstreamConnectionEvents,
  UpstreamHost,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import { LOG_FORMAT, compileFormat } from "../../packages/core/src/formatter/format.ts";
import { MatchProblem } from "../../packages/core/src/matching/match-problem.ts";
import { ResponseHeaderMap } from "../../packages/core/src/http/headers/header-map.ts";
import { NetworkChain } from "../../packages/core/src/network/filter-chain/network-chain.ts";
import { ScriptedConnection } from "../../packages/core/src/network/scripted-connection.ts";
import type { UpstreamCluster } from "../../packages/core/src/upstream/cluster-source.ts";
import { OwnedFilterContext } from "../../packages/core/src/worker/filter-context.ts";
import type { TcpProxySettings } from "../../packages/filters-l4/src/tcp-proxy/config.ts";
import { TcpProxyFilter } from "../../packages/filters-l4/src/tcp-proxy/filter.ts";
import { virtualServices } from "./services.ts";

export const HOST: UpstreamHost = { address: "10.0.0.1:80", hostname: "10.0.0.1:80", cluster: "c" };

/** An upstream connection that the test plays. */
export class FakeUpstream implements UpstreamConnection {
  readonly events: UpstreamConnectionEvents;
  /** In order: bytes as latin1, `|` for the half-close, `pause`, `unpause`, `close`, `abort`. */
  readonly calls: string[] = [];
  aboveWatermark = false;

  constructor(events: UpstreamConnectionEvents) {
    this.events = events;
  }

  write(data: Uint8Array, end: boolean): void {
    this.calls.push(Buffer.from(data).toString("latin1") + (end ? "|" : ""));
  }

  close(abort = false): void {
    this.calls.push(abort ? "abort" : "close");
  }

  pause(): void {
    this.calls.push("pause");
  }

  unpause(): void {
    this.calls.push("unpause");
  }

  connect(): this {
    this.events.onUpstreamConnected(HOST, "10.0.0.9:4711");
    return this;
  }

  send(text: string, end = false): void {
    this.events.onUpstreamData(Buffer.from(text, "latin1"), end);
  }
}

/** An HTTP stream to an upstream that the test plays. */
export class FakeTunnelStream implements UpstreamStream {
  readonly events: UpstreamStreamEvents;
  request: RequestHeaders | null = null;
  /** As of {@link FakeUpstream}; `reset` for the stream's end. */
  readonly calls: string[] = [];
  aboveWatermark = false;

  constructor(events: UpstreamStreamEvents) {
    this.events = events;
  }

  sendHeaders(headers: RequestHeaders, end: boolean): void {
    this.request = headers;
    if (end) this.calls.push("|");
    this.events.onUpstreamReady(HOST, "10.0.0.9:4711");
  }

  sendData(data: Uint8Array, end: boolean): void {
    this.calls.push(Buffer.from(data).toString("latin1") + (end ? "|" : ""));
  }

  sendTrailers(): void {
    this.calls.push("trailers");
  }

  reset(): void {
    this.calls.push("reset");
  }

  pause(): void {
    this.calls.push("pause");
  }

  unpause(): void {
    this.calls.push("unpause");
  }

  answer(status: number, fields: Readonly<Record<string, string>> = {}, end = false): this {
    const headers = new ResponseHeaderMap(status);
    for (const [name, value] of Object.entries(fields)) headers.set(name, value);
    this.events.onUpstreamHeaders(headers, end);
    return this;
  }

  send(text: string, end = false): void {
    this.events.onUpstreamData(Buffer.from(text, "latin1"), end);
  }
}

export class World {
  readonly upstreams: FakeUpstream[] = [];
  readonly streams: FakeTunnelStream[] = [];
  readonly asked: string[] = [];
  readonly logged: string[] = [];
  /** What the host of the last connection or stream was chosen by. */
  choice: HostChoice | null = null;
  /** What `connect` returns in place of a connection. */
  failure: OpenFailure | null = null;
  readonly services;
  readonly time;
  readonly chain: NetworkChain;

  /** `format`: of the lines in `logged`. */
  constructor(overrides: Partial<TcpProxySettings> = {}, format?: string) {
    const compiled = format === undefined ? null : compileFormat(format, LOG_FORMAT);
    if (compiled instanceof MatchProblem) throw new Error(compiled.message);
    const cluster = (name: string): UpstreamCluster => ({
      name,
      statName: name,
      openStream: (events, request) => {
        this.asked.push(name);
        this.choice = request ?? null;
        if (this.failure !== null) return this.failure;
        const stream = new FakeTunnelStream(events);
        this.streams.push(stream);
        return stream;
      },
      connect: (events, _client, choice) => {
        this.asked.push(name);
        this.choice = choice ?? null;
        if (this.failure !== null) return this.failure;
        const upstream = new FakeUpstream(events);
        this.upstreams.push(upstream);
        return upstream;
      },
    });
    const { services, time } = virtualServices({
      clusters: { get: (name) => (name === "missing" ? undefined : cluster(name)) },
    });
    this.services = services;
    this.time = time;
    const settings: TcpProxySettings = {
      statPrefix: "t",
      targets: [{ cluster: "c", weight: 1 }],
      totalWeight: 1,
      idleTimeoutMs: 3_600_000,
      maxConnectAttempts: 1,
      maxDownstreamConnectionDurationMs: 0,
      hash: null,
      tunnel: null,
      logsOnConnected: false,
      logIntervalMs: 0,
      ...overrides,
    };
    const context = new OwnedFilterContext({
      services,
      name: "tcp",
      statPrefix: "t",
      statsPrefix: "t.tcp.",
      sharedKey: "k",
      calls: true,
    });
    this.chain = new NetworkChain({
      filters: [
        {
          name: "tcp",
          filter: new TcpProxyFilter(settings, context),
          newState: null,
          heartbeatId: 1,
          errors: context.stats.counter("errors"),
        },
      ],
      terminal: null,
      tls: null,
      bufferLimitBytes: 1024,
      loggers: [
        {
          log: (info) =>
            void this.logged.push(
              compiled?.render(info) ??
                `${info.flags.join(",")} ${info.details} ${info.upstreamHost?.address ?? "-"} ${info.upstreamAttempts} ${info.upstreamFailure}`,
            ),
          release() {},
        },
      ],
      environment: services,
      onReleased: () => {},
    });
  }

  connect(highWatermark = 1024): ScriptedConnection {
    const client = new ScriptedConnection({ highWatermark });
    this.chain.accept(client);
    return client;
  }

  get upstream(): FakeUpstream {
    return this.upstreams.at(-1)!;
  }

  get stream(): FakeTunnelStream {
    return this.streams.at(-1)!;
  }

  count(name: string): number {
    return this.services.count(`tcp.t.${name}`);
  }
}
