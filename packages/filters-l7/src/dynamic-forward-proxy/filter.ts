/** Hot path: docs/extending/hot-path-rules.md. Holds a request until its host is known; one that is known already is not held. */
import {
  Continue,
  reply,
  type Clusters,
  type FilterContext,
  type HostLookup,
  type HttpFilter,
  type HttpStream,
  type LocalReply,
  type RequestHeaders,
  type Verdict,
} from "@sluice/sdk";
import type { ForwardProxyRouteSettings, ForwardProxySettings } from "./config.ts";

type Stream = HttpStream<undefined, ForwardProxyRouteSettings>;

const ADDRESS_KEY = "envoy.stream.upstream_address";

/** Envoy's words. */
const OVERFLOW = reply({ status: 503, body: "DNS cache overflow", details: "dns_cache_overflow", flag: "UO" });
const PENDING_OVERFLOW = reply({
  status: 503,
  body: "Dynamic forward proxy pending request overflow",
  details: "dynamic_forward_proxy_pending_request_overflow",
  flag: "UO",
});
/** Ours: Envoy denies no address. */
const DENIED = reply({ status: 403, body: "This host is not for you", details: "dns_cache_address_denied" });

export class ForwardProxyFilter implements HttpFilter<undefined, ForwardProxyRouteSettings> {
  readonly #clusters: Clusters;
  readonly #savesAddress: boolean;

  constructor({ savesAddress }: ForwardProxySettings, { clusters }: FilterContext) {
    this.#clusters = clusters;
    this.#savesAddress = savesAddress;
  }

  onRequestHeaders(headers: RequestHeaders, _end: boolean, stream: Stream): Verdict | Promise<Verdict> {
    const { route } = stream;
    if (route === undefined || route.kind !== "forward") return Continue;
    const { clusterName } = route;
    if (this.#clusters.get(clusterName) === undefined) return Continue;
    const settings = stream.routeConfig;
    if (settings !== undefined) rewriteHost(headers, settings);
    return this.#lookUp(clusterName, headers.authority, stream);
  }

  #lookUp(clusterName: string, authority: string, stream: Stream): Verdict | Promise<Verdict> {
    const found = this.#clusters.get(clusterName)?.lookUp(authority) ?? null;
    if (found === null) return Continue;
    if (!(found instanceof Promise)) return this.#done(found, stream);
    // Another configuration has another cluster of that name, which the router will ask.
    return found.then((later) =>
      later.failure === "closed" ? this.#lookUp(clusterName, authority, stream) : this.#done(later, stream),
    );
  }

  #done(found: HostLookup, stream: Stream): Verdict {
    if (found.failure !== null) return answerTo(found.failure, found.reason);
    if (this.#savesAddress) stream.filterState.set(ADDRESS_KEY, found.address);
    return Continue;
  }
}

function rewriteHost(headers: RequestHeaders, { literal, header }: ForwardProxyRouteSettings): void {
  if (literal !== "") {
    headers.authority = literal;
    return;
  }
  if (header === "") return;
  // Of several the first, as in Envoy.
  const [value = ""] = headers.getAll(header);
  if (value !== "") headers.authority = value;
}

function answerTo(failure: Exclude<HostLookup["failure"], null>, reason: string): LocalReply {
  switch (failure) {
    case "overflow":
      return OVERFLOW;
    case "pending_overflow":
      return PENDING_OVERFLOW;
    case "denied":
      return DENIED;
    case "not_found":
    case "closed":
      return reply({
        status: 503,
        body: "DNS resolution failure",
        details: `dns_resolution_failure{${reason}}`,
        flag: "DF",
      });
  }
}
