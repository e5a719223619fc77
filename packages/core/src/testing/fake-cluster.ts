/** Clusters that the test plays: what filters open or ask ends in the test's hands, or is answered by itself. No socket is there. */
import type { HostLookup, OpenFailure, ResetReason, UpstreamHost } from "@sluice/sdk";
import type { Timers } from "../timing/clock.ts";
import type { ClusterSource, UpstreamCluster } from "../upstream/cluster-source.ts";
import { FakeConnection } from "./fake-connection.ts";
import { FakeGrpcClient, type GrpcHandler } from "./fake-grpc.ts";
import { FakeStream } from "./fake-stream.ts";
import type { ReceivedRequest, Respond } from "./messages.ts";

export interface FakeClusterOptions {
  /** Answers streams and `request()` by itself, when the request is whole. @default none: the test answers through `streams` */
  readonly respond?: Respond;
  /** Sees TCP connections when they are established. */
  readonly accept?: (connection: FakeConnection) => void;
  /** Answers gRPC calls, by the method's path (`/package.Service/Method`). */
  readonly grpc?: Readonly<Record<string, GrpcHandler>>;
  /** What every attempt meets; may be changed while a test runs. @default null */
  readonly failure?: ClusterFailure | null;
  /** @default "10.0.0.1:80" */
  readonly address?: string;
  /** Answers look-ups of hosts. @default none: the cluster's hosts are not those that requests ask for */
  readonly lookUp?: (authority: string) => HostLookup | Promise<HostLookup>;
  /** `alt_stat_name`. @default the cluster's name */
  readonly statName?: string;
}

/** `no_healthy_upstream` and `overflow` are known at once; the others come as a reset in the next turn. */
export type ClusterFailure = OpenFailure | ResetReason;

/** Makes a cluster for a harness's `clusters`. One object serves one harness. */
export function fakeCluster(options: FakeClusterOptions = {}): FakeCluster {
  return new FakeCluster(options);
}

export class FakeCluster {
  /** HTTP streams that were opened, the oldest first. */
  readonly streams: FakeStream[] = [];
  /** TCP connections that were opened. */
  readonly connections: FakeConnection[] = [];
  failure: ClusterFailure | null;
  readonly #options: FakeClusterOptions;

  constructor(options: FakeClusterOptions) {
    this.#options = options;
    this.failure = options.failure ?? null;
  }

  /** Requests that came, in order, whole or not. */
  get requests(): ReceivedRequest[] {
    return this.streams.filter(({ frames }) => frames.length > 0).map(({ request }) => request);
  }

  /** The stream that was opened last. */
  get last(): FakeStream {
    const last = this.streams.at(-1);
    if (last === undefined) throw new Error("nothing has opened a stream of this cluster yet");
    return last;
  }

  /** For the kit. */
  attach(name: string, timers: Timers, onFailure: (error: unknown) => void): UpstreamCluster {
    const { statName = name.replaceAll(":", "_"), address = "10.0.0.1:80", respond, accept, grpc = {} } = this.#options;
    const host: UpstreamHost = { address, hostname: address, cluster: name };
    const delay = (ms: number): Promise<void> => new Promise((resolve) => void timers.setTimer(resolve, ms));
    return {
      name,
      statName,
      refusal: () => (this.failure === "no_healthy_upstream" || this.failure === "overflow" ? this.failure : null),
      lookUp: (authority) => this.#options.lookUp?.(authority) ?? null,
      openStream: (events) => {
        const { failure } = this;
        if (isAtOnce(failure)) return failure;
        const stream = new FakeStream(events, host);
        this.streams.push(stream);
        stream.connect(failure);
        if (respond !== undefined) stream.answerWith(respond, delay).catch(onFailure);
        return stream.port;
      },
      connect: (events) => {
        const { failure } = this;
        if (isAtOnce(failure)) return failure;
        const connection = new FakeConnection(events, host);
        this.connections.push(connection);
        connection.connect(failure, accept);
        return connection.port;
      },
      grpcClient: (_options, calls) => new FakeGrpcClient({ name, grpc, calls, timers, failure: () => this.failure }),
    };
  }
}

function isAtOnce(failure: FakeCluster["failure"]): failure is OpenFailure {
  return failure === "no_healthy_upstream" || failure === "overflow" || failure === "drop_overload";
}

/** The clusters of one harness. */
export class KitClusters implements ClusterSource {
  readonly #clusters: ReadonlyMap<string, UpstreamCluster>;
  /** What `respond` functions threw. */
  readonly failures: unknown[] = [];

  constructor(fakes: Readonly<Record<string, FakeCluster>>, timers: Timers) {
    this.#clusters = new Map(
      Object.entries(fakes).map(([name, fake]) => [
        name,
        fake.attach(name, timers, (error) => this.failures.push(error)),
      ]),
    );
  }

  get(name: string): UpstreamCluster | undefined {
    return this.#clusters.get(name);
  }
}
