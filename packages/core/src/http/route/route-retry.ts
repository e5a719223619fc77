/** Hot path for requests that fail. What the router asks of a route's retry policy and mirrors: their conditions, compiled. */
import type {
  MirrorPolicy,
  RequestHeaders,
  ResponseHeaders,
  RetryHosts,
  RetryPolicy,
  RuntimeFraction,
  UpstreamHost,
} from "@sluice/sdk";
import type { Json } from "../../config/model.ts";
import type { MirrorModel, RetryHostsModel, RetryModel } from "../../config/retry-model.ts";
import type { Host } from "../../upstream/host.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";
import type { RouteRuntime } from "./rare-conditions.ts";
import { HeaderMatch, valueOf } from "./route-match.ts";

export class RouteRetry implements RetryPolicy {
  readonly on: number;
  readonly retries: number;
  readonly perTryTimeoutMs: number;
  readonly perTryIdleTimeoutMs: number;
  readonly statusCodes: readonly number[];
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
  readonly rateLimitedBackOff: RetryPolicy["rateLimitedBackOff"];
  readonly hosts: RetryHosts | null;
  readonly priorityUpdateFrequency: number;
  readonly #request: readonly HeaderMatch[];
  readonly #response: readonly HeaderMatch[];

  constructor(model: RetryModel) {
    this.on = model.on;
    this.retries = model.retries;
    this.perTryTimeoutMs = model.perTryTimeoutMs;
    this.perTryIdleTimeoutMs = model.perTryIdleTimeoutMs;
    this.statusCodes = model.statusCodes;
    this.backOffBaseMs = model.backOffBaseMs;
    this.backOffMaxMs = model.backOffMaxMs;
    this.rateLimitedBackOff = model.rateLimitedBackOff;
    this.hosts = model.hosts === null ? null : new OmittedHosts(model.hosts);
    this.priorityUpdateFrequency = model.priorityUpdateFrequency;
    this.#request = model.requestHeaders.map((header) => new HeaderMatch(header));
    this.#response = model.headers.map((header) => new HeaderMatch(header));
  }

  appliesTo(request: RequestHeaders): boolean {
    return this.#request.length === 0 || anyHolds(this.#request, request as unknown as RequestHeaderMap);
  }

  hasRetriableHeader(response: ResponseHeaders): boolean {
    return anyHolds(this.#response, response as unknown as RequestHeaderMap);
  }
}

function anyHolds(matches: readonly HeaderMatch[], headers: RequestHeaderMap): boolean {
  for (let i = 0; i < matches.length; i++) if (matches[i]!.holds(headers)) return true;
  return false;
}

/** Envoy: where hosts are told apart. */

class OmittedHosts implements RetryHosts {
  readonly attempts: number;
  readonly omitsPrevious: boolean;
  readonly #canaries: boolean;
  readonly #metadata: RetryHostsModel["omitsMetadata"];

  constructor(model: RetryHostsModel) {
    this.attempts = model.attempts;
    this.omitsPrevious = model.omitsPrevious;
    this.#canaries = model.omitsCanaries;
    this.#metadata = model.omitsMetadata;
  }

  omits(host: UpstreamHost): boolean {
    const labels = (host as Host).labels;
    if (labels === null) return false;
    if (this.#canaries && labels["canary"] === true) return true;
    for (const wanted of this.#metadata) if (hasAll(labels, wanted)) return true;
    return false;
  }
}

function hasAll(labels: Readonly<Record<string, Json>>, wanted: Readonly<Record<string, Json>>): boolean {
  for (const [name, value] of Object.entries(wanted)) {
    const label = labels[name];
    // Envoy: a list counts as each of what it holds.
    const values = Array.isArray(label) ? label : [label];
    if (!values.some((each) => JSON.stringify(each) === JSON.stringify(value))) return false;
  }
  return true;
}

export class RouteMirror implements MirrorPolicy {
  readonly marksHost: boolean;
  readonly #cluster: string;
  readonly #header: string;
  /** null: all. */
  readonly #fraction: RuntimeFraction | null;

  /** `runtime`: null where nothing is ever sent (explain). */
  constructor(model: MirrorModel, runtime: RouteRuntime | null) {
    this.marksHost = model.marksHost;
    this.#cluster = model.cluster;
    this.#header = model.clusterHeader;
    this.#fraction =
      model.fraction === null || runtime === null ? null : runtime.fraction(model.fraction.key, model.fraction);
  }

  clusterFor(request: RequestHeaders): string {
    if (this.#cluster !== "") return this.#cluster;
    return valueOf(request as unknown as RequestHeaderMap, this.#header) ?? "";
  }

  includes(): boolean {
    return this.#fraction === null || this.#fraction.includes();
  }
}
