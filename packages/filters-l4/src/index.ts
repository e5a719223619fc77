/** The built-in listener and network filters. Data only: the composition root registers them. */
import { directResponse } from "./direct-response/index.ts";
import { echo } from "./echo/index.ts";
import { httpInspector } from "./http-inspector/index.ts";
import { proxyProtocol } from "./proxy-protocol/index.ts";
import { tcpProxy } from "./tcp-proxy/index.ts";
import { tlsInspector } from "./tls-inspector/index.ts";

export { directResponse, echo, httpInspector, proxyProtocol, tcpProxy, tlsInspector };

export const listenerFilters = [httpInspector, proxyProtocol, tlsInspector] as const;
export const networkFilters = [directResponse, echo, tcpProxy] as const;
export const filters = [...listenerFilters, ...networkFilters] as const;
