/** A request as filters and routes would see it: described by its parts, then read and prepared by the code of the HTTP/1 codec and of the connection manager. */
import type { AddressInfo, TlsInfo } from "@sluice/sdk";
import type { AddressModel, HcmModel } from "../config/model.ts";
import { FieldSection } from "../http/codec/h1/field-section.ts";
import { RequestHead } from "../http/codec/h1/request-head.ts";
import { type HeaderField, KNOWN, field } from "../http/headers/field.ts";
import { RequestHeaderMap } from "../http/headers/header-map.ts";
import { isGrpc } from "../http/chain/local-reply.ts";
import { normalizeHost } from "../http/manager/request-host.ts";
import { prepareRequestHeaders } from "../http/manager/request-headers.ts";
import { RequestIds } from "../http/manager/request-id.ts";
import { hcmSettings } from "../http/manager/settings.ts";
import { PathAction, PathNormalizer } from "../http/path-normalize.ts";
import { applyAll, mutationChain } from "../http/route/header-mutations.ts";
import type { RouteEntry } from "../http/route/types.ts";
import { SocketInfo } from "../network/connection-info.ts";
import { ExplainedStream } from "./explained-stream.ts";

export interface RequestDescription {
  readonly method: string;
  readonly host: string;
  /** With its query. */
  readonly path: string;
  /** As a client of HTTP/2 says it; otherwise the listener's own. */
  readonly scheme?: string | undefined;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
}

/** An answer that the connection manager gives before any filter sees the request. */
export interface EarlyAnswer {
  readonly status: number;
  readonly details: string;
}

export interface ExplainedRequest {
  readonly headers: RequestHeaderMap;
  readonly stream: ExplainedStream;
  readonly answer: EarlyAnswer | null;
  /** Names of headers that the configuration has changed before everything else. */
  readonly changed: readonly string[];
}

/** Where explained requests come from: the documentation's own network, which no configuration trusts. */
const PEER: AddressInfo = { address: "192.0.2.1:50000", ip: "192.0.2.1", port: 50_000 };
const SOME_TLS: TlsInfo = {
  serverName: "",
  version: "TLSv1.3",
  cipher: "",
  alpn: "",
  peerCertificatePresented: false,
  peerCertificateVerified: false,
  peerSubject: "",
  peerUriSans: [],
  peerDnsSans: [],
};

/** @throws TypeError for what cannot be sent. */
export function explainedRequest(
  description: RequestDescription,
  hcm: HcmModel,
  isTls: boolean,
  address: AddressModel,
): ExplainedRequest {
  const settings = hcmSettings(hcm, 0);
  const text = headOf(description);
  const section = new FieldSection();
  const read = new RequestHead().read(text, text.length, section, settings.http1, isTls ? "https" : "http");
  const headers = read ?? new RequestHeaderMap(description.method, description.path, description.host, "http");
  const connection = new SocketInfo(0, PEER, localAddress(address), isTls ? SOME_TLS : null);
  const stream = new ExplainedStream(connection, PEER, headers);
  if (read === null) {
    const answer = { status: section.status, details: section.detail };
    return { headers, stream, answer, changed: [] };
  }
  if (description.scheme !== undefined) headers.scheme = description.scheme;
  const early = judgeUnderscores(headers, hcm) ?? judgePath(headers, hcm);
  if (early !== null) return { headers, stream, answer: early, changed: [] };
  if (settings.normalizesHost) normalizeHost(headers, settings, connection.local.port);
  const before = headers.fields.slice();
  applyAll(mutationChain(settings.earlyMutations), headers, stream);
  const changed = changedNames(before, headers.fields);
  const refusal = prepareRequestHeaders(stream, headers, settings, new RequestIds());
  headers.deleteKnown(KNOWN.xRequestId);
  const answer = refusal === 0 ? null : { status: refusal, details: "rejecting_because_detection_failed" };
  return { headers, stream, answer, changed };
}

/** Whether the route lets the connection become a tunnel, where the request asks for one. */
export function judgeUpgrade(
  headers: RequestHeaderMap,
  hcm: HcmModel,
  route: RouteEntry | undefined,
): EarlyAnswer | null {
  const type = headers.method === "CONNECT" ? "connect" : headers.upgrade;
  // Nobody upgrades to h2c any more: such a request goes on as it is.
  if (type === "" || type === "h2c") return null;
  const allowed = route?.upgrades?.get(type) ?? hcmSettings(hcm, 0).upgrades.get(type);
  return allowed === true ? null : { status: 403, details: "upgrade_failed" };
}

/** As a client sends it: read by the codec, it means what it would mean. A `host` among the headers goes before the other. */
function headOf({ method, host, path, headers }: RequestDescription): string {
  const hosts = headers.filter(([name]) => name.toLowerCase() === "host");
  const authority = hosts.at(-1)?.[1] ?? host;
  const target = method === "CONNECT" ? authority : path;
  const rest = headers.filter((header) => !hosts.includes(header));
  // Checked one by one: the codec's word for what is wrong in a head is only that something is.
  for (const [name, value] of rest) field(name, utf8(value));
  const lines = [
    `${method} ${target} HTTP/1.1`,
    `host: ${authority}`,
    ...rest.map(([name, value]) => `${name}: ${value}`),
  ];
  const broken = lines.find((line) => /[\r\n]/.test(line));
  if (broken !== undefined) throw new TypeError(`${JSON.stringify(broken)} is not one line`);
  return utf8(lines.map((line) => `${line}\r\n`).join(""));
}

/** A field is an object of its own: what is still there was not touched. */
function changedNames(before: readonly HeaderField[], after: readonly HeaderField[]): string[] {
  const isChanged = (field: HeaderField): boolean => before.includes(field) !== after.includes(field);
  return [...new Set([...before, ...after].filter(isChanged).map(({ name }) => name))];
}

/** A character a byte. */
function utf8(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function judgeUnderscores(headers: RequestHeaderMap, { underscores }: HcmModel): EarlyAnswer | null {
  const { fields } = headers;
  for (let i = fields.length - 1; i >= 0; i--) {
    if (underscores === "allow" || !fields[i]!.name.includes("_")) continue;
    if (underscores === "reject") return { status: 400, details: "http1.unexpected_underscore" };
    fields.splice(i, 1);
  }
  return null;
}

function judgePath(headers: RequestHeaderMap, hcm: HcmModel): EarlyAnswer | null {
  if (headers.method === "CONNECT") return null;
  if (!headers.path.startsWith("/")) return { status: 404, details: "absolute_path_rejected" };
  const normalizer = new PathNormalizer(hcm);
  const action = normalizer.normalize(headers.path);
  const details = "path_normalization_failed";
  if (action === PathAction.reject || (action === PathAction.redirect && isGrpc(headers)))
    return { status: 400, details };
  if (action === PathAction.redirect) return { status: 307, details };
  headers.path = normalizer.path;
  return null;
}

function localAddress(address: AddressModel): AddressInfo {
  if (address.kind === "pipe") return { address: address.path, ip: "", port: 0 };
  return { address: `${address.host}:${address.port}`, ip: address.host, port: address.port };
}
