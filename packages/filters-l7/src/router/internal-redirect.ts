/**
 * Redirects of upstreams that are followed here: the request is made anew for the place that the redirect names, and passes the whole chain again.
 * One that cannot be followed goes to the client as it is. Envoy: Filter::setupRedirect, whose counters these are.
 */
import type { InternalRedirect, RedirectPredicate, RequestHeaders, ResponseHeaders, Route } from "@sluice/sdk";
import type { KeptRequest } from "./kept-request.ts";
import type { RouterHandle } from "./router-stream.ts";

/** What is handed on from one request of a client to the next. */
export class RedirectHistory {
  followed = 0;
  /** Name of a route → the routes to which its redirects have led. */
  readonly targets = new Map<string, Set<string>>();
}

/** Why a redirect goes to the client. */
export type Refusal = "bad_location" | "unsafe_scheme" | "too_many_redirects" | "no_route" | "predicate";

/** The redirect is followed: the stream is over. */
const FOLLOWED = "followed";
/** It is passed on, for a reason that has no counter of its own. */
const PASSED = "passed";

export function followRedirect(
  stream: RouterHandle,
  kept: KeptRequest,
  policy: InternalRedirect,
  routeName: string,
  response: ResponseHeaders,
): Refusal | typeof FOLLOWED | typeof PASSED {
  if (kept.isLost || !response.has("location")) return PASSED;
  const target = targetOf(response);
  if (target === null) return "bad_location";
  const fromHttps = kept.headers.scheme !== "http" && stream.info.connection.tls !== null;
  const toHttps = target.protocol === "https:";
  if (!policy.allowCrossScheme && fromHttps !== toHttps) return "unsafe_scheme";
  const history = stream.inheritance instanceof RedirectHistory ? stream.inheritance : new RedirectHistory();
  if (history.followed >= policy.maxRedirects) return "too_many_redirects";
  const headers = redirected(kept.headers, policy, response, target, fromHttps);
  const route = stream.routeFor(headers);
  if (route === undefined) return "no_route";
  if (!policy.predicates.every((predicate) => accepts(predicate, history, routeName, route, fromHttps, toHttps)))
    return "predicate";
  const dropsBody = response.status === 303 && headers.method !== "GET" && headers.method !== "HEAD";
  if (dropsBody) {
    // RFC 9110 section 15.4.4: what the redirect names is fetched.
    headers.method = "GET";
    headers.delete("content-length");
    headers.delete("content-type");
  }
  history.followed++;
  const isDone = stream.restart({
    headers,
    body: dropsBody ? [] : kept.body,
    trailers: dropsBody ? null : kept.trailers,
    response,
    details: "internal_redirect",
    inheritance: history,
  });
  return isDone ? FOLLOWED : PASSED;
}

/** null: no absolute URL of HTTP. One with a user's name or password is none either: they would be lost. */
function targetOf(response: ResponseHeaders): URL | null {
  const [location = "", ...others] = response.getAll("location");
  if (others.length !== 0 || !/^https?:\/\//i.test(location)) return null;
  // Its characters are bytes: those beyond ASCII are what they would be percent-encoded.
  const url = URL.parse(location.replace(/[\x80-\xff]/g, percentEncoded));
  return url === null || url.username !== "" || url.password !== "" ? null : url;
}

function percentEncoded(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase()}`;
}

function redirected(
  before: RequestHeaders,
  policy: InternalRedirect,
  response: ResponseHeaders,
  target: URL,
  fromHttps: boolean,
): RequestHeaders {
  const headers = before;
  for (const name of policy.responseHeadersToCopy) {
    headers.delete(name);
    for (const value of response.getAll(name)) headers.append(name, value);
  }
  headers.set("x-envoy-original-url", `${fromHttps ? "https" : "http"}://${before.authority}${before.path}`);
  headers.scheme = target.protocol.slice(0, -1);
  headers.authority = target.host;
  headers.path = target.pathname + target.search;
  return headers;
}

function accepts(
  predicate: RedirectPredicate,
  history: RedirectHistory,
  routeName: string,
  target: Route,
  fromHttps: boolean,
  toHttps: boolean,
): boolean {
  switch (predicate.kind) {
    case "safe_cross_scheme":
      return fromHttps || !toHttps;
    case "allow_listed_routes":
      return predicate.names.includes(target.name);
    case "previous_routes": {
      let targets = history.targets.get(routeName);
      if (targets === undefined) history.targets.set(routeName, (targets = new Set()));
      if (targets.has(target.name)) return false;
      targets.add(target.name);
      return true;
    }
  }
}
