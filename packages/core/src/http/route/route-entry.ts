/** Hot path. Routes as the router runs them: one prebuilt object per route (and per weighted cluster), so that a match allocates nothing. */
import type {
  DirectRoute,
  ForwardRoute,
  RedirectRoute,
  RequestHeaders,
  ResponseHeaders,
  TerminalStream as SdkStream,
} from "@sluice/sdk";
import type {
  DirectActionModel,
  ForwardActionModel,
  RedirectActionModel,
  WeightedClusterModel,
} from "../../config/model.ts";
import { type LinearRegex, compileRegex } from "../../matching/linear-regex.ts";
import type { StreamHandle } from "../chain/stream-handle.ts";
import { HeaderField } from "../headers/field.ts";
import type { HeaderMap, RequestHeaderMap } from "../headers/header-map.ts";
import { type HeaderMutations, applyAll } from "./header-mutations.ts";
import { compiled, valueOf } from "./route-match.ts";
import type { ResolvedRouteConfig } from "./types.ts";
import { AUTHORITY } from "../codec/h1/syntax.ts";

const FIRST_ATTEMPT = new HeaderField("x-envoy-attempt-count", "1");

/** What all kinds of routes have in common. */
export interface EntryBase {
  readonly name: string;
  readonly virtualHost: string;
  readonly perFilter: ReadonlyArray<ResolvedRouteConfig | null>;
  readonly disabled: ReadonlyArray<boolean | null> | null;
  readonly requestMutations: readonly HeaderMutations[] | null;
  readonly responseMutations: readonly HeaderMutations[] | null;
  readonly includeAttemptCount: boolean;
  /** Fixed part of the path condition, for prefix_rewrite; its case does not matter where the route ignores case. */
  readonly matchedPrefix: string;
  readonly kindOfPath: "prefix" | "exact" | "separated_prefix" | "regex" | "connect";
}

abstract class Entry {
  readonly name: string;
  readonly virtualHost: string;
  readonly perFilter: ReadonlyArray<ResolvedRouteConfig | null>;
  readonly disabled: ReadonlyArray<boolean | null> | null;
  protected readonly base: EntryBase;

  constructor(base: EntryBase) {
    this.name = base.name;
    this.virtualHost = base.virtualHost;
    this.perFilter = base.perFilter;
    this.disabled = base.disabled;
    this.base = base;
  }

  finalizeResponse(headers: ResponseHeaders, stream: SdkStream): void {
    const { responseMutations } = this.base;
    if (responseMutations === null) return;
    const facts = (stream as StreamHandle).stream;
    // The status is not the stream's before it was sent, but these headers may quote it.
    const { status } = facts;
    facts.status = headers.status;
    applyAll(responseMutations, headers as unknown as HeaderMap, facts);
    facts.status = status;
  }
}

/** Path and query with the part that the route matched replaced: of a regex and of CONNECT that is the whole path. */
function rewritePrefix(path: string, base: EntryBase, replacement: string): string {
  const query = path.indexOf("?");
  const end = query < 0 ? path.length : query;
  const matched =
    base.kindOfPath === "regex" || base.kindOfPath === "connect" ? end : Math.min(base.matchedPrefix.length, end);
  return replacement + path.slice(matched);
}

class RegexRewrite {
  readonly #regex: LinearRegex;
  readonly #substitution: string;

  constructor(model: { readonly pattern: string; readonly substitution: string }) {
    this.#regex = compiled(compileRegex(model.pattern));
    this.#substitution = model.substitution;
  }

  /** The query stays as it is. */
  apply(path: string): string {
    const query = path.indexOf("?");
    const end = query < 0 ? path.length : query;
    return this.#regex.replaceAll(path.slice(0, end), this.#substitution) + path.slice(end);
  }
}

export class ForwardEntry extends Entry implements ForwardRoute {
  readonly kind = "forward";
  readonly clusterName: string;
  readonly clusterNotFoundStatus: number;
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxStreamDurationMs: number;
  readonly autoHostRewrite: boolean;
  readonly upgrades: ReadonlyMap<string, boolean> | null;
  readonly #action: ForwardActionModel;
  readonly #hostRewrite: string;
  readonly #regexRewrite: RegexRewrite | null;
  readonly #plain: boolean;

  constructor(base: EntryBase, action: ForwardActionModel, cluster: WeightedClusterModel) {
    super(base);
    this.clusterName = cluster.name;
    this.clusterNotFoundStatus = action.clusterNotFoundStatus;
    this.timeoutMs = action.timeoutMs;
    this.idleTimeoutMs = action.idleTimeoutMs;
    this.maxStreamDurationMs = action.maxStreamDurationMs;
    this.autoHostRewrite = action.autoHostRewrite;
    this.upgrades = action.upgrades.length === 0 ? null : new Map(action.upgrades.map((u) => [u.type, u.enabled]));
    this.#action = action;
    this.#hostRewrite = cluster.hostRewrite === "" ? action.hostRewrite : cluster.hostRewrite;
    this.#regexRewrite = action.regexRewrite === null ? null : new RegexRewrite(action.regexRewrite);
    this.#plain =
      !base.includeAttemptCount &&
      base.requestMutations === null &&
      action.prefixRewrite === "" &&
      this.#regexRewrite === null &&
      this.#hostRewrite === "" &&
      action.hostRewriteHeader === "" &&
      !(action.autoHostRewrite && action.appendXForwardedHost);
  }

  finalizeRequest(headers: RequestHeaders, stream: SdkStream): void {
    if (this.#plain) return;
    const map = headers as unknown as RequestHeaderMap;
    if (this.base.includeAttemptCount) map.setField(FIRST_ATTEMPT);
    applyAll(this.base.requestMutations, map, (stream as StreamHandle).stream);
    this.#rewriteHost(map);
    this.#rewritePath(map);
  }

  #rewritePath(headers: RequestHeaderMap): void {
    const { path } = headers;
    let rewritten = "";
    if (this.#action.prefixRewrite !== "") rewritten = rewritePrefix(path, this.base, this.#action.prefixRewrite);
    else if (this.#regexRewrite !== null) rewritten = this.#regexRewrite.apply(path);
    if (rewritten === "") return;
    headers.setField(new HeaderField("x-envoy-original-path", path));
    headers.path = rewritten;
  }

  #rewriteHost(headers: RequestHeaderMap): void {
    const { hostRewriteHeader, appendXForwardedHost } = this.#action;
    const { authority } = headers;
    let host = this.#hostRewrite;
    if (host === "" && hostRewriteHeader !== "") {
      const named = valueOf(headers, hostRewriteHeader) ?? "";
      // A client may have written it: what its own Host could not be, it is not made by this way.
      if (AUTHORITY.test(named)) host = named;
    }
    const rewrites = host !== "" && isHost(host);
    // With auto_host_rewrite the name is known when a host has been chosen; what the client said is kept here.
    if (appendXForwardedHost && (rewrites || this.autoHostRewrite)) appendForwardedHost(headers, authority);
    if (!rewrites) return;
    headers.setField(new HeaderField("x-envoy-original-host", authority));
    headers.authority = host;
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

export class RedirectEntry extends Entry implements RedirectRoute {
  readonly kind = "redirect";
  readonly status: number;
  readonly upgrades = null;
  readonly #action: RedirectActionModel;
  readonly #regexRewrite: RegexRewrite | null;

  constructor(base: EntryBase, action: RedirectActionModel) {
    super(base);
    this.status = action.status;
    this.#action = action;
    this.#regexRewrite = action.regexRewrite === null ? null : new RegexRewrite(action.regexRewrite);
  }

  location(headers: RequestHeaders, _stream: SdkStream): string {
    return this.locationOf(headers);
  }

  /** It hangs on nothing but the request's headers. */
  locationOf(headers: RequestHeaders): string {
    const action = this.#action;
    const incoming = headers.scheme === "" ? "http" : headers.scheme;
    const scheme = action.httpsRedirect ? "https" : action.schemeRedirect === "" ? incoming : action.schemeRedirect;
    return `${scheme}://${this.#host(headers, scheme)}${this.#path(headers.path)}`;
  }

  #host(headers: RequestHeaders, scheme: string): string {
    const { hostRedirect, portRedirect } = this.#action;
    const port = portRedirect === 0 ? "" : `:${portRedirect}`;
    if (hostRedirect !== "") return hostRedirect + port;
    const { authority } = headers;
    const colon = authority.lastIndexOf(":");
    if (colon < 0 || colon < authority.lastIndexOf("]")) return authority + port;
    if (port !== "") return authority.slice(0, colon) + port;
    // The default port of the scheme that is left would be wrong for the one that is entered.
    const outer = headers.get("x-forwarded-proto") ?? headers.scheme;
    const written = authority.slice(colon + 1);
    const isDefault = (outer === "http" && written === "80") || (outer === "https" && written === "443");
    return scheme !== outer && isDefault ? authority.slice(0, colon) : authority;
  }

  #path(path: string): string {
    const action = this.#action;
    const query = path.indexOf("?");
    const tail = action.stripQuery || query < 0 ? "" : path.slice(query);
    const bare = query < 0 ? path : path.slice(0, query);
    if (action.pathRedirect !== "")
      return action.pathRedirect.includes("?") ? action.pathRedirect : action.pathRedirect + tail;
    if (action.prefixRewrite !== "") return rewritePrefix(bare, this.base, action.prefixRewrite) + tail;
    if (this.#regexRewrite !== null) return this.#regexRewrite.apply(bare) + tail;
    return bare + tail;
  }
}

export class DirectEntry extends Entry implements DirectRoute {
  readonly kind = "direct";
  readonly status: number;
  readonly body: Uint8Array | null;
  readonly upgrades = null;

  constructor(base: EntryBase, action: DirectActionModel) {
    super(base);
    this.status = action.status;
    this.body = action.body;
  }
}
