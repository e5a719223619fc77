// What formats read, without a stream: the facts of one finished request, each to be replaced.
import { RESPONSE_FLAGS, type ResponseFlag } from "@sluice/sdk";
import type { FormatContext } from "../../packages/core/src/formatter/context.ts";
import { StreamFilterState, StreamMetadata } from "../../packages/core/src/http/chain/stream-data.ts";
import {
  HeaderMap,
  RequestHeaderMap,
  ResponseHeaderMap,
  field,
} from "../../packages/core/src/http/headers/header-map.ts";

export interface ContextChanges
  extends Omit<Partial<FormatContext>, "requestHeaders" | "responseHeaders" | "responseFlow"> {
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  readonly request?: Readonly<Record<string, string>>;
  readonly response?: Readonly<Record<string, string>>;
  readonly trailers?: Readonly<Record<string, string>>;
}

function fields(record: Readonly<Record<string, string>> = {}) {
  return Object.entries(record).map(([name, value]) => field(name, value));
}

/** GET http://example.com/path?x=1 from 192.0.2.7, answered 200 by 198.51.100.2:8080 of the cluster web, on 2026-03-04 at 05:06:07.089 UTC; it took 42 ms. */
export function formatContext(changes: ContextChanges = {}): FormatContext {
  const {
    method = "GET",
    path = "/path?x=1",
    authority = "example.com",
    request,
    response,
    trailers,
    ...facts
  } = changes;
  const flags: ResponseFlag[] = [...(facts.flags ?? [])];
  return {
    id: "17",
    connection: {
      id: 5,
      directRemote: { address: "192.0.2.1:4000", ip: "192.0.2.1", port: 4000 },
      remote: { address: "192.0.2.1:4000", ip: "192.0.2.1", port: 4000 },
      directLocal: { address: "[2001:db8::1]:443", ip: "2001:db8::1", port: 443 },
      local: { address: "[2001:db8::1]:443", ip: "2001:db8::1", port: 443 },
      requestedServerName: "",
      applicationProtocols: [],
      transportProtocol: "",
      tls: null,
    },
    remote: { address: "192.0.2.7:0", ip: "192.0.2.7", port: 0 },
    protocol: "HTTP/1.1",
    startTimeMs: Date.UTC(2026, 2, 4, 5, 6, 7, 89),
    startMs: 1000,
    requestEndMs: 1003.9,
    responseStartMs: 1030,
    endMs: 1042.7,
    bytesReceived: 11,
    bytesSent: 222,
    status: 200,
    details: "via_upstream",
    hasFlag: (flag) => flags.includes(flag),
    addFlag: (flag) => void flags.push(flag),
    setDetails() {},
    upstreamHost: { address: "198.51.100.2:8080", hostname: "web.internal:8080", cluster: "web" },
    upstreamOverride: null,
    upstreamAttempts: 1,
    upstreamClusterName: "web",
    upstreamFailure: "",
    upstreamLocalAddress: "198.51.100.1:51000",
    logType: "DownstreamEnd",
    terminationDetails: "",
    route: { name: "home", virtualHost: "all" },
    metadata: new StreamMetadata(),
    filterState: new StreamFilterState(null),
    ...facts,
    flags: RESPONSE_FLAGS.filter((flag) => flags.includes(flag)),
    requestHeaders: new RequestHeaderMap(method, path, authority, "http", fields(request)),
    responseHeaders: new ResponseHeaderMap(facts.status ?? 200, fields(response)),
    responseFlow: { trailers: trailers === undefined ? null : new HeaderMap(fields(trailers)) },
  };
}
