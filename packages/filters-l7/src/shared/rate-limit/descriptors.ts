/** Hot path. The descriptors of a request: what the rate limit policies of its route, its virtual host or a filter make of it. Envoy: RateLimitPolicyEntryImpl. */
import type {
  HttpStream,
  RateLimitAction,
  RateLimitPolicy,
  RateLimitValueAt,
  RequestHeaders,
  RouteRateLimits,
  Runtime,
  RuntimeFraction,
} from "@sluice/sdk";
import { textOf } from "../header-text.ts";
import { maskedAddress } from "./masked-address.ts";

export interface RateLimitEntry {
  readonly key: string;
  readonly value: string;
}

/** Units of limits, under their names in RateLimitUnit. */
export type RateLimitUnit = "SECOND" | "MINUTE" | "HOUR" | "DAY" | "MONTH" | "YEAR";

export interface RateLimitOverride {
  readonly requestsPerUnit: number;
  readonly unit: RateLimitUnit;
}

export interface RateLimitDescriptor {
  /** At least one. */
  readonly entries: readonly RateLimitEntry[];
  /** The limit that the request itself brings; null: the one that is configured. */
  readonly limit: RateLimitOverride | null;
}

/** Whether the virtual host's policies count: where the route has none, always, never. VhRateLimitsOptions. */
export type VhRateLimits = "override" | "include" | "ignore";

const NOTHING: readonly RateLimitDescriptor[] = [];
const FOUND_NOTHING = 0;
const SKIPPED = 1;
const FOUND = 2;

/** The same text for the same entries in the same order, and for no others. */
export function descriptorKey(entries: readonly RateLimitEntry[]): string {
  let text = "";
  for (let i = 0; i < entries.length; i++) {
    const { key, value } = entries[i]!;
    text += `${key.length} ${key}${value.length} ${value}`;
  }
  return text;
}

/** Made once per filter. */
export class RequestDescriptors {
  readonly #stage: number;
  /** null: policies with a disable_key are off. */
  readonly #runtime: Runtime | null;
  readonly #switches = new Map<string, RuntimeFraction>();
  /** Of the action that ran last. */
  #key = "";
  #value = "";

  /** @param runtime where `ratelimit.<disable_key>.http_filter_enabled` is asked; null: policies with such a key are off, as for local_ratelimit. */
  constructor(stage: number, runtime: Runtime | null) {
    this.#stage = stage;
    this.#runtime = runtime;
  }

  /** By the policies of route and virtual host; empty where there is no route or nothing is said. */
  ofRoute(stream: HttpStream, virtualHost: VhRateLimits): readonly RateLimitDescriptor[] {
    const limits = stream.route?.rateLimits;
    if (limits === undefined || limits === null) return NOTHING;
    const { policies, ofVirtualHost } = limits;
    const mode = limits.includesVirtualHost ? "include" : virtualHost;
    const found = this.by(policies, stream);
    if (ofVirtualHost.length === 0 || mode === "ignore" || (mode === "override" && policies.length > 0)) return found;
    const more = this.by(ofVirtualHost, stream);
    return found.length === 0 ? more : more.length === 0 ? found : found.concat(more);
  }

  /** By these policies, of a filter's own. */
  by(policies: readonly RateLimitPolicy[], stream: HttpStream): readonly RateLimitDescriptor[] {
    let found: RateLimitDescriptor[] | null = null;
    for (let i = 0; i < policies.length; i++) {
      const policy = policies[i]!;
      if (policy.stage !== this.#stage || !this.#isOn(policy.disableKey)) continue;
      const entries = this.#entries(policy.actions, stream);
      if (entries === null) continue;
      const descriptor = { entries, limit: policy.limit === null ? null : overrideOf(policy.limit, stream) };
      if (found === null) found = [descriptor];
      else found.push(descriptor);
    }
    return found ?? NOTHING;
  }

  #isOn(disableKey: string): boolean {
    if (disableKey === "") return true;
    if (this.#runtime === null) return false;
    let known = this.#switches.get(disableKey);
    if (known === undefined) {
      known = this.#runtime.fraction(`ratelimit.${disableKey}.http_filter_enabled`, { numerator: 100 });
      this.#switches.set(disableKey, known);
    }
    return known.includes();
  }

  /** null: there is no descriptor. */
  #entries(actions: readonly RateLimitAction[], stream: HttpStream): RateLimitEntry[] | null {
    const entries: RateLimitEntry[] = [];
    for (let i = 0; i < actions.length; i++) {
      const outcome = this.#run(actions[i]!, stream, stream.requestHeaders);
      if (outcome === FOUND_NOTHING) return null;
      if (outcome === FOUND) entries.push({ key: this.#key, value: this.#value });
    }
    return entries.length === 0 ? null : entries;
  }

  #run(action: RateLimitAction, stream: HttpStream, headers: RequestHeaders): number {
    switch (action.kind) {
      case "source_cluster":
        return this.#found("source_cluster", action.cluster);
      case "destination_cluster": {
        const { route } = stream;
        return route?.kind === "forward" ? this.#found("destination_cluster", route.clusterName) : FOUND_NOTHING;
      }
      case "request_headers": {
        const value = firstValue(headers, action.header);
        if (value === undefined) return action.skipIfAbsent ? SKIPPED : FOUND_NOTHING;
        return this.#found(action.key, textOf(value));
      }
      case "remote_address": {
        const { ip } = stream.info.remote;
        return ip === "" ? FOUND_NOTHING : this.#found("remote_address", ip);
      }
      case "masked_remote_address": {
        const { ip } = stream.info.remote;
        const masked = ip === "" ? "" : maskedAddress(ip, action.v4Bits, action.v6Bits);
        return masked === "" ? FOUND_NOTHING : this.#found("masked_remote_address", masked);
      }
      case "generic_key":
        return this.#found(action.key, action.value);
      case "match":
        if (action.condition.holds(headers) !== action.expected) return FOUND_NOTHING;
        return this.#found(action.key, action.value);
      case "metadata": {
        const limits = stream.route?.rateLimits;
        const value = action.from === "stream" ? metadataAt(action.at, stream) : routeMetadataAt(action.at, limits);
        if (typeof value === "string" && value !== "") return this.#found(action.key, value);
        if (action.fallback !== "") return this.#found(action.key, action.fallback);
        return action.skipIfAbsent ? SKIPPED : FOUND_NOTHING;
      }
    }
  }

  #found(key: string, value: string): number {
    this.#key = key;
    this.#value = value;
    return FOUND;
  }
}

/** Pseudo-headers too; of several lines the first counts, as in Envoy. */
function firstValue(headers: RequestHeaders, name: string): string | undefined {
  switch (name) {
    case ":method":
      return headers.method;
    case ":path":
      return headers.path === "" ? undefined : headers.path;
    case ":authority":
    case "host":
      return headers.authority === "" ? undefined : headers.authority;
    case ":scheme":
      return headers.scheme === "" ? undefined : headers.scheme;
    default:
      return headers.getAll(name)[0];
  }
}

function metadataAt({ namespace, path }: RateLimitValueAt, stream: HttpStream): unknown {
  return valueAt(stream.metadata.get(namespace), path);
}

function routeMetadataAt(at: RateLimitValueAt, limits: RouteRateLimits | null | undefined): unknown {
  if (limits === null || limits === undefined || !Object.hasOwn(limits.metadata, at.namespace)) return undefined;
  return valueAt(limits.metadata[at.namespace], at.path);
}

function valueAt(from: unknown, path: readonly string[]): unknown {
  let value = from;
  for (let i = 0; i < path.length; i++) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, path[i]!))
      return undefined;
    value = (value as Readonly<Record<string, unknown>>)[path[i]!];
  }
  return value;
}

const UNITS: readonly string[] = ["SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR"] satisfies RateLimitUnit[];

/** What is no limit is none. */
function overrideOf(at: RateLimitValueAt, stream: HttpStream): RateLimitOverride | null {
  const value = metadataAt(at, stream);
  if (typeof value !== "object" || value === null) return null;
  const { requests_per_unit: requests, unit } = value as Readonly<Record<string, unknown>>;
  if (typeof requests !== "number" || !(requests >= 0 && requests <= 0xffff_ffff)) return null;
  if (typeof unit !== "string" || !UNITS.includes(unit)) return null;
  return { requestsPerUnit: Math.floor(requests), unit: unit as RateLimitUnit };
}
