/** What core implements of Envoy's API for failing upstreams: part of the table in supported.ts. */
const route = "envoy.config.route.v3";
const hosts = "envoy.extensions.retry.host";
const breakers = "envoy.config.cluster.v3.CircuitBreakers";

export const resilienceFields: Readonly<Record<string, readonly string[] | "all">> = {
  [`${route}.RetryPolicy`]: "all",
  [`${route}.RetryPolicy.RetryHostPredicate`]: ["name", "typed_config"],
  [`${route}.RetryPolicy.RetryPriority`]: ["name", "typed_config"],
  [`${route}.RetryPolicy.RetryBackOff`]: "all",
  [`${route}.RetryPolicy.ResetHeader`]: "all",
  [`${route}.RetryPolicy.RateLimitedRetryBackOff`]: "all",
  [`${route}.HedgePolicy`]: "all",
  [`${route}.RouteAction.RequestMirrorPolicy`]: [
    "cluster",
    "cluster_header",
    "runtime_fraction",
    "disable_shadow_host_suffix_append",
  ],
  [`${hosts}.previous_hosts.v3.PreviousHostsPredicate`]: [],
  [`${hosts}.omit_canary_hosts.v3.OmitCanaryHostsPredicate`]: [],
  [`${hosts}.omit_host_metadata.v3.OmitHostMetadataConfig`]: "all",
  "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig": "all",
  [breakers]: "all",
  [`${breakers}.Thresholds`]: "all",
  [`${breakers}.Thresholds.RetryBudget`]: "all",
};
