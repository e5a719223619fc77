/** Headers of Envoy's that only clients of one's own may set. Envoy: ConnectionManagerUtility::cleanInternalHeaders. */
import { type HeaderField, KNOWN } from "../headers/field.ts";

/** Of no request: what it tells is for us to say. */
const OWN: ReadonlySet<string> = new Set(["x-envoy-internal"]);

/** Not of requests that are external, wherever they come in: they would govern retries, time-outs and traces. */
const EXTERNAL: ReadonlySet<string> = new Set([
  ...OWN,
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-ip-tags",
  "x-envoy-max-retries",
  "x-envoy-original-url",
  "x-envoy-retriable-header-names",
  "x-envoy-retriable-status-codes",
  "x-envoy-retry-grpc-on",
  "x-envoy-retry-on",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-stream-duration-ms",
]);

/** Also not where requests enter the network: what the proxies in it tell each other. */
const EDGE: ReadonlySet<string> = new Set([
  ...EXTERNAL,
  "x-envoy-attempt-count",
  "x-envoy-decorator-operation",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-external-address",
  "x-envoy-is-timeout-retry",
  "x-envoy-original-host",
  "x-envoy-original-method",
  "x-envoy-original-path",
]);

/** In one pass. */
export function removeInternalHeaders(fields: HeaderField[], isInternal: boolean, isEdge: boolean): void {
  const names = isInternal ? OWN : isEdge ? EDGE : EXTERNAL;
  let kept = 0;
  for (let i = 0; i < fields.length; i++) {
    const f = fields[i]!;
    if (f.known !== KNOWN.xEnvoy || !names.has(f.name)) fields[kept++] = f;
  }
  fields.length = kept;
}

export function removeNames(fields: HeaderField[], names: ReadonlySet<string>): void {
  for (let i = fields.length - 1; i >= 0; i--) {
    if (names.has(fields[i]!.name)) fields.splice(i, 1);
  }
}
