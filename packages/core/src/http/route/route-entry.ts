/** Hot path. Routes as the router runs them: one prebuilt object per route (and per weighted cluster), so that a match allocates nothing. Forwarding: forward-entry.ts. */
import type {
  DirectRoute,
  RedirectRoute,
  RouteRateLimits,
  RequestHeaders,
  ResponseHeaders,
  TerminalStream as SdkStream,
} from "@sluice/sdk";
import type { DirectActionModel, RedirectActionModel } from "../../config/model.ts";
import type { StreamHandle } from "../chain/stream-handle.ts";
import type { HeaderMap } from "../headers/header-map.ts";
import { type HeaderMutations, applyAll } from "./header-mutations.ts";
import { type MatchedPath, RegexRewrite, rewritePrefix, rooted } from "./path-rewrite.ts";
import type { ResolvedRouteConfig } from "./types.ts";
import type { VirtualClusters } from "./virtual-clusters.ts";

/** What all kinds of routes have in common. */
export interface EntryBase {
  readonly name: string;
  readonly virtualHost: string;
  readonly perFilter: ReadonlyArray<ResolvedRouteConfig | null>;
  readonly disabled: ReadonlyArray<boolean | null> | null;
  readonly requestMutations: readonly HeaderMutations[] | null;
  readonly responseMutations: readonly HeaderMutations[] | null;
  readonly includeAttemptCount: boolean;
  readonly includeAttemptCountInResponse: boolean;
  /** `vhost.<virtual host>.route.<prefix>.`; empty: the route's requests are not counted. */
  readonly statPrefix: string;
  /** null: the virtual host has none. */
  readonly virtualClusters: VirtualClusters | null;
  /** null: neither route nor virtual host says anything of limits. */
  readonly rateLimits: RouteRateLimits | null;
  /** What the route matches a path by. */
  readonly path: MatchedPath;
}

export abstract class Entry {
  readonly name: string;
  readonly virtualHost: string;
  readonly rateLimits: RouteRateLimits | null;
  readonly perFilter: ReadonlyArray<ResolvedRouteConfig | null>;
  readonly disabled: ReadonlyArray<boolean | null> | null;
  protected readonly base: EntryBase;

  constructor(base: EntryBase) {
    this.name = base.name;
    this.virtualHost = base.virtualHost;
    this.rateLimits = base.rateLimits;
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
    return `${scheme}://${this.#host(headers, scheme)}${rooted(this.#path(headers.path))}`;
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
    if (action.prefixRewrite !== "") return rewritePrefix(bare, this.base.path, action.prefixRewrite) + tail;
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
