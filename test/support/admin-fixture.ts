// An admin interface over real HTTP, in front of a server that is only described.
import { request } from "node:http";
import { cluster, config, listener } from "./plain-config.ts";
import type { AddressModel, CompiledConfig } from "../../packages/core/src/config/model.ts";
import { AdminServer } from "../../packages/core/src/main/admin/admin-server.ts";
import type { AdminContext, AdminView } from "../../packages/core/src/main/admin/endpoint.ts";
import { RuntimeLayers } from "../../packages/core/src/runtime/runtime-layers.ts";
import type { ServerState } from "../../packages/core/src/main/state.ts";
import { Registry } from "../../packages/core/src/registry/registry.ts";
import { StatsAggregator } from "../../packages/core/src/stats/aggregate.ts";
import { StatsStore } from "../../packages/core/src/stats/stats-store.ts";
import { LogThreshold } from "../../packages/core/src/worker/log.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
}

export class AdminFixture {
  state: ServerState = "LIVE";
  /** Commands that were carried out. */
  readonly done: string[] = [];
  readonly threshold: LogThreshold = new LogThreshold();
  readonly aggregator: StatsAggregator = new StatsAggregator();
  readonly store: StatsStore = new StatsStore(this.aggregator.thread(() => {}));
  readonly runtime: RuntimeLayers = new RuntimeLayers();
  readonly admin: AdminServer;

  constructor() {
    this.threshold.level = "info";
    this.admin = new AdminServer(this.#context(), { enabled: () => true, write: () => {} });
  }

  static async start(): Promise<AdminFixture> {
    const fixture = new AdminFixture();
    await fixture.admin.listen({ kind: "ip", host: "127.0.0.1", port: 0 });
    return fixture;
  }

  ask(path: string, method = "GET", headers: Record<string, string> = {}): Promise<Answer> {
    return ask(this.admin.address!, path, method, headers);
  }

  async json(path: string): Promise<unknown> {
    return JSON.parse((await this.ask(path)).body) as unknown;
  }

  #context(): AdminContext {
    const live = liveConfig();
    const { store, done, threshold } = this;
    const stateOf = () => this.state;
    const server: AdminView = {
      get state() {
        return stateOf();
      },
      config: live,
      listeners: live.listeners,
      aggregator: this.aggregator,
      startedAtMs: Date.UTC(2026, 0, 1),
      concurrency: 2,
      runtime: this.runtime,
      modifyRuntime: async (changes) => this.runtime.modify(changes),
      tap: async () => [],
      hostsOf: (model) => model.endpoints,
      refreshStats: () => {
        store.gauge("server.live").set(1);
        store.flush();
      },
      failHealthCheck: (failed) => void done.push(`healthcheck ${failed ? "fail" : "ok"}`),
      drainListeners: (graceful, keep) => void done.push(`drain ${graceful} ${keep}`),
    };
    return {
      server,
      threshold,
      registry: new Registry(),
      commandLine: { config_path: "proxy.yaml" },
      quit: () => void done.push("quit"),
    };
  }
}

export function ask(
  address: AddressModel,
  path: string,
  method = "GET",
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const target = address.kind === "pipe" ? { socketPath: address.path } : { host: address.host, port: address.port };
  const sent = request({ ...target, path, method, headers }, (response) => {
    let body = "";
    response.setEncoding("utf8").on("data", (part: string) => (body += part));
    response.on("end", () =>
      resolve({ status: response.statusCode ?? 0, body, contentType: response.headers["content-type"] ?? "" }),
    );
  });
  sent.on("error", reject).end();
  return promise;
}

function liveConfig(): CompiledConfig {
  const host = {
    address: { kind: "ip", host: "10.0.0.1", port: 80 },
    hostname: "",
    weight: 2,
    health: "healthy",
    place: { path: "", position: "" },
  } as const;
  const listeners = [
    listener("web", "x", { kind: "ip", host: "0.0.0.0", port: 10000 }),
    listener("local", "x", { kind: "pipe", path: "/run/x.sock", mode: 0 }),
  ];
  return config(listeners, { clusters: [cluster("api", { endpoints: [host] })], bootstrap });
}

const bootstrap: CompiledConfig["bootstrap"] = {
  static_resources: {
    listeners: [
      {
        name: "web",
        filter_chains: [
          {
            filters: [
              {
                name: "hcm",
                typed_config: {
                  "@type":
                    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                  route_config: { name: "main", virtual_hosts: [] },
                },
              },
            ],
            transport_socket: {
              typed_config: {
                common_tls_context: {
                  tls_certificates: [
                    {
                      certificate_chain: { filename: "/c.pem" },
                      private_key: { inline_string: "KEY" },
                      password: { inline_bytes: "S0VZ" },
                    },
                  ],
                },
              },
            },
          },
        ],
      },
    ],
    clusters: [{ name: "api", filters: [{ password: "hunter2", api_key: ["KEY"], name: "kept" }] }, { name: "other" }],
  },
};
