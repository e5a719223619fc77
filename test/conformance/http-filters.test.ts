// The conformance suite on every HTTP filter that this repository ships.
import {
  fakeCluster,
  httpFilterConformance,
  type AnyDefinition,
  type HttpConformanceOptions,
} from "@sluice/core/testing";
import { filters } from "@sluice/filters-l7";
import { describe, expect, test } from "vitest";
import greeting from "../../examples/filters/greeting/src/index.ts";

const append = (key: string, value: string) => ({ append: { header: { key, value } } });
const always = { default_value: { numerator: 100, denominator: "HUNDRED" } };
const bucket = (tokens: number) => ({ max_tokens: tokens, tokens_per_fill: tokens, fill_interval: "60s" });
const limit = { stat_prefix: "limit", filter_enabled: always, filter_enforced: always };
const mirror = () => ({
  upstream: fakeCluster({ respond: ({ bytes }) => ({ body: bytes.length === 0 ? "hello" : bytes }) }),
});

/** Configurations under which each does what it is for. */
const configurations: Readonly<Record<string, readonly HttpConformanceOptions[]>> = {
  "envoy.filters.http.router": [{}, { clusters: mirror }, { clusters: mirror, routes: [] }],
  "envoy.filters.http.header_mutation": [
    {
      config: {
        mutations: {
          request_mutations: [
            append("x-path", "%REQ(:PATH)%"),
            append("x-agent", "%REQ(USER-AGENT)%"),
            { remove: "cookie" },
          ],
          response_mutations: [append("x-client", "%DOWNSTREAM_REMOTE_ADDRESS%"), { remove: "set-cookie" }],
        },
      },
    },
  ],
  "envoy.filters.http.local_ratelimit": [
    { config: { ...limit, token_bucket: bucket(1000) } },
    { config: { ...limit, token_bucket: bucket(1) }, routeConfig: { ...limit, token_bucket: bucket(1) } },
  ],
  "envoy.filters.http.buffer": [{ config: { max_request_bytes: 100_000 } }, { config: { max_request_bytes: 100 } }],
};

const cases: (readonly [name: string, AnyDefinition, HttpConformanceOptions])[] = [
  ["acme.http.greeting", greeting, { config: { value: "hello" }, routeConfig: { value: "ahoy" } }],
];
for (const filter of filters as readonly AnyDefinition[])
  for (const [i, options] of (configurations[filter.id] ?? []).entries())
    cases.push([`${filter.id}, configuration ${i}`, filter, options]);

test("no filter is left out", () => {
  expect(Object.keys(configurations).sort()).toEqual(filters.map(({ id }) => id).sort());
});

describe.each(cases)("%s", (_name, filter, options) => {
  for (const check of httpFilterConformance(filter, options)) test(check.name, check.run, 60_000);
});
