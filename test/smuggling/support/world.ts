// A proxy between all clients and all origins of the corpus, with a listener for each kind of way through it; and one that takes all that it can be told to take.
import type { SluiceConfig } from "../../../packages/core/src/index.ts";
import { ANY_PORT, type RunningProxy, startProxy } from "../../support/proxy.ts";
import { Http1Origin, type ScriptedAnswer } from "./http1-origin.ts";
import { Http2Origin } from "./http2-origin.ts";
import { Seen } from "./seen.ts";
import type { Http2Message } from "./strict-http2.ts";

/** What a case waits for, where what it sent is not whole. */
const STALLED = "3s";

export class World implements AsyncDisposable {
  readonly seen: Seen;
  /** By the case's id, to be filled before it is asked for. */
  readonly answers: Map<string, ScriptedAnswer>;
  readonly frames: Map<string, Http2Message>;
  readonly #proxies: readonly RunningProxy[];
  readonly #origins: readonly AsyncDisposable[];

  private constructor(
    seen: Seen,
    answers: Map<string, ScriptedAnswer>,
    frames: Map<string, Http2Message>,
    proxies: readonly RunningProxy[],
    origins: readonly AsyncDisposable[],
  ) {
    this.seen = seen;
    this.answers = answers;
    this.frames = frames;
    this.#proxies = proxies;
    this.#origins = origins;
  }

  static async start(): Promise<World> {
    const seen = new Seen();
    const answers = new Map<string, ScriptedAnswer>();
    const frames = new Map<string, Http2Message>();
    const rules = { seen, answers, isHardened: false, upgrade: "" };
    const plain = await Http1Origin.start(rules);
    const edge = await Http1Origin.start({ ...rules, isHardened: true });
    const upgrades = await Http1Origin.start({ ...rules, upgrade: "websocket" });
    const http2 = await Http2Origin.start(seen, frames);
    const proxy = await startProxy(
      through({ plain: plain.address, edge: edge.address, upgrades: upgrades.address, http2: http2.address }),
    );
    const lenient = await startProxy(leniently(plain.address));
    return new World(seen, answers, frames, [proxy, lenient], [plain, edge, upgrades, http2]);
  }

  portOf(listener: string): number {
    const [proxy, lenient] = this.#proxies;
    return listener === "lenient" ? lenient!.port : proxy!.portOf(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.#proxies) await proxy[Symbol.asyncDispose]();
    for (const origin of this.#origins) await origin[Symbol.asyncDispose]();
  }
}

function through(origins: Readonly<Record<"plain" | "edge" | "upgrades" | "http2", string>>): SluiceConfig {
  const own = {
    plain: {},
    edge: { edge: true, underscores: "reject" },
    upgrades: { upgrades: ["websocket"] },
    http2: {},
  } as const;
  const names = Object.keys(own) as (keyof typeof own)[];
  return {
    listeners: names.map((name) => ({
      name,
      address: ANY_PORT,
      http: {
        stat_prefix: name,
        trailers: true,
        request_timeout: STALLED,
        request_headers_timeout: STALLED,
        stream_idle_timeout: STALLED,
        idle_timeout: STALLED,
        ...own[name],
        routes: [{ prefix: "/", cluster: name, timeout: STALLED }],
      },
    })),
    clusters: Object.fromEntries(
      names.map((name) => [
        name,
        { endpoints: [origins[name]], trailers: true, ...(name === "http2" ? { protocol: "http2" as const } : {}) },
      ]),
    ),
  };
}

/** In Envoy's form: the short one has no word for a length beside a coding. */
function leniently(address: string): SluiceConfig {
  const [host = "", port = ""] = address.split(":");
  const api = "type.googleapis.com/envoy.extensions";
  const options = { allow_chunked_length: true, enable_trailers: true };
  const manager = {
    "@type": `${api}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "lenient",
    request_timeout: STALLED,
    request_headers_timeout: STALLED,
    stream_idle_timeout: STALLED,
    common_http_protocol_options: { idle_timeout: STALLED },
    http_protocol_options: { ...options, accept_http_10: true, default_host_for_http_10: "default.example" },
    http_filters: [
      { name: "envoy.filters.http.router", typed_config: { "@type": `${api}.filters.http.router.v3.Router` } },
    ],
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [{ match: { prefix: "/" }, route: { cluster: "plain", timeout: STALLED } }],
        },
      ],
    },
  };
  const endpoint = { address: { socket_address: { address: host, port_value: Number(port) } } };
  const upstream = {
    "@type": `${api}.upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: { http_protocol_options: options },
  };
  const config: object = {
    static_resources: {
      listeners: [
        {
          name: "front",
          address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
          filter_chains: [
            { filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] },
          ],
        },
      ],
      clusters: [
        {
          name: "plain",
          load_assignment: { cluster_name: "plain", endpoints: [{ lb_endpoints: [{ endpoint }] }] },
          typed_extension_protocol_options: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": upstream },
        },
      ],
    },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
  };
  return config as SluiceConfig;
}
