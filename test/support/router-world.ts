// The router in a real chain, between a scripted client and clusters that the test plays.
import type { HarnessOptions } from "@sluice/core/testing";
import type { RouteConfigModel } from "../../packages/core/src/config/model.ts";
import { router } from "../../packages/filters-l7/src/router/index.ts";
import type { RouteEntry } from "../../packages/core/src/http/route/types.ts";
import { FakeClusters } from "./fake-cluster.ts";
import { L7Chain } from "./l7-chain.ts";

export interface World extends Pick<L7Chain, "harness"> {
  readonly chain: L7Chain;
  readonly clusters: FakeClusters;
}

/** Headers of a client that may ask for what only internal ones may. */
export const INTERNAL_CLIENT = { "x-forwarded-for": "10.1.2.3" };

interface WorldOptions {
  readonly config?: object;
  readonly entry?: Partial<RouteEntry>;
  readonly route?: null;
  readonly clusters?: FakeClusters;
  /** Whole, in the place of one route for all requests. */
  readonly routeConfig?: RouteConfigModel;
  readonly harness?: HarnessOptions;
}

export function world({
  config = {},
  entry = {},
  route,
  clusters = new FakeClusters(),
  routeConfig,
  harness = {},
}: WorldOptions = {}): World {
  const chain = new L7Chain(router, config, {
    ...(route === null ? { route } : {}),
    entry: { clusterName: "web", ...entry } as Partial<RouteEntry>,
    services: { clusters },
    harness: {
      ...harness,
      ...(routeConfig === undefined ? {} : { routeConfig }),
      hcm: {
        internalCidrs: ["10.0.0.0/8"],
        upgrades: [
          { type: "websocket", enabled: true, filters: null },
          { type: "connect", enabled: true, filters: null },
        ],
      },
    },
  });
  return { chain, harness: chain.harness, clusters };
}
