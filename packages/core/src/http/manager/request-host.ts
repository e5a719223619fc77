/** Hot path. The authority as routes and upstreams see it: without its port, without the dot of a root. Envoy: maybeNormalizeHost. */
import type { RequestHeaderMap } from "../headers/header-map.ts";
import type { HcmSettings } from "./settings.ts";

/** A CONNECT keeps its port: it is where the tunnel goes to. */
export function normalizeHost(headers: RequestHeaderMap, settings: HcmSettings, localPort: number): void {
  if (settings.stripTrailingHostDot) stripTrailingDot(headers);
  if ((settings.stripAnyHostPort || settings.stripMatchingHostPort) && headers.method !== "CONNECT")
    stripPort(headers, settings, localPort);
}

function stripPort(headers: RequestHeaderMap, settings: HcmSettings, localPort: number): void {
  const { authority } = headers;
  const colon = authority.lastIndexOf(":");
  if (colon < 0 || authority.indexOf("]", colon) >= 0) return;
  const port = authority.slice(colon + 1);
  if (!/^[0-9]+$/.test(port)) return;
  if (settings.stripAnyHostPort || Number(port) === localPort) headers.authority = authority.slice(0, colon);
}

function stripTrailingDot(headers: RequestHeaderMap): void {
  const { authority } = headers;
  const colon = authority.lastIndexOf(":");
  const end = colon < 0 || authority.indexOf("]", colon) >= 0 ? authority.length : colon;
  // A dot alone is the root, and a name.
  if (end > 1 && authority.charCodeAt(end - 1) === 0x2e)
    headers.authority = authority.slice(0, end - 1) + authority.slice(end);
}
