/** Which failed requests are sent again: RetryPolicy of a route or its virtual host, whole; the route's takes the place of the virtual host's. */
import type { Message } from "@bufbuild/protobuf";
import { parseRetryOn } from "@sluice/sdk";
import type { RetryPolicy } from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { RetryModel } from "../../retry-model.ts";
import type { CompileContext } from "../context.ts";
import { isHeaderName } from "../header-mutations.ts";
import { milliseconds } from "../values.ts";
import { compileHeader } from "./match.ts";
import { compileRetryHosts } from "./retry-hosts.ts";
import { compileRetryPriority } from "./retry-priority.ts";

const BASE_MS = 25;
const RATE_LIMITED_MAX_MS = 300_000;

export function compileRetry(context: CompileContext, policy: RetryPolicy): RetryModel {
  const on = parseRetryOn(policy.retryOn, (word) =>
    // As in Envoy, it is passed over.
    context.warning(
      { message: policy, field: "retry_on" },
      "ERR_CONFIG_TYPE",
      `${JSON.stringify(word)} is no condition of retries`,
      { expected: "5xx, gateway-error, reset, connect-failure, refused-stream, … (Envoy's x-envoy-retry-on)" },
    ),
  );
  for (const [element] of policy.retryOptionsPredicates.entries())
    context.unsupported({ message: policy, field: "retry_options_predicates", element }, "a retry options predicate");
  return {
    on,
    retries: policy.numRetries ?? 1,
    perTryTimeoutMs: milliseconds(context, policy, "per_try_timeout", policy.perTryTimeout, 0),
    perTryIdleTimeoutMs: milliseconds(context, policy, "per_try_idle_timeout", policy.perTryIdleTimeout, 0),
    statusCodes: policy.retriableStatusCodes,
    headers: policy.retriableHeaders.flatMap((matcher) => compileHeader(context, matcher) ?? []),
    requestHeaders: policy.retriableRequestHeaders.flatMap((matcher) => compileHeader(context, matcher) ?? []),
    ...compileBackOff(context, policy),
    rateLimitedBackOff: compileRateLimited(context, policy),
    hosts: compileRetryHosts(context, policy),
    priorityUpdateFrequency: compileRetryPriority(context, policy),
  };
}

function compileBackOff(
  context: CompileContext,
  { retryBackOff: backOff }: RetryPolicy,
): Pick<RetryModel, "backOffBaseMs" | "backOffMaxMs"> {
  if (backOff === undefined) return { backOffBaseMs: BASE_MS, backOffMaxMs: 10 * BASE_MS };
  const base = milliseconds(context, backOff, "base_interval", backOff.baseInterval, BASE_MS);
  const max = milliseconds(context, backOff, "max_interval", backOff.maxInterval, 10 * base);
  if (max < base) outOfRange(context, backOff, "max_interval", "base_interval or more");
  return { backOffBaseMs: base, backOffMaxMs: max };
}

const formats = ["seconds", "unix_timestamp"] as const;

function compileRateLimited(
  context: CompileContext,
  { rateLimitedRetryBackOff: backOff }: RetryPolicy,
): RetryModel["rateLimitedBackOff"] {
  if (backOff === undefined) return null;
  return {
    headers: backOff.resetHeaders.map((header) => {
      const name = header.name.toLowerCase();
      if (name !== "" && !isHeaderName(name))
        context.error(
          { message: header, field: "name" },
          "ERR_CONFIG_TYPE",
          `${JSON.stringify(header.name)} is no name of a header`,
        );
      return { name, format: formats[header.format] ?? "seconds" };
    }),
    maxMs: milliseconds(context, backOff, "max_interval", backOff.maxInterval, RATE_LIMITED_MAX_MS),
  };
}

function outOfRange(context: CompileContext, message: Message, field: string, expected: string): void {
  context.error({ message, field }, "ERR_CONFIG_RANGE", "the duration is out of range", { expected });
}
