/** Holds what routes do with requests to what is expected of them. */
import { type Explainer, ExplainError, type Explanation, type Outcome } from "./explain.ts";
import type { RouteCheck, RouteExpectation } from "./route-checks.ts";

export interface RouteDifference {
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

export interface FailedCheck {
  readonly check: RouteCheck;
  /** Empty where the request cannot be asked at all. */
  readonly differences: readonly RouteDifference[];
  /** What was explained; or why nothing was. */
  readonly explanation: Explanation | string;
}

export function judgeRoutes(explainer: Explainer, checks: readonly RouteCheck[]): FailedCheck[] {
  return checks.flatMap((check): FailedCheck[] => {
    const explanation = explained(explainer, check);
    if (typeof explanation === "string") return [{ check, differences: [], explanation }];
    const differences = compare(check.expect, explanation);
    return differences.length === 0 ? [] : [{ check, differences, explanation }];
  });
}

function explained(explainer: Explainer, { request, listener }: RouteCheck): Explanation | string {
  try {
    const [first, second] = explainer.explain(request, listener);
    if (first !== undefined && second === undefined) return first;
    return `several listeners speak HTTP, expected "listener" with the name of one, such as "${first?.listener.name ?? ""}"`;
  } catch (error) {
    if (error instanceof ExplainError) return error.message;
    throw error;
  }
}

function compare(expect: RouteExpectation, explanation: Explanation): RouteDifference[] {
  const { answered, outcome, route } = explanation;
  const differences: RouteDifference[] = [];
  const differ = (what: string, expected: string, found: string): void => {
    if (expected !== found) differences.push({ what, expected, found });
  };
  if (expect.match === false) {
    // A redirect to https comes before all routes.
    const isNone = answered === null && outcome.kind === "none";
    if (!isNone) differ("match", "none", answered === null ? describeOutcome(explanation) : answeredText(answered));
    return differences;
  }
  if (expect.virtualHost !== undefined)
    differ("virtual host", expect.virtualHost, explanation.virtualHost?.name ?? "none");
  if (expect.route !== undefined) differ("route", expect.route, route === null ? "none" : nameOf(route));
  if (expect.clusters !== undefined)
    differ("cluster", sharesText(expect.clusters), answered === null ? clustersText(outcome) : answeredText(answered));
  if (expect.status !== undefined)
    differ("status", String(expect.status), answered === null ? statusText(outcome) : String(answered.status));
  if (expect.redirect !== undefined)
    differ("redirect", expect.redirect, answered === null && outcome.kind === "redirect" ? outcome.location : "none");
  return differences;
}

/** Routes without a name are called by their number. */
function nameOf({ name, index }: { readonly name: string; readonly index: number }): string {
  return name === "" ? String(index) : name;
}

function answeredText({ status, details }: { readonly status: number; readonly details: string }): string {
  return `answered ${status} (${details}) before any filter`;
}

function describeOutcome({ route, outcome }: Explanation): string {
  const what = outcome.kind === "forward" ? `cluster ${clustersText(outcome)}` : `status ${statusText(outcome)}`;
  return route === null ? what : `route ${nameOf(route)}, ${what}`;
}

function statusText(outcome: Outcome): string {
  return outcome.kind === "forward" ? "the upstream's" : String(outcome.status);
}

function clustersText(outcome: Outcome): string {
  if (outcome.kind !== "forward") return "none";
  return sharesText(Object.fromEntries(outcome.clusters.map(({ name, weight }) => [name, weight])));
}

/** Percent, in the order of the names; what has no weight takes no request. */
function sharesText(shares: Readonly<Record<string, number>>): string {
  const taking = Object.entries(shares).filter(([, share]) => share > 0);
  const total = taking.reduce((sum, [, share]) => sum + share, 0);
  const [only] = taking;
  if (only !== undefined && taking.length === 1) return only[0];
  return taking
    .map(([name, share]) => `${name} ${Math.round((share / total) * 1e4) / 100} %`)
    .sort()
    .join(", ");
}
