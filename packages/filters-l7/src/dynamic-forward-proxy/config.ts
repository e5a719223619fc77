/** Configuration of the dynamic forward proxy: envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig and PerRouteConfig. */
import { parsedBy } from "@sluice/sdk";
import { Section } from "../shared/section.ts";

export interface ForwardProxySettings {
  /** The address goes into the filter state, as `envoy.stream.upstream_address`. */
  readonly savesAddress: boolean;
}

export interface ForwardProxyRouteSettings {
  /** Takes the place of the host; empty: none. */
  readonly literal: string;
  /** Name of a header whose value does; empty: none. */
  readonly header: string;
}

const filterMessage = "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig";
const routeMessage = "envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig";

export const FORWARD_PROXY_MESSAGES = {
  [filterMessage]: ["dns_cache_config", "save_upstream_address"],
  [routeMessage]: ["host_rewrite_literal", "host_rewrite_header"],
} as const;

/** What the cache is told stands in its cluster, which has the same words. */
export const forwardProxyConfig = parsedBy((value): ForwardProxySettings => {
  const section = new Section(value, FORWARD_PROXY_MESSAGES[filterMessage]);
  const cache = section.get("dns_cache_config");
  if (typeof cache !== "object" || cache === null)
    throw section.wrong("dns_cache_config", "expected that of the dynamic forward proxy cluster");
  return { savesAddress: section.boolean("save_upstream_address", false) };
});

const HOST = /^[\x21-\x7e]*$/;

export const forwardProxyRouteConfig = parsedBy((value): ForwardProxyRouteSettings => {
  const section = new Section(value, FORWARD_PROXY_MESSAGES[routeMessage]);
  const literal = section.string("host_rewrite_literal");
  const header = section.string("host_rewrite_header").toLowerCase();
  if (section.has("host_rewrite_literal") && section.has("host_rewrite_header"))
    throw section.wrong("host_rewrite_header", "host_rewrite_literal and host_rewrite_header are both set");
  if (!HOST.test(literal)) throw section.wrong("host_rewrite_literal", "expected a host");
  return { literal, header };
});
