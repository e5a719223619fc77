/** What the host of a connection is chosen by: `hash_policy` and `metadata_match` of the configuration. */
import { ConfigError, type HashKey, type NetworkConnection, type SubsetValues } from "@sluice/sdk";
import { type Fields, fieldsOf, refuseUnknown, textOf } from "../shared/fields.ts";

/** `source_ip`, or a key of the filter state. */
export type TcpHash = { readonly kind: "source_ip" } | { readonly kind: "filter_state"; readonly key: string };

export const HASH_MESSAGES = {
  "envoy.type.v3.HashPolicy": ["source_ip", "filter_state"],
  "envoy.type.v3.HashPolicy.SourceIp": [],
  "envoy.type.v3.HashPolicy.FilterState": ["key"],
} as const;

type Path = ReadonlyArray<string | number>;

/** null: any host will do. Envoy: at most one. */
export function hashOf(fields: Fields): TcpHash | null {
  const list = fields["hash_policy"] ?? [];
  if (!Array.isArray(list)) throw new ConfigError("expected a list", ["hash_policy"]);
  if (list.length === 0) return null;
  if (list.length > 1) throw new ConfigError("expected one policy at most", ["hash_policy", 1]);
  const path = ["hash_policy", 0];
  const policy = fieldsOf(list[0], path);
  refuseUnknown(policy, ["source_ip", "filter_state"], path);
  const { source_ip: ip, filter_state: state } = policy;
  if ((ip === undefined) === (state === undefined)) throw new ConfigError("expected source_ip or filter_state", path);
  if (ip !== undefined) return { kind: "source_ip" };
  const at = [...path, "filter_state"];
  const key = textOf(fieldsOf(state, at), "key", at);
  if (key === "") throw new ConfigError("expected the key of the filter state", [...at, "key"]);
  return { kind: "filter_state", key };
}

/** Values that hosts must have, of the namespace `envoy.lb`; null: none. */
export function subsetOf(fields: Fields, path: Path = []): SubsetValues | null {
  const at = [...path, "metadata_match"];
  const metadata = fieldsOf(fields["metadata_match"], at);
  const namespaces = fieldsOf(metadata["filter_metadata"], [...at, "filter_metadata"]);
  const values = namespaces["envoy.lb"];
  return values === undefined ? null : fieldsOf(values, [...at, "filter_metadata", "envoy.lb"]);
}

export function addHash(key: HashKey, hash: TcpHash, { connection, filterState }: NetworkConnection): void {
  if (hash.kind === "source_ip") {
    const { ip } = connection.remote;
    if (ip !== "") key.add(ip);
    return;
  }
  const value = filterState.get(hash.key);
  if (typeof value === "string" || typeof value === "number") key.add(String(value));
}
