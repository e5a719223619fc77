/** The built-in listener and network filters. Data only: the composition root registers them. */
import { directResponse } from "./direct-response/index.ts";
import { echo } from "./echo/index.ts";
import { httpInspector } from "./http-inspector/index.ts";
import { listenerLocalRateLimit, localRateLimit } from "./local-ratelimit/index.ts";
import { proxyProtocol } from "./proxy-protocol/index.ts";
import { tcpProxy } from "./tcp-proxy/index.ts";
import { tlsInspector } from "./tls-inspector/index.ts";

export {
  directResponse,
  echo,
  httpInspector,
  listenerLocalRateLimit,
  localRateLimit,
  proxyProtocol,
  tcpProxy,
  tlsInspector,
};

export const listenerFilters = [httpInspector, listenerLocalRateLimit, proxyProtocol, tlsInspector] as const;
export const networkFilters = [directResponse, echo, localRateLimit, tcpProxy] as const;
export const filters = [...listenerFilters, ...networkFilters] as const;
