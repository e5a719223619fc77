/** A check by an HTTP request: its status, and what else of the answer is asked for. Envoy: HttpHealthCheckerImpl. */
import type { Counter } from "@sluice/sdk";
import type { HeaderValueModel, ProbeModel, StatusRangeModel } from "../../config/model.ts";
import { RequestHeaderMap } from "../../http/headers/header-map.ts";
import { compileStringMatcher, type StringMatcher } from "../../matching/string-matcher.ts";
import type { RuntimeEntries } from "../../runtime/runtime-entry.ts";
import type { HostModel } from "../host.ts";
import { hasAll } from "./payload.ts";
import { PASSED, type ProbeOutcome } from "./probe.ts";
import type { ProbeTargets } from "./probe-target.ts";
import { type HeardAnswer, RequestProbe } from "./request-probe.ts";

type HttpModel = Extract<ProbeModel, { kind: "http" }>;

/** What servers and their logs know checks of proxies by; Envoy sends the same. */
export const CHECK_AGENT = "Envoy/HC";

export function httpProbe(
  targets: ProbeTargets,
  model: HttpModel,
  host: HostModel,
  verifyCluster: Counter,
  runtime: () => RuntimeEntries,
): RequestProbe {
  const authority = targets.authority(host, model.host);
  const wanted = model.receive.map((hex) => Buffer.from(hex, "hex"));
  const body = Buffer.from(model.send, "hex");
  const serviceName = serviceMatcher(model);
  const request = (): RequestHeaderMap => {
    const headers = new RequestHeaderMap(model.method, model.path, authority, targets.scheme);
    headers.set("user-agent", CHECK_AGENT);
    if (body.length !== 0) headers.set("content-length", String(body.length));
    for (const name of model.removeHeaders) headers.delete(name);
    for (const header of model.addHeaders) addHeader(headers, header);
    return headers;
  };
  const verifies = (): boolean => serviceName !== null && verifiesCluster(runtime());
  return new RequestProbe({
    pool: targets.pool(targets.host(host), model.protocol),
    request,
    body,
    bufferBytes: model.bufferBytes,
    closesAfter: !targets.check.reuseConnection,
    judge: (answer) => {
      const outcome = judgeAnswer(model, wanted, answer);
      if (outcome.kind !== "passed" || !verifies()) return outcome;
      verifyCluster.inc();
      const name = answer.headers.get("x-envoy-upstream-healthchecked-cluster") ?? "";
      return serviceName!.matches(name) ? outcome : { kind: "failed", isRetriable: false, excludes: false };
    },
  });
}

function judgeAnswer(model: HttpModel, wanted: readonly Buffer[], { headers, body }: HeardAnswer): ProbeOutcome {
  const { status } = headers;
  const isExpected = inRanges(model.expected, status);
  if (!isExpected || !hasAll(body, wanted)) {
    const excludes = headers.has("x-envoy-immediate-health-check-fail");
    return { kind: "failed", isRetriable: !isExpected && inRanges(model.retriable, status), excludes };
  }
  return headers.has("x-envoy-degraded") ? { kind: "passed", isDegraded: true } : PASSED;
}

function inRanges(ranges: readonly StatusRangeModel[], status: number): boolean {
  return ranges.some(([start, end]) => status >= start && status < end);
}

function serviceMatcher({ serviceName }: HttpModel): StringMatcher | null {
  if (serviceName === null) return null;
  const matcher = compileStringMatcher(serviceName);
  // The compiler of the configuration has tried it.
  if (!("matches" in matcher)) throw new TypeError(`the service name matcher: ${matcher.message}`);
  return matcher;
}

/** Envoy: health_check.verify_cluster, 100 %. */
function verifiesCluster(entries: RuntimeEntries): boolean {
  const percent = Number(entries["health_check.verify_cluster"] ?? 100);
  return Number.isNaN(percent) || Math.random() * 100 < percent;
}

export function addHeader(headers: RequestHeaderMap, { name, value, action, keepEmpty }: HeaderValueModel): void {
  if (value === "" && !keepEmpty) return;
  const isThere = headers.has(name);
  if (action === "append") headers.append(name, value);
  else if (action === "overwrite_or_add" || isThere === (action === "overwrite_if_exists")) headers.set(name, value);
}
