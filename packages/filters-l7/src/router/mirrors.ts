/**
 * Copies of requests for other clusters (request_mirror_policies). They go out when the request has ended, from what was kept of it; nobody waits for them, and their answers
 * are dropped. A body that is too long to be kept is not copied. They end with the filter, whose timers are theirs. Envoy: ShadowWriterImpl.
 */
import type {
  ForwardRoute,
  Headers,
  RequestHeaders,
  ResponseHeaders,
  Timer,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import type { Router } from "./filter.ts";
import type { KeptRequest } from "./kept-request.ts";
import type { ResponseCounters } from "./response-counters.ts";
import type { RouterHandle } from "./router-stream.ts";

export interface Mirror {
  readonly cluster: string;
  readonly marksHost: boolean;
}

/** Drawn once for a request. null: it is not copied. */
export function mirrorsOf({ mirrors }: ForwardRoute, headers: RequestHeaders): readonly Mirror[] | null {
  const drawn: Mirror[] = [];
  for (const mirror of mirrors!) {
    const cluster = mirror.includes() ? mirror.clusterFor(headers) : "";
    if (cluster !== "") drawn.push({ cluster, marksHost: mirror.marksHost });
  }
  return drawn.length === 0 ? null : drawn;
}

/** `timeoutMs`: 0: none. */
export function sendCopies(
  mirrors: readonly Mirror[],
  router: Router,
  stream: RouterHandle,
  kept: KeptRequest,
  timeoutMs: number,
): void {
  if (kept.isLost) return;
  for (const { cluster: name, marksHost } of mirrors) {
    const cluster = router.clusters.get(name);
    if (cluster === undefined) continue;
    const headers = stream.copyRequestHeaders();
    if (marksHost) headers.authority = shadowOf(headers.authority);
    const copy = new Copy(router.counters.ofCluster(cluster.statName), router.copies);
    const { protocol, connection } = stream.info;
    const upstream = cluster.openStream(copy, { protocol, headers, client: connection });
    if (typeof upstream === "string") copy.counters.answered(503);
    else copy.send(upstream, headers, kept, timeoutMs === 0 ? null : router.setTimer(() => copy.timedOut(), timeoutMs));
  }
}

/** `example.com:80` → `example.com-shadow:80` */
function shadowOf(authority: string): string {
  const port = /:[0-9]{1,5}$/.exec(authority);
  const isIpv6 = authority.startsWith("[");
  if (port === null || (!isIpv6 && authority.indexOf(":") !== port.index)) return `${authority}-shadow`;
  return `${authority.slice(0, port.index)}-shadow${port[0]}`;
}

export class Copy implements UpstreamStreamEvents {
  readonly counters: ResponseCounters;
  /** Those that are under way. */
  readonly #all: Set<Copy>;
  #upstream: UpstreamStream | null;
  #timer: Timer | null;
  #hasAnswered: boolean;

  constructor(counters: ResponseCounters, all: Set<Copy>) {
    this.counters = counters;
    this.#all = all;
    this.#upstream = null;
    this.#timer = null;
    this.#hasAnswered = false;
  }

  send(upstream: UpstreamStream, headers: RequestHeaders, kept: KeptRequest, timer: Timer | null): void {
    this.#upstream = upstream;
    this.#timer = timer;
    this.#all.add(this);
    kept.sendTo(upstream, headers, true);
  }

  timedOut(): void {
    this.counters.timeout.inc();
    this.end(true);
  }

  end(timedOut = false): void {
    this.#upstream?.reset(timedOut);
    this.#over();
  }

  #over(): void {
    this.#all.delete(this);
    this.#upstream = null;
    this.#timer?.cancel();
  }

  onUpstreamHeaders({ status }: ResponseHeaders, end: boolean): void {
    this.#hasAnswered = true;
    this.counters.answered(status);
    if (end) this.#over();
  }

  onUpstreamData(_data: Uint8Array, end: boolean): void {
    if (end) this.#over();
  }

  onUpstreamTrailers(_trailers: Headers): void {
    this.#over();
  }

  onUpstreamReset(): void {
    if (!this.#hasAnswered) this.counters.answered(503);
    this.#over();
  }

  onUpstreamReady(): void {}
  onUpstreamInformational(): void {}
  onUpstreamWriteHigh(): void {}
  onUpstreamWriteLow(): void {}
}
