// The router in a real chain, between a scripted client and clusters that the test plays.
import { router } from "../../packages/filters-l7/src/router/index.ts";
import type { RouteEntry } from "../../packages/core/src/http/route/types.ts";
import { FakeClusters } from "./fake-cluster.ts";
import { L7Chain } from "./l7-chain.ts";

export interface World extends Pick<L7Chain, "harness"> {
  readonly chain: L7Chain;
  readonly clusters: FakeClusters;
}

interface WorldOptions {
  readonly config?: object;
  readonly entry?: Partial<RouteEntry>;
  readonly route?: null;
  readonly clusters?: FakeClusters;
}

export function world({ config = {}, entry = {}, route, clusters = new FakeClusters() }: WorldOptions = {}): World {
  const chain = new L7Chain(router, config, {
    ...(route === null ? { route } : {}),
    entry: { clusterName: "web", ...entry } as Partial<RouteEntry>,
    services: { clusters },
    harness: {
      hcm: {
        upgrades: [
          { type: "websocket", enabled: true },
          { type: "connect", enabled: true },
        ],
      },
    },
  });
  return { chain, harness: chain.harness, clusters };
}
