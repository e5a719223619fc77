import { fakeCluster, httpHarness } from "@sluice/core/testing";
import { type HostLookup, defineHttpFilter } from "@sluice/sdk";
import { expect, onTestFinished, test } from "vitest";
import { dynamicForwardProxy } from "./index.ts";

interface Options {
  readonly config?: object;
  readonly routeConfig?: object;
}

async function setup(answer: (authority: string) => HostLookup | Promise<HostLookup>, options: Options = {}) {
  const asked: string[] = [];
  const web = fakeCluster({
    lookUp: (authority) => {
      asked.push(authority);
      return answer(authority);
    },
    respond: () => ({ status: 200 }),
  });
  const { config, routeConfig } = options;
  const harness = await httpHarness(
    [
      [
        dynamicForwardProxy,
        { config: { dns_cache_config: { name: "c" }, ...config }, ...(routeConfig && { routeConfig }) },
      ],
    ],
    { clusters: { web } },
  );
  onTestFinished(() => harness.close());
  return { harness, asked };
}

test("a host that is known goes on at once, one that is not when it is found", async () => {
  const found: HostLookup = { failure: null, address: "10.0.0.1:80" };
  const late = Promise.withResolvers<HostLookup>();
  const { harness, asked } = await setup((authority) => (authority === "known.test" ? found : late.promise));
  expect((await harness.request({ authority: "known.test" })).status).toBe(200);
  const waiting = harness.request({ authority: "late.test:8080" });
  late.resolve(found);
  expect((await waiting).status).toBe(200);
  expect(asked).toEqual(["known.test", "late.test:8080"]);
});

test("where the configuration changes meanwhile, the new cluster is asked", async () => {
  const closed: HostLookup = { failure: "closed", reason: "closed" };
  const found: HostLookup = { failure: null, address: "10.0.0.1:80" };
  const answers = [Promise.resolve(closed), found];
  const { harness, asked } = await setup(() => answers.shift()!);
  expect((await harness.request({ authority: "a.test" })).status).toBe(200);
  expect(asked).toEqual(["a.test", "a.test"]);
});

test.each([
  [{ failure: "closed", reason: "closed" }, 503, "dns_resolution_failure{closed}"],
  [{ failure: "overflow", reason: "x" }, 503, "dns_cache_overflow"],
  [{ failure: "pending_overflow", reason: "x" }, 503, "dynamic_forward_proxy_pending_request_overflow"],
  [{ failure: "not_found", reason: "enotfound" }, 503, "dns_resolution_failure{enotfound}"],
  [{ failure: "denied", reason: "x" }, 403, "dns_cache_address_denied"],
] as const)("%j is answered %i %s", async (lookup, status, details) => {
  for (const answer of lookup.failure === "closed" ? [lookup] : [lookup, Promise.resolve(lookup)]) {
    const { harness } = await setup(() => answer);
    expect(await harness.request()).toMatchObject({ status, details, upstream: null });
  }
});

test.each([
  [{ literal: "other.test", header: "" }, "other.test"],
  [{ literal: "", header: "x-host" }, "first.test"],
  [{ literal: "", header: "x-none" }, "a.test"],
])("a route's %j goes before the look-up, and becomes the host", async (routeConfig, authority) => {
  const { harness, asked } = await setup(() => ({ failure: null, address: "10.0.0.1:80" }), {
    routeConfig: Object.fromEntries(
      Object.entries({ host_rewrite_literal: routeConfig.literal, host_rewrite_header: routeConfig.header }).filter(
        ([, value]) => value !== "",
      ),
    ),
  });
  const { upstream } = await harness.request({
    authority: "a.test",
    headers: { "x-host": ["first.test", "second.test"] },
  });
  expect([asked, upstream?.authority]).toEqual([[authority], authority]);
});

test("the address is kept where that is asked for", async () => {
  const seen: unknown[] = [];
  const witness = defineHttpFilter({
    id: "test.http.witness",
    maturity: "alpha",
    security: "unknown",
    config: {},
    create: () => ({
      onRequestHeaders(_headers, _end, { filterState }) {
        seen.push(filterState.get("envoy.stream.upstream_address"));
      },
    }),
  });
  for (const saves of [true, false]) {
    const web = fakeCluster({
      lookUp: () => ({ failure: null, address: "10.0.0.1:80" }),
      respond: () => ({ status: 200 }),
    });
    const config = { dns_cache_config: { name: "c" }, save_upstream_address: saves };
    const harness = await httpHarness([[dynamicForwardProxy, { config }], witness], {
      clusters: { web },
    });
    await harness.request();
    await harness.close();
  }
  expect(seen).toEqual(["10.0.0.1:80", undefined]);
});

test("a cluster of another kind is none of its business", async () => {
  const harness = await httpHarness([[dynamicForwardProxy, { config: { dns_cache_config: { name: "c" } } }]], {
    clusters: { web: fakeCluster({ respond: () => ({ status: 200 }) }) },
  });
  expect((await harness.request()).status).toBe(200);
  await harness.close();
});
