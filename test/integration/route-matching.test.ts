// Conditions that few routes have, in a running proxy: what the wire, the runtime and filters bring is what they see.
import { defineHttpFilter } from "@sluice/sdk";
import { z } from "zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send } from "../support/http-request.ts";
import { ANY_PORT, type RunningProxy, startProxy } from "../support/proxy.ts";

const HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTE = "type.googleapis.com/envoy.config.route.v3.Route";
const HEADER = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput";

/** Leaves what the request's header says, and has the route chosen again. */
const leaver = defineHttpFilter({
  id: "test.leaver",
  maturity: "alpha",
  security: "untrusted-downstream",
  config: z.object({}),
  create: () => ({
    onRequestHeaders(headers, _end, stream) {
      const tenant = headers.get("x-tenant");
      if (tenant === undefined) return;
      stream.metadata.set("test", { tenant });
      stream.filterState.set("tenant", `t-${tenant}`);
      stream.clearRouteCache();
    },
  }),
});

const answer = (status: number) => ({ direct_response: { status } });
const text = (exact: string) => ({ exact });

const routes = [
  {
    match: {
      prefix: "/left",
      dynamic_metadata: [{ filter: "test", path: [{ key: "tenant" }], value: { string_match: text("a") } }],
    },
    ...answer(211),
  },
  { match: { prefix: "/left", filter_state: [{ key: "tenant", string_match: { prefix: "t-b" } }] }, ...answer(212) },
  { match: { prefix: "/left" }, ...answer(213) },
  {
    match: { prefix: "/share", runtime_fraction: { default_value: { numerator: 0 }, runtime_key: "routes.share" } },
    ...answer(221),
  },
  { match: { prefix: "/share" }, ...answer(222) },
  {
    match: { prefix: "/cookie", cookies: [{ name: "beta", string_match: { safe_regex: { regex: "[0-9]+" } } }] },
    ...answer(231),
  },
  { match: { prefix: "/cookie" }, ...answer(232) },
  {
    match: {
      path_match_policy: {
        name: "t",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
          path_template: "/users/{id}/{rest=**}",
        },
      },
    },
    ...answer(241),
  },
  { match: { prefix: "/tls", tls_context: { presented: false } }, ...answer(251) },
];

const branch = (name: string, status: number, path = "/") => ({
  action: { name, typed_config: { "@type": ROUTE, name, match: { prefix: path }, ...answer(status) } },
});
const header = (name: string) => ({ name, typed_config: { "@type": HEADER, header_name: name } });

const matcher = {
  matcher_tree: {
    input: header("x-tenant"),
    exact_match_map: {
      map: {
        blue: branch("blue", 261),
        // Its route does not take the request: the tree has decided all the same.
        red: branch("red", 262, "/only"),
        nested: {
          matcher: {
            matcher_list: {
              matchers: [
                {
                  predicate: {
                    single_predicate: {
                      input: {
                        name: "ip",
                        typed_config: {
                          "@type":
                            "type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3.SourceIPInput",
                        },
                      },
                      custom_match: {
                        name: "ip",
                        typed_config: {
                          "@type": "type.googleapis.com/envoy.extensions.matching.input_matchers.ip.v3.Ip",
                          stat_prefix: "ip",
                          cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }],
                        },
                      },
                    },
                  },
                  on_match: branch("local", 263),
                },
              ],
            },
          },
        },
      },
    },
  },
};

let proxy: RunningProxy;
beforeAll(async () => {
  const bootstrap = {
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    layered_runtime: { layers: [{ name: "admin", admin_layer: {} }] },
    static_resources: {
      listeners: [
        {
          name: "front",
          address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
          filter_chains: [
            {
              filters: [
                {
                  name: "hcm",
                  typed_config: {
                    "@type": HCM,
                    stat_prefix: "front",
                    route_config: {
                      virtual_hosts: [
                        { name: "list", domains: ["list.example"], routes },
                        { name: "tree", domains: ["tree.example"], matcher },
                      ],
                    },
                    http_filters: [
                      {
                        name: "leaver",
                        typed_config: {
                          "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
                          type_url: "type.googleapis.com/test.leaver",
                        },
                      },
                      {
                        name: "router",
                        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
    },
  };
  proxy = await startProxy(bootstrap as never, { extensions: [leaver] });
});
afterAll(() => proxy[Symbol.asyncDispose]());

async function status(path: string, headers: Record<string, string> = {}, host = "list.example"): Promise<number> {
  return (await send(proxy.port, path, { headers: { host, ...headers } })).status;
}

describe("a route", () => {
  test.each([
    ["/left", { "x-tenant": "a" }, 211],
    ["/left", { "x-tenant": "b" }, 212],
    ["/left", { "x-tenant": "c" }, 213],
    ["/left", {}, 213],
    ["/cookie", { cookie: "a=1; beta=42" }, 231],
    ["/cookie", { cookie: "beta=x" }, 232],
    ["/cookie", {}, 232],
    ["/users/7/a/b?c", {}, 241],
    ["/users//a", {}, 404],
    ["/tls", {}, 251],
  ])("%s with %j is %i", async (path, headers, expected) => {
    expect(await status(path, headers)).toBe(expected);
  });

  test("takes the share of requests that the runtime says, from the next request on", async () => {
    expect(await status("/share")).toBe(222);
    expect((await proxy.admin.post("/runtime_modify?routes.share=100")).status).toBe(200);
    expect(await status("/share")).toBe(221);
    await proxy.admin.post("/runtime_modify?routes.share=");
    expect(await status("/share")).toBe(222);
  });
});

test.each([
  ["blue", 261],
  ["red", 404],
  ["nested", 263],
  ["green", 404],
])("the matcher of a virtual host leads tenant %s to %i", async (tenant, expected) => {
  expect(await status("/x", { "x-tenant": tenant }, "tree.example")).toBe(expected);
});

test("thousands of routes are served by worker threads, and swapped whole", async () => {
  const many = (mark: number) =>
    Array.from({ length: 3000 }, (_, i) => ({ path: `/${mark}/${i}`, respond: 200 + (i % 50) }));
  await using large = await startProxy(
    { admin: ANY_PORT, listeners: [{ name: "front", address: ANY_PORT, http: { routes: many(1) } }] },
    { concurrency: 1 },
  );
  const asked = async (path: string): Promise<number> => (await send(large.port, path)).status;
  expect(await Promise.all(["/1/0", "/1/49", "/1/2999", "/1/3000"].map(asked))).toEqual([200, 249, 249, 404]);
});
