/** What a route says of traces: kept for tracers. Nothing else hangs on it. */
import type { Route } from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { FractionalPercent } from "../../envoy/generated/envoy/type/v3/percent_pb.js";
import type { RouteModel, RouteTracingModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { compileCustomTags } from "../custom-tags.ts";
import { denominators } from "../values.ts";

export function compileDecorator({ decorator }: Route): RouteModel["decorator"] {
  if (decorator === undefined) return null;
  return { operation: decorator.operation, propagate: decorator.propagate ?? true };
}

export function compileRouteTracing(context: CompileContext, { tracing }: Route): RouteTracingModel | null {
  if (tracing === undefined) return null;
  return {
    clientSampling: tenThousandths(tracing.clientSampling),
    randomSampling: tenThousandths(tracing.randomSampling),
    overallSampling: tenThousandths(tracing.overallSampling),
    customTags: compileCustomTags(context, tracing.customTags),
  };
}

function tenThousandths(percent: FractionalPercent | undefined): number {
  if (percent === undefined) return -1;
  return Math.min(10_000, (percent.numerator * 10_000) / (denominators[percent.denominator] ?? 100));
}
