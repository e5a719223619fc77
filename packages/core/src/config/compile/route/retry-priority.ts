/** Which priorities a retry leaves out: retry_priority of RetryPolicy. */
import type {
  RetryPolicy,
  RetryPolicy_RetryPriority,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import { isMessage } from "../../envoy/tree.ts";
import type { CompileContext } from "../context.ts";

const previous = "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig";
const previousName = "envoy.retry_priorities.previous_priorities";

/** Its type is not generated: one field. */
type PreviousPrioritiesConfig = import("@bufbuild/protobuf").Message & { readonly updateFrequency: number };

/** After how many attempts each; 0: none is left out. */
export function compileRetryPriority(context: CompileContext, { retryPriority }: RetryPolicy): number {
  return retryPriority === undefined ? 0 : frequencyOf(context, retryPriority);
}

function frequencyOf(context: CompileContext, retryPriority: RetryPolicy_RetryPriority): number {
  const { name, configType } = retryPriority;
  if (configType.case !== "typedConfig") {
    if (name !== previousName)
      context.unsupported({ message: retryPriority, field: "name" }, JSON.stringify(name), previousName);
    // Envoy's has no default for how often.
    else context.error({ message: retryPriority }, "ERR_CONFIG_REQUIRED", "typed_config is missing");
    return 0;
  }
  const payload = context.tree.payload(configType.value);
  if (payload === undefined) return 0;
  if (payload.kind === "message" && isMessage<PreviousPrioritiesConfig>(payload.message, previous as never))
    return payload.message.updateFrequency;
  context.unsupported({ message: retryPriority, field: "typed_config" }, payload.typeName, "previous_priorities");
  return 0;
}
