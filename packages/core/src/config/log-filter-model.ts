/** Which streams an access log, or a change of local replies, is for: the tree of conditions, compiled. Envoy: config.accesslog.v3.AccessLogFilter. */
import type { MetadataMatchModel, RuntimeFractionModel } from "./match-model.ts";
import type { HeaderMatchModel } from "./route-model.ts";

/** A number to compare with, and the runtime key that may say another; empty: none. */
export interface ComparisonModel {
  readonly op: "eq" | "ge" | "le";
  readonly value: number;
  readonly runtimeKey: string;
}

export type LogFilterModel =
  | { readonly kind: "status_code"; readonly comparison: ComparisonModel }
  /** Milliseconds. */
  | { readonly kind: "duration"; readonly comparison: ComparisonModel }
  | { readonly kind: "not_health_check" }
  /** The trace of the request was forced. */
  | { readonly kind: "traceable" }
  /** `independent`: by chance; else equal request ids are sampled alike. */
  | { readonly kind: "runtime"; readonly fraction: RuntimeFractionModel; readonly independent: boolean }
  | { readonly kind: "and" | "or"; readonly filters: readonly LogFilterModel[] }
  | { readonly kind: "header"; readonly header: HeaderMatchModel }
  /** Any of them; empty: any flag. */
  | { readonly kind: "response_flag"; readonly flags: readonly string[] }
  | { readonly kind: "grpc_status"; readonly statuses: readonly number[]; readonly exclude: boolean }
  /** `matchesMissing`: where there is nothing at the path. */
  | { readonly kind: "metadata"; readonly matcher: MetadataMatchModel; readonly matchesMissing: boolean }
  | { readonly kind: "log_type"; readonly types: readonly string[]; readonly exclude: boolean };
