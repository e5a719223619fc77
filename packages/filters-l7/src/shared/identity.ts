/**
 * Whom a request counts for: parts of a key (a header, the verified certificate, a claim in dynamic metadata, the client's network, a route, a fixed text), read from
 * configuration and taken from requests. Two different identities never make the same key, whatever clients send.
 */
import { createHash } from "node:crypto";
import type { AddressInfo, HttpStream, RequestHeaders } from "@sluice/sdk";
import { networkOf } from "./rate-limit/masked-address.ts";
import type { Section } from "./section.ts";

export type IdentityPart =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "certificate"; readonly field: CertificateField }
  | { readonly kind: "metadata"; readonly namespace: string; readonly path: readonly string[] }
  | { readonly kind: "remote_address"; readonly ipv4Prefix: number; readonly ipv6Prefix: number }
  | { readonly kind: "route" }
  | { readonly kind: "generic"; readonly value: string };

const CERTIFICATE_FIELDS = ["uri_san", "dns_san", "subject"] as const;
export type CertificateField = (typeof CERTIFICATE_FIELDS)[number];

const KINDS = ["header", "certificate", "metadata", "remote_address", "route", "generic"];
const METADATA = ["namespace", "path"];
const ADDRESS = ["ipv4_prefix", "ipv6_prefix"];
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** Longer keys, and those with other characters than these, are digested: nobody chooses where they are stored, nor how much they take. */
const PLAIN = /^[\w.:/@|=;-]{0,96}$/;

/** `key` of a limit: a list of parts. @throws ConfigError */
export function parseIdentity(section: Section, key: string): readonly IdentityPart[] {
  const parts = section.list(key, KINDS);
  if (parts.length === 0) throw section.wrong(key, `expected a list with one or more of ${KINDS.join(", ")}`);
  return parts.map(parsePart);
}

function parsePart(part: Section): IdentityPart {
  const [kind, ...others] = KINDS.filter((candidate) => part.has(candidate));
  if (kind === undefined || others.length > 0)
    throw part.wrong(kind ?? KINDS[0]!, `expected one of ${KINDS.join(", ")}`);
  if (kind === "header") return { kind, name: parseHeader(part) };
  if (kind === "certificate") return { kind, field: parseField(part) };
  if (kind === "metadata") return parseMetadata(part);
  if (kind === "remote_address") return parseAddress(part);
  if (kind === "route") {
    if (part.get("route") !== true) throw part.wrong("route", "expected true");
    return { kind };
  }
  const value = part.string("generic");
  if (value === "") throw part.wrong("generic", "expected a text");
  return { kind: "generic", value };
}

function parseHeader(part: Section): string {
  const name = part.string("header").toLowerCase();
  if (name !== ":authority" && name !== ":method" && !TOKEN.test(name))
    throw part.wrong("header", "expected the name of a header, :authority or :method");
  return name;
}

function parseField(part: Section): CertificateField {
  const field = CERTIFICATE_FIELDS.find((candidate) => candidate === part.get("certificate"));
  if (field === undefined) throw part.wrong("certificate", `expected one of ${CERTIFICATE_FIELDS.join(", ")}`);
  return field;
}

function parseMetadata(part: Section): IdentityPart {
  const metadata = part.section("metadata", METADATA)!;
  const namespace = metadata.string("namespace");
  if (namespace === "") throw metadata.wrong("namespace", "expected the namespace of the metadata");
  const path = metadata.get("path");
  if (!Array.isArray(path) || path.length === 0 || !path.every((step) => typeof step === "string" && step !== ""))
    throw metadata.wrong("path", "expected a list of keys, from the outermost to the value");
  return { kind: "metadata", namespace, path: path as string[] };
}

function parseAddress(part: Section): IdentityPart {
  const whole = part.get("remote_address") === true;
  const address = whole ? null : part.section("remote_address", ADDRESS)!;
  return {
    kind: "remote_address",
    ipv4Prefix: address === null ? 32 : address.integer("ipv4_prefix", 32, 1, 32),
    // A subscriber has a /64 at least, and could come from another address of it each time.
    ipv6Prefix: address === null ? 64 : address.integer("ipv6_prefix", 64, 1, 128),
  };
}

/** The key of a request; null where it lacks one of the parts. */
export function identityOf(
  parts: readonly IdentityPart[],
  headers: RequestHeaders,
  stream: Pick<HttpStream, "info" | "metadata" | "route">,
): string | null {
  let key = "";
  for (let i = 0; i < parts.length; i++) {
    const value = valueOf(parts[i]!, headers, stream);
    if (value === "") return null;
    // With its length in front a value cannot pass for two.
    key = parts.length === 1 ? value : `${key}${value.length}:${value};`;
  }
  return key;
}

/** A key as a name in a store: as it is where it is short and plain, else its digest. */
export function storedName(key: string): string {
  return PLAIN.test(key) ? `=${key}` : `#${createHash("sha256").update(key).digest("base64url")}`;
}

function valueOf(
  part: IdentityPart,
  headers: RequestHeaders,
  stream: Pick<HttpStream, "info" | "metadata" | "route">,
): string {
  switch (part.kind) {
    case "header":
      if (part.name === ":authority") return headers.authority.toLowerCase();
      return part.name === ":method" ? headers.method : (headers.get(part.name) ?? "");
    case "certificate":
      return certificateOf(part.field, stream);
    case "metadata":
      return textAt(stream.metadata.get(part.namespace), part.path);
    case "remote_address":
      return addressOf(stream.info.remote, part.ipv4Prefix, part.ipv6Prefix);
    case "route":
      return stream.route === undefined ? "" : `${stream.route.virtualHost}/${stream.route.name}`;
    case "generic":
      return part.value;
  }
}

/** Of a certificate that was verified: any other is whatever the client wrote into it. */
function certificateOf(field: CertificateField, { info }: Pick<HttpStream, "info">): string {
  const { tls } = info.connection;
  if (tls === null || !tls.peerCertificateVerified) return "";
  if (field === "subject") return tls.peerSubject;
  return (field === "uri_san" ? tls.peerUriSans : tls.peerDnsSans)[0] ?? "";
}

function textAt(values: unknown, path: readonly string[]): string {
  let value = values;
  for (let i = 0; i < path.length; i++) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, path[i]!)) return "";
    value = (value as Readonly<Record<string, unknown>>)[path[i]!];
  }
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function addressOf({ ip, address }: AddressInfo, ipv4Prefix: number, ipv6Prefix: number): string {
  return ip === "" ? address : networkOf(ip, ipv4Prefix, ipv6Prefix);
}
