// The conformance suite on every network filter that this repository ships.
import {
  type AnyDefinition,
  fakeCluster,
  networkFilterConformance,
  type NetworkConformanceOptions,
} from "@sluice/core/testing";
import { filters as l4 } from "@sluice/filters-l4";
import { filters as l7 } from "@sluice/filters-l7";
import { describe, expect, test } from "vitest";
import { rateLimitService, SHOULD_RATE_LIMIT, withinLimit } from "./asking-limits.ts";

const clusters = () => ({ web: fakeCluster() });

/** Configurations under which each does what it is for. */
const configurations: Readonly<Record<string, readonly NetworkConformanceOptions[]>> = {
  "envoy.filters.network.direct_response": [{ config: { response: { inline_string: "closed\n" } } }],
  "envoy.filters.network.echo": [{}],
  "envoy.filters.network.local_ratelimit": [
    { config: { stat_prefix: "limit", token_bucket: { max_tokens: 1000, fill_interval: "60s" } } },
  ],
  "envoy.filters.network.ratelimit": [
    {
      config: {
        stat_prefix: "limit",
        domain: "shop",
        descriptors: [{ entries: [{ key: "all", value: "all" }] }],
        rate_limit_service: rateLimitService,
      },
      clusters: () => ({ limits: fakeCluster({ grpc: { [SHOULD_RATE_LIMIT]: withinLimit } }) }),
    },
  ],
  "envoy.filters.network.tcp_proxy": [
    { config: { stat_prefix: "tcp", cluster: "web" }, clusters },
    { config: { stat_prefix: "tcp", cluster: "nowhere" }, clusters },
    {
      config: { stat_prefix: "tcp", cluster: "web" },
      clusters: () => ({ web: fakeCluster({ failure: "connection_failure" }) }),
    },
  ],
};

const network = ([...l4, ...l7] as readonly AnyDefinition[]).filter(({ id }) =>
  id.startsWith("envoy.filters.network."),
);
const cases = network.flatMap((filter) =>
  (configurations[filter.id] ?? []).map((options, i) => [`${filter.id}, configuration ${i}`, filter, options] as const),
);

test("no filter is left out", () => {
  expect(Object.keys(configurations).sort()).toEqual(network.map(({ id }) => id).sort());
});

describe.each(cases)("%s", (_name, filter, options) => {
  for (const check of networkFilterConformance(filter, options)) test(check.name, check.run, 60_000);
});
