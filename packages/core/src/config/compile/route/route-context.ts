/** What the parts of one route configuration share. */
import type {
  RetryPolicy,
  RouteAction_RequestMirrorPolicy,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { RetryModel } from "../../retry-model.ts";
import type { CompileContext } from "../context.ts";
import type { FilterSlots } from "../per-filter-config.ts";

export interface RouteContext {
  readonly context: CompileContext;
  readonly slots: FilterSlots;
  /** validate_clusters: routes to clusters that do not exist are errors. */
  readonly checksClusters: boolean;
  /** max_direct_response_body_size_bytes */
  readonly maxBodyBytes: number;
  /** request_mirror_policies of the route configuration. */
  readonly mirrors: readonly RouteAction_RequestMirrorPolicy[];
  /** Policies that were compiled: those of virtual hosts stand over many routes. */
  readonly retries: Map<RetryPolicy, RetryModel>;
}
