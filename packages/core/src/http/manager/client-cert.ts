/** Hot path. The x-forwarded-client-cert header: what is told of the client's certificate, by whom. Envoy: mutateXfccRequestHeader. */
import type { TlsInfo } from "@sluice/sdk";
import type { ClientCertModel } from "../../config/model.ts";
import { toBytes } from "../../formatter/bytes.ts";
import { type PeerCertificate, peerCertificateOf } from "../../network/tls/peer-certificate.ts";
import { HeaderField, KNOWN } from "../headers/field.ts";
import type { HeaderMap } from "../headers/header-map.ts";

const NAME = "x-forwarded-client-cert";

export function forwardClientCert(headers: HeaderMap, tls: TlsInfo | null, rules: ClientCertModel): void {
  const { mode } = rules;
  if (mode === "always_forward_only") return;
  // Without a certificate of the client's own nobody vouches for what it says of others.
  if (mode === "sanitize" || tls === null || !tls.peerCertificatePresented) {
    headers.deleteKnown(KNOWN.xForwardedClientCert);
    return;
  }
  if (mode === "forward_only") return;
  const certificate = peerCertificateOf(tls);
  let value = certificate === undefined ? "" : certificate.element(rules, tls, elementOf);
  if (mode === "append_forward") value = appended(headers, value);
  if (value === "") headers.deleteKnown(KNOWN.xForwardedClientCert);
  else headers.setField(new HeaderField(NAME, value));
}

/** Behind what proxies in front have said, all lines of it. */
function appended(headers: HeaderMap, element: string): string {
  let before = "";
  for (const { known, value } of headers.fields)
    if (known === KNOWN.xForwardedClientCert) before = before === "" ? value : `${before},${value}`;
  if (before === "") return element;
  return element === "" ? before : `${before},${element}`;
}

/** One element, as Envoy orders it: `By=…;Hash=…;Cert="…";Chain="…";Subject="…";URI=…;DNS=…`. */
function elementOf(certificate: PeerCertificate, rules: ClientCertModel, tls: TlsInfo): string {
  const pairs = certificate.localUriSans.map((uri) => `By=${quoted(uri)}`);
  pairs.push(`Hash=${certificate.fingerprint256}`);
  if (rules.cert) pairs.push(`Cert="${certificate.encodedPem}"`);
  if (rules.chain) pairs.push(`Chain="${certificate.encodedChain}"`);
  if (rules.subject) pairs.push(`Subject="${escaped(tls.peerSubject)}"`);
  if (rules.uri) {
    // The key is there even where there is no such name.
    if (tls.peerUriSans.length === 0) pairs.push("URI=");
    for (const uri of tls.peerUriSans) pairs.push(`URI=${quoted(uri)}`);
  }
  if (rules.dns) for (const dns of tls.peerDnsSans) pairs.push(`DNS=${quoted(dns)}`);
  return pairs.join(";");
}

/** Names are the client's: one with a separator in it must not pass for another pair or element. */
function quoted(value: string): string {
  return /^[^\s,;="\\]*$/.test(value) ? safe(value) : `"${escaped(value)}"`;
}

/** RFC 2253 has escaped quotes already, with a backslash; a lonely backslash at the end would escape ours. */
function escaped(value: string): string {
  return safe(value).replace(/\\[\s\S]?|"/g, (found) => (found === '"' ? '\\"' : found === "\\" ? "" : found));
}

/** UTF-8 bytes without controls. */
function safe(value: string): string {
  // oxlint-disable-next-line no-control-regex -- these are the bytes that go
  return toBytes(value).replace(/[\x00-\x1f\x7f]/g, "");
}
