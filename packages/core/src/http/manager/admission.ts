/**
 * Hot path. What a connection manager does with a request before its filters: judges path, names and upgrade, prepares headers, chooses the chain. What it refuses
 * is answered here.
 */
import { randomBytes } from "node:crypto";
import type { LocalReplyOptions } from "@sluice/sdk";
import { isGrpc } from "../chain/local-reply.ts";
import { HTTP_2 } from "../codec/h2/index.ts";
import { KNOWN } from "../headers/field.ts";
import { type HeaderMap, type RequestHeaderMap, ResponseHeaderMap } from "../headers/header-map.ts";
import { PathAction, PathNormalizer } from "../path-normalize.ts";
import { applyAll, type HeaderMutations, mutationChain } from "../route/header-mutations.ts";
import type { ConnectionManager } from "./connection-manager.ts";
import type { HttpStream } from "./http-stream.ts";
import { normalizeHost } from "./request-host.ts";
import { prepareRequestHeaders } from "./request-headers.ts";
import { RequestIds } from "./request-id.ts";
import type { HcmSettings } from "./settings.ts";
import type { TraceDecision } from "./trace-decision.ts";

export class Admission {
  readonly #manager: ConnectionManager;
  readonly #settings: HcmSettings;
  readonly #normalizer: PathNormalizer;
  readonly #ids = new RequestIds();
  /** null: nothing is changed before everything else. */
  readonly #early: readonly HeaderMutations[] | null;
  readonly #tracing: TraceDecision | null;

  constructor(manager: ConnectionManager, tracing: TraceDecision | null) {
    const { settings } = manager;
    this.#manager = manager;
    this.#settings = settings;
    this.#normalizer = new PathNormalizer(settings);
    this.#early = mutationChain(settings.earlyMutations);
    this.#tracing = tracing;
  }

  /** false: the request was answered. */
  admit(stream: HttpStream, headers: RequestHeaderMap): boolean {
    const settings = this.#settings;
    const manager = this.#manager;
    const connect = headers.method === "CONNECT";
    if (settings.underscores !== "allow" && !this.#judgeUnderscores(stream, headers)) return false;
    if (!connect) {
      const { path } = headers;
      if (path.charCodeAt(0) !== 0x2f) {
        manager.stats.rqNonRelativePath.inc();
        stream.addFlag("NR");
        return refuse(stream, headers, { status: 404 }, "absolute_path_rejected");
      }
      if ((settings.normalizes || path.includes("#")) && !this.#normalize(stream, headers)) return false;
    }
    if (
      !settings.proxy100Continue &&
      !stream.requestComplete &&
      headers.findKnown(KNOWN.expect)?.value.toLowerCase() === "100-continue"
    ) {
      headers.deleteKnown(KNOWN.expect);
      stream.encoder.sendInformational(new ResponseHeaderMap(100));
    }
    if (settings.normalizesHost) normalizeHost(headers, settings, stream.connection.local.port);
    // What stands in the place of a request that was prepared is so too.
    if (stream.relay === null) {
      if (this.#early !== null) applyAll(this.#early, headers, stream);
      const refusal = prepareRequestHeaders(stream, headers, settings, this.#ids);
      if (refusal !== 0) {
        manager.stats.rqRejectedByDetection.inc();
        stream.localReply({ status: refusal }, "rejecting_because_detection_failed");
        return false;
      }
      if (this.#tracing !== null) this.#tracing.decide(headers);
    }
    if (manager.routes.usesDisabled) {
      const route = stream.routeEntry();
      if (route !== null && route.disabled !== null) stream.hooks = manager.chain.variant(route.disabled);
    }
    if (
      (connect || headers.upgrade !== "") &&
      !this.#judgeUpgrade(stream, headers, connect ? "connect" : headers.upgrade)
    )
      return false;
    if (settings.logsNewRequests) manager.logAccess(stream, "DownstreamStart");
    return !stream.over;
  }

  /** Trailers are fields too. */
  cleanTrailers(trailers: HeaderMap): void {
    if (this.#settings.underscores !== "allow") dropUnderscores(trailers);
  }

  #judgeUnderscores(stream: HttpStream, headers: RequestHeaderMap): boolean {
    const { stats } = this.#manager;
    const isHttp2 = stream.protocol === HTTP_2;
    if (this.#settings.underscores === "drop") {
      const dropped = dropUnderscores(headers);
      if (dropped !== 0) (isHttp2 ? stats.http2DroppedUnderscores : stats.http1DroppedUnderscores).inc(dropped);
      return true;
    }
    const { fields } = headers;
    for (let i = 0; i < fields.length; i++) {
      if (!fields[i]!.name.includes("_")) continue;
      (isHttp2 ? stats.http2RefusedUnderscores : stats.http1RefusedUnderscores).inc();
      stream.addFlag("DPE");
      this.#spoil(stream);
      const detail = isHttp2 ? "http2.unexpected_underscore" : "http1.unexpected_underscore";
      return refuse(stream, headers, { status: 400, body: "Bad Request" }, detail);
    }
    return true;
  }

  /** Who sends messages that are not legal is not listened to any longer, unless told otherwise. HTTP/2 loses the stream alone. */
  #spoil(stream: HttpStream): void {
    if (!this.#settings.streamErrorOnInvalidMessage) stream.encoder.closeAfterResponse();
  }

  #normalize(stream: HttpStream, headers: RequestHeaderMap): boolean {
    const normalizer = this.#normalizer;
    const { stats } = this.#manager;
    const action = normalizer.normalize(headers.path);
    if (action === PathAction.reject || (action === PathAction.redirect && isGrpc(headers))) {
      stats.rqFailedPathNormalization.inc();
      stream.addFlag("DPE");
      return refuse(stream, headers, { status: 400, body: "Bad Request" }, "path_normalization_failed");
    }
    if (action === PathAction.redirect) {
      stats.rqRedirectedNormalized.inc();
      const headersToAdd = { location: ofThisHost(normalizer.path) };
      return refuse(stream, headers, { status: 307, headers: headersToAdd }, "path_normalization_failed");
    }
    if (normalizer.path !== headers.path) headers.path = normalizer.path;
    return true;
  }

  #judgeUpgrade(stream: HttpStream, headers: RequestHeaderMap, type: string): boolean {
    if (type === "h2c") {
      // RFC 9113 section 3.1 has ended it; as Envoy, the request goes on without the upgrade.
      headers.upgrade = "";
      headers.deleteKnown(KNOWN.http2Settings);
      return true;
    }
    const configured = this.#settings.upgrades.get(type);
    const route = stream.routeEntry();
    const allowed = route?.upgrades?.get(type) ?? configured;
    if (allowed === true) {
      // Over HTTP/2 there is no such key (RFC 8441 section 5); servers of HTTP/1 insist on one.
      if (type === "websocket" && stream.protocol === HTTP_2 && headers.get("sec-websocket-key") === undefined)
        headers.set("sec-websocket-key", randomBytes(16).toString("base64"));
      const { chain } = this.#manager;
      if (chain.hasUpgrades) stream.hooks = chain.upgraded(type, route?.disabled ?? null) ?? stream.hooks;
      return true;
    }
    this.#manager.stats.rqWsOnNonWsRoute.inc();
    stream.localReply({ status: 403, body: "Forbidden" }, "upgrade_failed");
    return false;
  }
}

/** Answers a request that is not prepared yet. */
function refuse(stream: HttpStream, headers: RequestHeaderMap, reply: LocalReplyOptions, details: string): false {
  stream.isGrpc = isGrpc(headers);
  stream.localReply(reply, details);
  return false;
}

/** As a reference (RFC 3986 section 4.2): two slashes at its beginning would name a host, and what was escaped in a path is the client's. */
function ofThisHost(path: string): string {
  const second = path.charCodeAt(1);
  return second === 0x2f || second === 0x5c ? `/.${path}` : path;
}

/** How many were dropped. */
function dropUnderscores({ fields }: HeaderMap): number {
  let dropped = 0;
  for (let i = fields.length - 1; i >= 0; i--) {
    if (!fields[i]!.name.includes("_")) continue;
    fields.splice(i, 1);
    dropped++;
  }
  return dropped;
}
