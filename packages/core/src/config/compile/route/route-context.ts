/** What the parts of one route configuration share. */
import type { CompileContext } from "../context.ts";
import type { FilterSlots } from "../per-filter-config.ts";

export interface RouteContext {
  readonly context: CompileContext;
  readonly slots: FilterSlots;
  /** validate_clusters: routes to clusters that do not exist are errors. */
  readonly checksClusters: boolean;
  /** max_direct_response_body_size_bytes */
  readonly maxBodyBytes: number;
}
