/** What a route that forwards asks of its cluster for a request: the hosts, and what is done when one fails. Limits of the cluster stand with it. */
import { type HostChoice, RETRY_CONDITIONS } from "@sluice/sdk";
import type { ClusterModel, RouteModel, VirtualHostModel } from "../config/model.ts";
import { DEFAULT_CIRCUIT_BREAKERS, type RetryModel, UNLIMITED } from "../config/retry-model.ts";
import type { RateLimitPolicyModel } from "../config/rate-limit-model.ts";
import type { RequestHeaderMap } from "../http/headers/header-map.ts";
import type { RouteEntry } from "../http/route/types.ts";
import { type ClusterExplanation, explainCluster, type KnownHosts } from "./explain-cluster.ts";
import type { ExplainedStream } from "./explained-stream.ts";

export interface ForwardExplanation {
  /** In the order of the outcome. */
  readonly clusters: readonly ClusterExplanation[];
  /** Sentences: retries, copies, time-outs and limits that hold for the request. */
  readonly terms: readonly string[];
}

export interface Forwarded {
  readonly entries: readonly RouteEntry[];
  readonly names: readonly string[];
  readonly route: RouteModel | undefined;
  readonly host: VirtualHostModel | undefined;
  readonly headers: RequestHeaderMap;
  readonly stream: ExplainedStream;
}

export function explainForward(
  forwarded: Forwarded,
  models: readonly ClusterModel[],
  known: KnownHosts,
): ForwardExplanation {
  const { entries, names, route, host } = forwarded;
  const clusters = names.map((name, i) => {
    const model = models.find((each) => each.name === name);
    if (model === undefined)
      return { cluster: name, policy: "", notes: ["there is no such cluster"], priorities: [], host: null, hosts: [] };
    const found = explainCluster(model, models, known, choiceOf(entries[i], forwarded));
    return { ...found, notes: [...found.notes, ...hashNotes(route, found), ...breakerNotes(model, route)] };
  });
  return { clusters, terms: [...retryTerms(route), ...rateLimitTerms(route, host)] };
}

/** As the router gives it to the cluster. What filters would have named (a session's host, metadata) is not there. */
function choiceOf(entry: RouteEntry | undefined, { headers, stream }: Forwarded): HostChoice {
  if (entry?.kind !== "forward") return { headers };
  const { hash, subset } = entry;
  return {
    headers,
    subset,
    metadata: stream.metadata,
    hashKey: (key) => void hash?.addTo(key, headers, { info: stream, filterState: stream.filterState } as never),
  };
}

/** Whose client matters: that of the explanation is made up. */
function hashNotes(route: RouteModel | undefined, { notes }: ClusterExplanation): string[] {
  if (route?.action.kind !== "forward" || !notes.some((note) => note.includes("hash 0x"))) return [];
  const isOfClient = (route.action.hashPolicies ?? []).some(
    (policy) => policy.kind === "source_ip" || (policy.kind === "cookie" && policy.ttlS >= 0),
  );
  return isOfClient ? ["the hash hangs on the client's address, which is made up here unless a header tells it"] : [];
}

function breakerNotes({ circuitBreakers }: ClusterModel, route: RouteModel | undefined): string[] {
  const isHigh = route?.action.kind === "forward" && route.action.isHighPriority === true;
  const all = circuitBreakers ?? DEFAULT_CIRCUIT_BREAKERS;
  const limits = isHigh ? all.high : all.default;
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries, retryBudget } = limits;
  const retries =
    retryBudget === null
      ? `${amount(maxRetries)} retries`
      : `retries up to ${retryBudget.percent} % of the requests, at least ${retryBudget.minConcurrency}`;
  return [
    `at once, at most (${isHigh ? "high" : "default"} priority): ${amount(maxConnections)} connections, ${amount(maxPendingRequests)} pending, ${amount(maxRequests)} requests, ${retries}`,
  ];
}

function amount(limit: number): string {
  return limit >= UNLIMITED ? "any" : String(limit);
}

function retryTerms(route: RouteModel | undefined): string[] {
  if (route?.action.kind !== "forward") return [];
  const { retry, hedges, mirrors, timeoutMs } = route.action;
  const terms = [timeoutMs === 0 ? "no time-out" : `time-out ${timeoutMs} ms`];
  terms.push(retry === undefined || retry.on === 0 ? "not retried by the route" : retryText(retry));
  if (hedges === true) terms.push("hedged: an attempt over its time goes on while the next one begins");
  for (const { cluster, clusterHeader } of mirrors ?? [])
    terms.push(`copied to ${cluster === "" ? `the cluster that header ${clusterHeader} names` : `cluster ${cluster}`}`);
  return terms;
}

function retryText({ on, retries, perTryTimeoutMs, requestHeaders, statusCodes, hosts }: RetryModel): string {
  const conditions = RETRY_CONDITIONS.filter((_, i) => (on & (1 << i)) !== 0).join(", ");
  const parts = [`retried up to ${retries} times on ${conditions}`];
  if (statusCodes.length > 0) parts.push(`of statuses ${statusCodes.join(", ")}`);
  if (perTryTimeoutMs > 0) parts.push(`each attempt ${perTryTimeoutMs} ms`);
  if (requestHeaders.length > 0) parts.push("only where the headers of the request are such");
  if (hosts?.omitsPrevious === true) parts.push("on hosts that were not tried yet");
  return parts.join(", ");
}

/** What a route or its virtual host says that rate limits go by; which filter has which limit is its own affair. */
function rateLimitTerms(route: RouteModel | undefined, host: VirtualHostModel | undefined): string[] {
  const own = route?.rateLimits;
  const ofRoute = own?.policies ?? [];
  const ofHost = host?.rateLimits ?? [];
  const counts = ofRoute.length === 0 || own?.includesVirtualHost === true ? ofHost : [];
  return [
    ...ofRoute.map((policy) => `rate limited by ${policyWords(policy)} of the route`),
    ...counts.map((policy) => `rate limited by ${policyWords(policy)} of the virtual host`),
  ];
}

function policyWords({ stage, actions }: RateLimitPolicyModel): string {
  const words = actions.map((action) => ("key" in action ? `${action.kind} ${action.key}` : action.kind));
  return `${words.join(" + ")}${stage === 0 ? "" : ` (stage ${stage})`}`;
}
