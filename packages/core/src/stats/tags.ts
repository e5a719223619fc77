/**
 * Tags in metric names, as Envoy extracts them: `cluster.web.upstream_rq_200` is `cluster.upstream_rq` with a cluster name and a
 * response code. Where Envoy stops at the first dot, names that the configuration knows are taken whole.
 */
import type { CompiledConfig } from "../config/model.ts";

export interface Tagged {
  /** The name without its tags. */
  readonly name: string;
  /** Names as Envoy's labels: `envoy_cluster_name`. */
  readonly tags: ReadonlyArray<readonly [label: string, value: string]>;
}

/** Names that appear in metric names after `cluster.`, `http.`, and so on. */
export interface KnownNames {
  readonly cluster: readonly string[];
  readonly http: readonly string[];
  readonly tcp: readonly string[];
  readonly listener: readonly string[];
}

const LABELS: Readonly<Record<string, string>> = {
  cluster: "envoy_cluster_name",
  http: "envoy_http_conn_manager_prefix",
  tcp: "envoy_tcp_prefix",
  listener: "envoy_listener_address",
  udp: "envoy_udp_prefix",
  ratelimit: "envoy_ratelimit_prefix",
  vhost: "envoy_virtual_host",
};

const responseCode = /_rq_(\d{3})$/;
const responseClass = /_rq_(\d)xx$/;
const workerId = /^(server|listener_manager)\.worker_(\d+)\./;
/** An address with `:` as `_`: digits, dots and `_`, or IPv6 in brackets. */
const listenerAddress = /^(?:[\d._]+|\[[\da-fA-F_.]*\]_\d+)(?=\.)/;
const listenerCipher = /^listener\.ssl\.ciphers?\.(.+)$/;
const clusterCipher = /^cluster\.ssl\.ciphers\.(.+)$/;
/** Methods have no dots, services do. */
const grpcMethod = /^cluster\.(grpc(?:-web)?)\.(.+)\.([^.]+)\.(?=[^.]+$)/;
const localRateLimit = /^(.+)\.http_local_rate_limit\./;

export function knownNames(config: CompiledConfig | null): KnownNames {
  const chains = config?.listeners.map(({ filterChain }) => filterChain) ?? [];
  const filters = chains.flatMap((chain) => chain.filters);
  return {
    cluster: config?.clusters.map(({ statName }) => statName) ?? [],
    http: filters.flatMap((filter) => (filter.kind === "http_connection_manager" ? [filter.hcm.statPrefix] : [])),
    tcp: filters.flatMap((filter) => (filter.kind === "extension" ? [filter.statPrefix] : [])),
    listener: config?.listeners.map(({ statPrefix }) => statPrefix) ?? [],
  };
}

export class TagExtractor {
  readonly #known: ReadonlyMap<string, readonly string[]>;

  constructor(known: KnownNames) {
    // The longest first: of `a` and `a.b`, the second is meant by `a.b.x`.
    const ordered = Object.entries(known).map(
      ([tree, names]) => [tree, [...new Set(names as readonly string[])].sort((a, b) => b.length - a.length)] as const,
    );
    this.#known = new Map(ordered);
  }

  extract(fullName: string): Tagged {
    const tags: (readonly [string, string])[] = [];
    let name = fullName;
    const code = responseCode.exec(name);
    if (code !== null) {
      tags.push(["envoy_response_code", code[1]!]);
      name = name.slice(0, -4);
    } else {
      const responses = responseClass.exec(name);
      if (responses !== null) {
        tags.push(["envoy_response_code_class", responses[1]!]);
        name = `${name.slice(0, -3)}xx`;
      }
    }
    name = this.#extractTree(name, tags);
    name = take(name, workerId, tags, (match) => [["envoy_worker_id", match[2]!], `${match[1]}.worker_`]);
    name = take(name, listenerCipher, tags, (match) => [["envoy_ssl_cipher", match[1]!], "listener.ssl.ciphers"]);
    name = take(name, clusterCipher, tags, (match) => [["cipher_suite", match[1]!], "cluster.ssl.ciphers"]);
    const call = grpcMethod.exec(name);
    if (call !== null) {
      tags.push(["envoy_grpc_bridge_service", call[2]!], ["envoy_grpc_bridge_method", call[3]!]);
      name = `cluster.${call[1]}.${name.slice(call[0].length)}`;
    }
    name = take(name, localRateLimit, tags, (match) => [
      ["envoy_local_http_ratelimit_prefix", match[1]!],
      "http_local_rate_limit.",
    ]);
    return { name, tags: tags.sort(([a], [b]) => (a < b ? -1 : 1)) };
  }

  /** `<tree>.<instance>.<rest>` becomes `<tree>.<rest>`. */
  #extractTree(name: string, tags: (readonly [string, string])[]): string {
    const dot = name.indexOf(".");
    const tree = name.slice(0, dot);
    const label = LABELS[tree];
    if (dot < 0 || label === undefined) return name;
    const rest = name.slice(dot + 1);
    const instance = this.#instance(tree, rest);
    if (instance === null) return name;
    tags.push([label, instance]);
    return `${tree}.${rest.slice(instance.length + 1)}`;
  }

  #instance(tree: string, rest: string): string | null {
    const known = this.#known.get(tree)?.find((candidate) => rest.startsWith(`${candidate}.`));
    if (known !== undefined) return known;
    if (tree === "listener") {
      const address = listenerAddress.exec(rest);
      if (address !== null) return address[0];
    }
    const dot = rest.indexOf(".");
    return dot > 0 ? rest.slice(0, dot) : null;
  }
}

function take(
  name: string,
  pattern: RegExp,
  tags: (readonly [string, string])[],
  read: (match: RegExpExecArray) => [tag: readonly [string, string], replacement: string],
): string {
  const match = pattern.exec(name);
  if (match === null) return name;
  const [tag, replacement] = read(match);
  tags.push(tag);
  return replacement + name.slice(match[0].length);
}
