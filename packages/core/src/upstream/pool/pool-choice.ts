/**
 * Which of a host's pools takes a request, for clusters where that is a question: requests share a connection only where protocol, server name, names of the
 * certificate and announced client are the same. Envoy: the hash keys of connection pools.
 */
import { isIP } from "node:net";
import type { ConnectionInfo, RequestHeaders, UpstreamRequest } from "@sluice/sdk";
import type { ClusterModel } from "../../config/model.ts";
import { AS_CONFIGURED, type ConnectTarget } from "../connector.ts";
import type { PoolProtocol } from "./pool.ts";

export interface ChosenPool {
  /** The same key: the same pool. */
  readonly key: string;
  readonly protocol: PoolProtocol;
  /** null: what the cluster's configuration says. */
  readonly target: ConnectTarget | null;
  /** For requests of high priority. @default false */
  readonly isHigh?: boolean;
}

/** What can stand in a server name (RFC 6066 section 3); other authorities are not asked for. */
const SERVER_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?$/;

/** No certificate has it. */
const NO_NAME = ".";

export class PoolChoice {
  readonly #http: ClusterModel["http"];
  readonly #tellsClient: boolean;
  /** For connections that clients make speak HTTP/2; null: what is configured. */
  readonly #http2Alpn: readonly string[] | null;

  constructor(model: ClusterModel) {
    this.#http = model.http;
    this.#tellsClient = model.proxyProtocol !== null;
    this.#http2Alpn = model.http.protocol === "downstream" && model.tls?.alpn.length === 0 ? ["h2"] : null;
  }

  /** null: each host of such a cluster has one pool. */
  static of(model: ClusterModel): PoolChoice | null {
    const { protocol, autoSni, autoSanValidation } = model.http;
    const isNamed = model.tls !== null && (autoSni || autoSanValidation);
    return protocol === "downstream" || isNamed || model.proxyProtocol !== null ? new PoolChoice(model) : null;
  }

  choose(request: UpstreamRequest | undefined): ChosenPool {
    const { protocol, autoSni, autoSanValidation, http2 } = this.#http;
    const spoken =
      protocol === "downstream" ? downstream(request === undefined ? "" : request.protocol, http2 !== null) : protocol;
    const headers = request === undefined ? null : request.headers;
    const isNamed = headers !== null && (autoSni || autoSanValidation);
    const { serverName, certificateName } = isNamed ? namesOf(this.#http, this.#authorityOf(headers)) : AS_CONFIGURED;
    const client = this.#tellsClient && request !== undefined ? request.client : null;
    const key = `${spoken} ${serverName} ${certificateName} ${client === null ? "" : clientKey(client)}`;
    const alpn = spoken === "http2" ? this.#http2Alpn : null;
    const isPlain = serverName === "" && certificateName === "" && alpn === null && client === null;
    return { key, protocol: spoken, target: isPlain ? null : { serverName, certificateName, alpn, client } };
  }

  /** Or what the header says that takes its place. */
  #authorityOf(headers: RequestHeaders): string {
    const { autoSniHeader } = this.#http;
    const written = autoSniHeader === "" ? "" : (headers.get(autoSniHeader) ?? "");
    return written === "" ? headers.authority : written;
  }
}

/** The server name to ask for (empty: the configured one), and what the certificate has to carry, for requests to that authority. */
export function namesOf(
  { autoSni, autoSanValidation }: ClusterModel["http"],
  authority: string,
): Pick<ConnectTarget, "serverName" | "certificateName"> {
  const name = hostOf(authority).toLowerCase();
  return {
    serverName: autoSni && SERVER_NAME.test(name) && isIP(name) === 0 ? name : "",
    // Who names nobody is connected to nobody.
    certificateName: autoSanValidation ? name || NO_NAME : "",
  };
}

/** A request that no client sent is spoken in what the cluster can. Envoy: HTTP/1.0 goes upstream as HTTP/1.1. */
function downstream(protocol: string, speaksHttp2: boolean): PoolProtocol {
  if (protocol === "") return speaksHttp2 ? "http2" : "http1";
  return protocol === "HTTP/2" ? "http2" : "http1";
}

/** What a connection's header tells besides addresses is the client connection's alone. */
function clientKey({ id, remote, local, proxyTlvs = [] }: ConnectionInfo): string {
  return proxyTlvs.length === 0 ? `${remote.address}>${local.address}` : `#${id}`;
}

function hostOf(authority: string): string {
  if (authority.startsWith("[")) return authority.slice(1, authority.lastIndexOf("]"));
  const colon = authority.indexOf(":");
  return colon === -1 ? authority : authority.slice(0, colon);
}
