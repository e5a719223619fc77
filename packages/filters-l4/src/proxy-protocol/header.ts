/** The header of the PROXY protocol, both versions (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt): bytes in, addresses out. */
import { isIPv4, isIPv6 } from "node:net";

export const V1_PREFIX = Buffer.from("PROXY ", "latin1");
export const V2_SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
/** With its line break; section 2.1. */
const V1_MAX_BYTES = 107;
const V2_FIXED_BYTES = 16;
export const LARGEST_HEADER_BYTES = V2_FIXED_BYTES + 0xffff;

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

export interface ProxyHeader {
  readonly length: number;
  /** null: the connection is the proxy's own, or it does not know the client (LOCAL, UNKNOWN). */
  readonly source: Endpoint | null;
  readonly destination: Endpoint | null;
  /** Version 2: what follows the addresses. */
  readonly tlvs: Uint8Array;
}

/** `incomplete`: more bytes are needed. `malformed`: it begins as a header and is none. */
export type ParsedHeader = ProxyHeader | "incomplete" | "malformed";

const NO_BYTES = new Uint8Array(0);
const CR = 13;
const LF = 10;

/** Whether the bytes begin as `mark` does, as far as they go. */
export function beginsAs(data: Uint8Array, mark: Uint8Array): boolean {
  const length = Math.min(data.length, mark.length);
  for (let i = 0; i < length; i++) if (data[i] !== mark[i]) return false;
  return true;
}

/** `data` begins with {@link V1_PREFIX}, as far as it goes. */
export function parseV1(data: Uint8Array): ParsedHeader {
  const limit = Math.min(data.length, V1_MAX_BYTES);
  const end = data.subarray(0, limit).indexOf(LF);
  if (end === -1) return data.length < V1_MAX_BYTES ? "incomplete" : "malformed";
  if (data[end - 1] !== CR) return "malformed";
  const words = Buffer.from(data.buffer, data.byteOffset, end - 1)
    .toString("latin1")
    .split(" ");
  const [, protocol, source = "", destination = "", sourcePort = "", destinationPort = ""] = words;
  const length = end + 1;
  // What follows UNKNOWN is to be ignored.
  if (protocol === "UNKNOWN") return { length, source: null, destination: null, tlvs: NO_BYTES };
  const isAddress = protocol === "TCP4" ? isIPv4 : protocol === "TCP6" ? isPlainIPv6 : null;
  if (isAddress === null || words.length !== 6) return "malformed";
  if (!isAddress(source) || !isAddress(destination)) return "malformed";
  const from = endpoint(source, portOf(sourcePort));
  const to = endpoint(destination, portOf(destinationPort));
  return from === null || to === null ? "malformed" : { length, source: from, destination: to, tlvs: NO_BYTES };
}

/** A zone (`%eth0`) means something on one machine alone. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes("%");
}

function portOf(text: string): number {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) ? Number(text) : -1;
}

/** Values of the fields. */
const V2 = { local: 0, proxy: 1, inet: 1, inet6: 2, stream: 1, datagram: 2 } as const;

/** `data` begins with {@link V2_SIGNATURE}, as far as it goes. */
export function parseV2(data: Uint8Array): ParsedHeader {
  if (data.length < V2_FIXED_BYTES) return "incomplete";
  const version = data[12]! >> 4;
  const command = data[12]! & 15;
  const family = data[13]! >> 4;
  const transport = data[13]! & 15;
  const length = V2_FIXED_BYTES + ((data[14]! << 8) | data[15]!);
  if (version !== 2 || command > V2.proxy) return "malformed";
  if (data.length < length) return "incomplete";
  if (command === V2.local) return { length, source: null, destination: null, tlvs: NO_BYTES };
  if (transport !== V2.stream && transport !== V2.datagram) return "malformed";
  const size = family === V2.inet ? 4 : family === V2.inet6 ? 16 : 0;
  const ports = V2_FIXED_BYTES + 2 * size;
  // Unix sockets and families that are not known: refused, as in Envoy.
  if (size === 0 || length < ports + 4) return "malformed";
  const textOf = size === 4 ? ipv4Text : ipv6Text;
  const source = endpoint(textOf(data, V2_FIXED_BYTES), (data[ports]! << 8) | data[ports + 1]!);
  const destination = endpoint(textOf(data, V2_FIXED_BYTES + size), (data[ports + 2]! << 8) | data[ports + 3]!);
  if (source === null || destination === null) return "malformed";
  return { length, source, destination, tlvs: data.subarray(ports + 4, length) };
}

/** The TLVs, in order; null where they do not add up. */
export function parseTlvs(
  bytes: Uint8Array,
): ReadonlyArray<{ readonly type: number; readonly value: Uint8Array }> | null {
  const found: { readonly type: number; readonly value: Uint8Array }[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + 3 > bytes.length) return null;
    const end = at + 3 + ((bytes[at + 1]! << 8) | bytes[at + 2]!);
    if (end > bytes.length) return null;
    found.push({ type: bytes[at]!, value: bytes.subarray(at + 3, end) });
    at = end;
  }
  return found;
}

/** null where it can be no end of a TCP connection: no port, or an address that is none of one host. */
function endpoint(ip: string, port: number): Endpoint | null {
  if (port < 0 || port > 0xffff) return null;
  const isUnicast = ip.includes(":")
    ? !/^ff/i.test(ip) && !/^[0:]*$/.test(ip)
    : ip !== "0.0.0.0" && ip !== "255.255.255.255" && !/^(?:22[4-9]|23\d)\./.test(ip);
  return isUnicast ? { ip, port } : null;
}

function ipv4Text(data: Uint8Array, at: number): string {
  return `${data[at]}.${data[at + 1]}.${data[at + 2]}.${data[at + 3]}`;
}

/** RFC 5952. */
function ipv6Text(data: Uint8Array, at: number): string {
  const groups: number[] = [];
  for (let i = at; i < at + 16; i += 2) groups.push((data[i]! << 8) | data[i + 1]!);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return `::ffff:${ipv4Text(data, at + 12)}`;
  let from = -1;
  let longest = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > longest) {
      from = i;
      longest = end - i;
    }
    if (end > i) i = end - 1;
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  return from === -1 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(from + longest))}`;
}
