/** Types of `rate_limits` in the short form: what makes the descriptors of requests, for the filters local_ratelimit and ratelimit. Envoy: route.v3.RateLimit. */

/** A condition on a header or a parameter of the query, as Envoy writes it. */
export interface RateLimitMatchConfig {
  readonly name: string;
  readonly string_match?: Readonly<Record<string, unknown>>;
  readonly present_match?: boolean;
  readonly invert_match?: boolean;
}

interface MetadataPlace {
  readonly metadata_key: { readonly key: string; readonly path: ReadonlyArray<{ readonly key: string }> };
}

/** Each has exactly one key. */
export type RateLimitActionConfig =
  | { readonly source_cluster: object }
  | { readonly destination_cluster: object }
  | { readonly remote_address: object }
  | { readonly masked_remote_address: { readonly v4_prefix_mask_len?: number; readonly v6_prefix_mask_len?: number } }
  | {
      readonly request_headers: {
        readonly header_name: string;
        readonly descriptor_key: string;
        readonly skip_if_absent?: boolean;
      };
    }
  | { readonly generic_key: { readonly descriptor_value: string; readonly descriptor_key?: string } }
  | {
      readonly header_value_match: {
        readonly descriptor_value: string;
        readonly descriptor_key?: string;
        /** @default true */
        readonly expect_match?: boolean;
        readonly headers: readonly RateLimitMatchConfig[];
      };
    }
  | {
      readonly query_parameter_value_match: {
        readonly descriptor_value: string;
        readonly descriptor_key?: string;
        /** @default true */
        readonly expect_match?: boolean;
        readonly query_parameters: readonly RateLimitMatchConfig[];
      };
    }
  | {
      readonly metadata: MetadataPlace & {
        readonly descriptor_key: string;
        /** @default "DYNAMIC" */
        readonly source?: "DYNAMIC" | "ROUTE_ENTRY";
        readonly default_value?: string;
        readonly skip_if_absent?: boolean;
      };
    };

/** One descriptor: an entry for each action. */
export interface RateLimitPolicyConfig {
  /** 0 to 10: which of the filters, by their `stage`. @default 0 */
  readonly stage?: number;
  readonly disable_key?: string;
  readonly actions: readonly RateLimitActionConfig[];
  readonly limit?: { readonly dynamic_metadata: MetadataPlace };
}
