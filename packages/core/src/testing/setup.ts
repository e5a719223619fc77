/** How filters stand in the chain of a harness: what a test says of each, and of the routes. */
import type { DefinitionBase, FilterContext, TlsInfo } from "@sluice/sdk";
import type { FakeCluster } from "./fake-cluster.ts";

/** What `defineHttpFilter`, `defineNetworkFilter` and `defineListenerFilter` return, whatever its types. */
export interface AnyDefinition extends DefinitionBase {
  readonly terminal?: boolean;
  readonly create: (config: never, context: FilterContext) => unknown;
}

export interface FilterSetup {
  /** The filter's name in its chain. @default the definition's id */
  readonly name?: string;
  /** What the schema gets; defaults are the schema's. @default {} */
  readonly config?: unknown;
}

/** What one level of a route says of a filter. */
export interface RouteLevel {
  /** Input of the route schema. */
  readonly config?: unknown;
  /** Turns the filter off (or, where it is `disabled`, on) for the routes below. */
  readonly disabled?: boolean;
}

/** From the least to the most specific. */
export interface RouteLevels {
  readonly routeConfiguration?: RouteLevel;
  readonly virtualHost?: RouteLevel;
  readonly route?: RouteLevel;
  readonly cluster?: RouteLevel;
}

export interface HttpFilterSetup extends FilterSetup {
  /** The filter's configuration on every route: short for `levels.route.config`. */
  readonly routeConfig?: unknown;
  readonly levels?: RouteLevels;
  /** In the chain, but off unless a route turns it on. @default false */
  readonly disabled?: boolean;
  /** What happens when the filter throws: answer 500, or go on without it. @default "fail" */
  readonly onError?: "fail" | "continue";
}

/** A route of the harness; the first that matches is taken. */
export interface TestRoute {
  /** @default "/" */
  readonly prefix?: string;
  /** The whole path, instead of a prefix. */
  readonly path?: string;
  readonly name?: string;
  /** Host names of the virtual host that holds it. @default ["*"] */
  readonly domains?: readonly string[];
  /** @default the first of the harness's clusters, or "upstream" */
  readonly cluster?: string;
  /** Route configuration of the filter under test (the first of the chain). */
  readonly routeConfig?: unknown;
  /** Whether it is off here. */
  readonly disabled?: boolean;
  /** The same for any filter, by its name in the chain. */
  readonly filters?: Readonly<Record<string, RouteLevel>>;
}

/** Who is at the other end. */
export interface TestClient {
  /** @default "192.0.2.1" */
  readonly ip?: string;
  /** @default 4711 */
  readonly port?: number;
  /** Facts of its TLS connection; null: plain. @default null */
  readonly tls?: Partial<TlsInfo> | null;
}

/** A fraction is `{ numerator, denominator: "HUNDRED" | "TEN_THOUSAND" | "MILLION" }`. */
export type RuntimeValues = Readonly<
  Record<string, string | number | boolean | { readonly numerator: number; readonly denominator?: string }>
>;

/** What every harness takes. */
export interface CommonOptions {
  /** Of `context.random`. @default 1 */
  readonly seed?: number;
  /** Of streams and connections. @default 1 MiB */
  readonly bufferLimitBytes?: number;
  /** What `context.clusters` knows. */
  readonly clusters?: Readonly<Record<string, FakeCluster>>;
  /** Runtime keys, as a static layer says them. */
  readonly runtime?: RuntimeValues;
  readonly client?: TestClient;
  /** Wall clock at the start, milliseconds since the epoch. @default 2026-01-01T00:00:00Z */
  readonly wallStartMs?: number;
}
