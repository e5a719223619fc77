// The types of the short form: what editors complete, and what they mark.
import { type RequestHeaders, defineHttpFilter, reply } from "@sluice/sdk";
import { defineConfig } from "./define-config.ts";

defineConfig({
  extensions: ["@acme/greeting"],
  listeners: [
    {
      address: "127.0.0.1:10000",
      http: {
        filters: [
          "buffer",
          { local_ratelimit: { token_bucket: { max_tokens: 1, fill_interval: "1s" } }, on_error: "continue" },
        ],
        routes: [{ prefix: "/", cluster: "web", timeout: "3s" }],
      },
    },
    { address: ":6379", tcp: "redis" },
  ],
  clusters: { web: "127.0.0.1:9001", redis: { dns: "redis:6379", tls: { sni: "redis" } } },
});

const greeting = defineHttpFilter({
  id: "acme.http.greeting",
  maturity: "alpha",
  security: "unknown",
  config: { type: "object" },
  create: () => ({}),
});
defineConfig({
  extensions: [greeting, "./filters/audit.ts"],
  listeners: [
    {
      address: ":1",
      http: {
        filters: [greeting, (headers) => headers.set("x-path", headers.path), () => reply({ status: 403 })],
      },
    },
  ],
});
// @ts-expect-error network filters have no hook for requests
defineConfig({ listeners: [{ address: ":1", filters: [(headers: RequestHeaders) => headers.set("a", "b")] }] });
// @ts-expect-error a hook returns a verdict
defineConfig({ listeners: [{ address: ":1", http: { filters: [() => "no"] } }] });

// @ts-expect-error a listener has an address
defineConfig({ listeners: [{ tcp: "a" }] });
// @ts-expect-error there is no such key
defineConfig({ listners: [] });
// @ts-expect-error durations are seconds with an s
defineConfig({ listeners: [{ address: ":1", http: { routes: [{ prefix: "/", cluster: "a", timeout: "3" }] } }] });
// @ts-expect-error least_request is not there yet
defineConfig({ clusters: { a: { dns: "a:1", lb: "least_request" } } });
