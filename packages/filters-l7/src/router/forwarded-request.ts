/** Hot path. A request as its cluster sees it while a host and a connection are chosen: what the balancer may go by, and what earlier attempts say of the next. */
import type {
  ConnectionInfo,
  DynamicMetadata,
  ForwardRoute,
  HashKey,
  HostAversion,
  HostOverride,
  PriorityAversion,
  RequestHeaders,
  SubsetValues,
  UpstreamRequest,
} from "@sluice/sdk";
import type { RouterHandle } from "./router-stream.ts";
import { subsetOf } from "./route-subset.ts";

export class ForwardedRequest implements UpstreamRequest {
  stream: RouterHandle | null;
  route: ForwardRoute | null;
  headers: RequestHeaders | null;
  aversion: HostAversion | null;
  priorities: PriorityAversion | null;
  isHighPriority: boolean;
  isRetry: boolean;
  /** That the hash of the request made; null: none. */
  cookies: readonly string[] | null;

  constructor() {
    this.stream = null;
    this.route = null;
    this.headers = null;
    this.aversion = null;
    this.priorities = null;
    this.isHighPriority = false;
    this.isRetry = false;
    this.cookies = null;
  }

  get protocol(): string {
    return this.stream!.info.protocol;
  }

  get client(): ConnectionInfo {
    return this.stream!.info.connection;
  }

  get metadata(): DynamicMetadata {
    return this.stream!.metadata;
  }

  get override(): HostOverride | null {
    // As in Envoy, another attempt need not have the same host.
    return this.isRetry ? null : this.stream!.info.upstreamOverride;
  }

  get subset(): SubsetValues | null {
    return subsetOf(this.route!, this.stream!.metadata);
  }

  hashKey(key: HashKey): void {
    const { hash } = this.route!;
    if (hash !== null) this.cookies = hash.addTo(key, this.headers!, this.stream!);
  }
}
