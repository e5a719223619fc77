/**
 * Makes requests slow or fails them, and responses slow, as it is told: to see what those do that depend on them. A stream with faults counts as one that is active, until
 * it is over.
 */
import {
  Continue,
  type Counter,
  type DataVerdict,
  type FilterContext,
  type Gauge,
  type HttpFilter,
  type HttpStream,
  type RequestHeaders,
  type SharedActive,
  type Verdict,
  reply,
} from "@sluice/sdk";
import { FillingBucket, paced } from "../shared/paced-bytes.ts";
import type { FaultSettings } from "./config.ts";
import { Faults } from "./faults.ts";

const CLUSTER = "x-envoy-downstream-service-cluster";
const FILL_MS = 50;
const METADATA = "envoy.filters.http.fault";
/** Clients name themselves: no more names are counted. */
const MAX_CLUSTERS = 256;

export class FaultState {
  /** null: the response is not slowed down. */
  bucket: FillingBucket | null = null;
  isActive = false;
}

type Stream = HttpStream<FaultState, FaultSettings>;

export class FaultFilter implements HttpFilter<FaultState, FaultSettings> {
  readonly #context: FilterContext;
  readonly #own: Faults;
  /** Made when a route is taken for the first time. */
  readonly #ofRoutes = new WeakMap<FaultSettings, Faults>();
  /** Of all workers together. */
  readonly #active: SharedActive;
  readonly #activeGauge: Gauge;
  readonly #prefix: string;
  readonly #delays: Counter;
  readonly #aborts: Counter;
  readonly #rates: Counter;
  readonly #overflow: Counter;
  readonly #clusters = new Set<string>();

  constructor(settings: FaultSettings, context: FilterContext) {
    const { rootStats, statPrefix } = context;
    this.#context = context;
    this.#own = new Faults(settings, context);
    this.#active = context.shared.active("active_faults");
    this.#prefix = `http.${statPrefix}.fault.`;
    this.#activeGauge = rootStats.gauge(`${this.#prefix}active_faults`);
    this.#delays = rootStats.counter(`${this.#prefix}delays_injected`);
    this.#aborts = rootStats.counter(`${this.#prefix}aborts_injected`);
    this.#rates = rootStats.counter(`${this.#prefix}response_rl_injected`);
    this.#overflow = rootStats.counter(`${this.#prefix}faults_overflow`);
  }

  onRequestHeaders(headers: RequestHeaders, _end: boolean, stream: Stream): Verdict | Promise<Verdict> {
    const { routeConfig, route } = stream;
    const faults = routeConfig === undefined ? this.#own : this.#ofRoute(routeConfig);
    if (!faults.concerns(headers, route?.kind === "forward" ? route.clusterName : "")) return Continue;
    this.#slowDown(faults, headers, stream);
    const delayMs = faults.delayMs(headers);
    if (delayMs > 0 && this.#begin(faults, stream)) {
      stream.info.addFlag("DI");
      this.#delays.inc();
      this.#countCluster(faults, headers, "delays_injected");
      return this.#delayed(faults, headers, stream, delayMs);
    }
    return this.#abort(faults, headers, stream);
  }

  async #delayed(faults: Faults, headers: RequestHeaders, stream: Stream, ms: number): Promise<Verdict> {
    await waitOf(stream)(ms);
    return this.#abort(faults, headers, stream);
  }

  #abort(faults: Faults, headers: RequestHeaders, stream: Stream): Verdict {
    const abort = faults.abort(headers);
    if (abort === null || !this.#begin(faults, stream)) return Continue;
    this.#aborts.inc();
    this.#countCluster(faults, headers, "aborts_injected");
    const { status, grpcStatus } = abort;
    return reply({
      status,
      body: "fault filter abort",
      details: "fault_filter_abort",
      flag: "FI",
      ...(grpcStatus < 0 ? {} : { grpcStatus }),
    });
  }

  #slowDown(faults: Faults, headers: RequestHeaders, stream: Stream): void {
    const kbps = faults.kbps(headers);
    if (kbps === 0 || !this.#begin(faults, stream)) return;
    this.#rates.inc();
    stream.state.bucket = new FillingBucket(this.#context.clock, kbps * 1024, FILL_MS);
  }

  onResponseData(data: Uint8Array, _end: boolean, stream: Stream): DataVerdict | Promise<DataVerdict> {
    const { bucket } = stream.state;
    if (bucket === null) return Continue;
    return paced(data, bucket, stream.response, waitOf(stream));
  }

  onDestroy(stream: Stream): void {
    if (!stream.state.isActive) return;
    this.#active.end();
    this.#activeGauge.dec();
  }

  /** Whether there may be one more; it is active from then on. One that is may have all its faults. */
  #begin({ maxActive, settings }: Faults, stream: Stream): boolean {
    if (stream.state.isActive) return true;
    const most = maxActive.value;
    if (this.#active.begin() > most && most >= 0) {
      this.#active.end();
      this.#overflow.inc();
      return false;
    }
    this.#activeGauge.inc();
    stream.state.isActive = true;
    if (settings.metadata !== null) stream.metadata.set(METADATA, settings.metadata as never);
    return true;
  }

  /** As whom the client says that it is. */
  #countCluster({ settings }: Faults, headers: RequestHeaders, name: string): void {
    const cluster = settings.countsByCluster ? (headers.get(CLUSTER) ?? "") : "";
    if (!/^[\w.-]{1,64}$/.test(cluster)) return;
    if (this.#clusters.size === MAX_CLUSTERS && !this.#clusters.has(cluster)) return;
    this.#clusters.add(cluster);
    this.#context.rootStats.counter(`${this.#prefix}${cluster}.${name}`).inc();
  }

  #ofRoute(settings: FaultSettings): Faults {
    let faults = this.#ofRoutes.get(settings);
    if (faults === undefined) this.#ofRoutes.set(settings, (faults = new Faults(settings, this.#context)));
    return faults;
  }
}

/** Resolves after so long; never where the stream ends before. */
function waitOf(stream: Stream): (ms: number) => Promise<void> {
  return (ms) => new Promise((resolve) => void stream.setTimer(() => resolve(), ms));
}
