/** Hot path. A route that forwards, for one cluster: its rewrites and header mutations on the way up, its limits. Envoy: RouteEntryImplBase. */
import type {
  ConnectTermination,
  ForwardRoute,
  GrpcTimeout,
  InternalRedirect,
  MirrorPolicy,
  RequestHeaders,
  RetryPolicy,
  RouteHash,
  SubsetValues,
  TerminalStream,
} from "@sluice/sdk";
import type { ForwardActionModel, WeightedClusterModel } from "../../config/model.ts";
import type { StreamHandle } from "../chain/stream-handle.ts";
import { HashPolicies } from "./hash-policy.ts";
import { AUTHORITY } from "../codec/h1/syntax.ts";
import { HeaderField, KNOWN } from "../headers/field.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";
import { applyAll } from "./header-mutations.ts";
import { endOfPath, RegexRewrite, rewritePrefix, rooted, TemplateRewrite } from "./path-rewrite.ts";
import { Entry, type EntryBase } from "./route-entry.ts";
import { valueOf } from "./route-match.ts";
import { TerminatedConnect } from "./terminated-connect.ts";

const FIRST_ATTEMPT = new HeaderField("x-envoy-attempt-count", "1");

/** Made once for all entries of a route. */
export interface FailureParts {
  readonly retry: RetryPolicy | null;
  readonly mirrors: readonly MirrorPolicy[] | null;
}

/** What the entries of one route and weighted cluster share, whichever cluster a header names. */
export class ForwardParts {
  readonly action: ForwardActionModel;
  readonly hostRewrite: string;
  readonly hostRegex: RegexRewrite | null;
  readonly regexRewrite: RegexRewrite | null;
  readonly templateRewrite: TemplateRewrite | null;
  readonly upgrades: ReadonlyMap<string, boolean> | null;
  readonly connect: ConnectTermination | null;
  readonly retry: RetryPolicy | null;
  readonly mirrors: readonly MirrorPolicy[] | null;
  readonly subset: SubsetValues | null;
  readonly hash: RouteHash | null;
  /** Requests go up as they came. */
  readonly isPlain: boolean;

  /** @throws TypeError for a pattern that is not legal. */
  constructor(base: EntryBase, action: ForwardActionModel, cluster: WeightedClusterModel, more: FailureParts) {
    const { templateRewrite } = action;
    this.action = action;
    this.hostRewrite = cluster.hostRewrite === "" ? action.hostRewrite : cluster.hostRewrite;
    this.hostRegex = action.hostRewritePathRegex === null ? null : new RegexRewrite(action.hostRewritePathRegex);
    this.regexRewrite = action.regexRewrite === null ? null : new RegexRewrite(action.regexRewrite);
    this.templateRewrite = templateRewrite === "" ? null : new TemplateRewrite(base.path.value, templateRewrite);
    this.upgrades = action.upgrades.length === 0 ? null : new Map(action.upgrades.map((u) => [u.type, u.enabled]));
    this.connect = action.connect === null ? null : new TerminatedConnect(action.connect);
    this.retry = more.retry;
    this.mirrors = more.mirrors;
    this.subset =
      action.subset === undefined && cluster.subset === undefined ? null : { ...action.subset, ...cluster.subset };
    this.hash = action.hashPolicies === undefined ? null : new HashPolicies(action.hashPolicies);
    this.isPlain =
      !base.includeAttemptCount &&
      base.requestMutations === null &&
      action.prefixRewrite === "" &&
      this.regexRewrite === null &&
      this.templateRewrite === null &&
      this.hostRewrite === "" &&
      this.hostRegex === null &&
      action.hostRewriteHeader === "" &&
      !(action.autoHostRewrite && action.appendXForwardedHost);
  }
}

export class ForwardEntry extends Entry implements ForwardRoute {
  readonly kind = "forward";
  readonly clusterName: string;
  readonly clusterNotFoundStatus: number;
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxStreamDurationMs: number;
  readonly grpcTimeout: GrpcTimeout | null;
  readonly grpcTimeoutHeader: GrpcTimeout | null;
  readonly bufferLimitBytes: number;
  readonly internalRedirect: InternalRedirect | null;
  readonly retry: RetryPolicy | null;
  readonly hedges: boolean;
  readonly mirrors: readonly MirrorPolicy[] | null;
  readonly isHighPriority: boolean;
  readonly includeAttemptCount: boolean;
  readonly includeIsTimeoutRetry: boolean;
  readonly autoHostRewrite: boolean;
  readonly includeAttemptCountInResponse: boolean;
  readonly isCounted: boolean;
  readonly statPrefix: string;
  readonly upgrades: ReadonlyMap<string, boolean> | null;
  readonly connect: ConnectTermination | null;
  readonly subset: SubsetValues | null;
  readonly hash: RouteHash | null;
  readonly #parts: ForwardParts;

  constructor(base: EntryBase, parts: ForwardParts, clusterName: string) {
    super(base);
    const { action } = parts;
    this.clusterName = clusterName;
    this.clusterNotFoundStatus = action.clusterNotFoundStatus;
    this.timeoutMs = action.timeoutMs;
    this.idleTimeoutMs = action.idleTimeoutMs;
    this.maxStreamDurationMs = action.maxStreamDurationMs;
    this.grpcTimeout = action.grpcTimeout;
    this.grpcTimeoutHeader = action.grpcTimeoutHeader;
    this.bufferLimitBytes = action.bufferLimitBytes;
    this.internalRedirect = action.internalRedirect;
    this.retry = parts.retry;
    this.hedges = action.hedges === true;
    this.mirrors = parts.mirrors;
    this.isHighPriority = action.isHighPriority === true;
    this.includeAttemptCount = base.includeAttemptCount;
    this.includeIsTimeoutRetry = action.includeIsTimeoutRetry === true;
    this.autoHostRewrite = action.autoHostRewrite;
    this.includeAttemptCountInResponse = base.includeAttemptCountInResponse;
    this.isCounted = base.statPrefix !== "" || base.virtualClusters !== null;
    this.statPrefix = base.statPrefix;
    this.upgrades = parts.upgrades;
    this.connect = parts.connect;
    this.subset = parts.subset;
    this.hash = parts.hash;
    this.#parts = parts;
  }

  /** The same with another cluster. */
  to(clusterName: string): ForwardEntry {
    return new ForwardEntry(this.base, this.#parts, clusterName);
  }

  virtualCluster(headers: RequestHeaders): string {
    const { virtualClusters } = this.base;
    return virtualClusters === null ? "" : virtualClusters.of(headers as unknown as RequestHeaderMap);
  }

  mayAsk(headers: RequestHeaders): boolean {
    const { fields } = headers as unknown as RequestHeaderMap;
    for (let i = 0; i < fields.length; i++) {
      const { known, name } = fields[i]!;
      if (known === KNOWN.xEnvoy && name !== "x-envoy-external-address" && name !== "x-envoy-internal") return true;
    }
    return false;
  }

  finalizeRequest(headers: RequestHeaders, stream: TerminalStream): void {
    if (this.#parts.isPlain) return;
    const map = headers as unknown as RequestHeaderMap;
    if (this.base.includeAttemptCount) map.setField(FIRST_ATTEMPT);
    applyAll(this.base.requestMutations, map, (stream as StreamHandle).stream);
    this.#rewriteHost(map);
    this.#rewritePath(map);
  }

  #rewritePath(headers: RequestHeaderMap): void {
    const { action, regexRewrite, templateRewrite } = this.#parts;
    const { path } = headers;
    // CONNECT has none.
    if (path === "") return;
    let rewritten: string | null = null;
    if (action.prefixRewrite !== "") rewritten = rewritePrefix(path, this.base.path, action.prefixRewrite);
    else if (regexRewrite !== null) rewritten = regexRewrite.apply(path);
    else if (templateRewrite !== null) rewritten = templateRewrite.apply(path);
    if (rewritten === null) return;
    headers.setField(new HeaderField("x-envoy-original-path", path));
    headers.path = rooted(rewritten);
  }

  #rewriteHost(headers: RequestHeaderMap): void {
    const { action, hostRewrite } = this.#parts;
    const { authority } = headers;
    const host = hostRewrite === "" ? this.#hostOfRequest(headers) : hostRewrite;
    const rewrites = host !== "" && isHost(host);
    // With auto_host_rewrite the name is known when a host has been chosen; what the client said is kept here.
    if (action.appendXForwardedHost && (rewrites || this.autoHostRewrite)) appendForwardedHost(headers, authority);
    if (!rewrites) return;
    headers.setField(new HeaderField("x-envoy-original-host", authority));
    headers.authority = host;
  }

  /** A header or the path names it, which the client may have written: what its own Host could not be, it is not made by this way. */
  #hostOfRequest(headers: RequestHeaderMap): string {
    const { action, hostRegex } = this.#parts;
    let named = "";
    if (action.hostRewriteHeader !== "") named = valueOf(headers, action.hostRewriteHeader) ?? "";
    else if (hostRegex !== null) named = hostRegex.onPath(headers.path.slice(0, endOfPath(headers.path)));
    return AUTHORITY.test(named) ? named : "";
  }
}

/** What a header holds may be no host: then it is not used. */
function isHost(text: string): boolean {
  return /^[\x21-\x7e\x80-\xff]+$/.test(text);
}

function appendForwardedHost(headers: RequestHeaderMap, authority: string): void {
  if (authority === "") return;
  const known = valueOf(headers, "x-forwarded-host");
  if (known !== null && known.slice(known.lastIndexOf(",") + 1).trim() === authority) return;
  headers.setField(
    new HeaderField("x-forwarded-host", known === null || known === "" ? authority : `${known},${authority}`),
  );
}
