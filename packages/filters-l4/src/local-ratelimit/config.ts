/** Configuration of local_ratelimit, of the network filter and the listener filter, which are alike: envoy.extensions.filters.{network,listener}.local_ratelimit.v3. */
import { ConfigError, parsedBy } from "@sluice/sdk";
import { countOf, type Fields, fieldsOf, millisecondsOf, refuseUnknown, textOf } from "../shared/fields.ts";

export interface ConnectionLimitSettings {
  readonly statPrefix: string;
  readonly bucket: { readonly maxTokens: number; readonly tokensPerFill: number; readonly fillIntervalMs: number };
  readonly isOnByDefault: boolean;
  /** Empty: none. */
  readonly runtimeKey: string;
}

const FIELDS = ["stat_prefix", "token_bucket", "runtime_enabled"] as const;
const BUCKET = ["max_tokens", "tokens_per_fill", "fill_interval"];
const FLAG = ["default_value", "runtime_key"];

const flagMessage = { "envoy.config.core.v3.RuntimeFeatureFlag": FLAG };

export const NETWORK_MESSAGES = {
  "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit": FIELDS,
  ...flagMessage,
} as const;

export const LISTENER_MESSAGES = {
  "envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit": FIELDS,
  ...flagMessage,
} as const;

export const connectionLimitConfig = parsedBy((value): ConnectionLimitSettings => {
  const fields = fieldsOf(value);
  refuseUnknown(fields, FIELDS);
  const statPrefix = textOf(fields, "stat_prefix");
  if (statPrefix === "") throw new ConfigError("expected the prefix of the statistics", ["stat_prefix"]);
  const flag = fieldsOf(fields["runtime_enabled"], ["runtime_enabled"]);
  refuseUnknown(flag, FLAG, ["runtime_enabled"]);
  const isOnByDefault = flag["default_value"] ?? true;
  if (typeof isOnByDefault !== "boolean")
    throw new ConfigError("expected true or false", ["runtime_enabled", "default_value"]);
  return { statPrefix, bucket: bucketOf(fields), isOnByDefault, runtimeKey: textOf(flag, "runtime_key") };
});

function bucketOf(fields: Fields): ConnectionLimitSettings["bucket"] {
  const path = ["token_bucket"];
  if (fields["token_bucket"] === undefined || fields["token_bucket"] === null)
    throw new ConfigError("expected the bucket", path);
  const bucket = fieldsOf(fields["token_bucket"], path);
  refuseUnknown(bucket, BUCKET, path);
  const maxTokens = countOf(bucket, "max_tokens", path) ?? 0;
  const tokensPerFill = countOf(bucket, "tokens_per_fill", path) ?? 1;
  const fillIntervalMs = millisecondsOf(bucket, "fill_interval", path) ?? 0;
  if (maxTokens === 0) throw new ConfigError("expected at least 1", [...path, "max_tokens"]);
  if (tokensPerFill === 0) throw new ConfigError("expected at least 1", [...path, "tokens_per_fill"]);
  if (fillIntervalMs < 50) throw new ConfigError('expected at least "0.05s"', [...path, "fill_interval"]);
  return { maxTokens, tokensPerFill, fillIntervalMs };
}
