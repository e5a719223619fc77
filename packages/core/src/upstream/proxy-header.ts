/**
 * The header of the PROXY protocol that connections to a host begin with (HAProxy's specification, versions 1 and 2): for whom they are. Without a client, version 1
 * tells the connection's own addresses, and version 2 says that it is our own (LOCAL), as Envoy does for health checks.
 */
import { isIPv4, isIPv6 } from "node:net";
import type { AddressInfo, ConnectionInfo, ProxyTlv } from "@sluice/sdk";
import type { ProxyProtocolModel } from "../config/model.ts";

/** Addresses of the connection to the host itself. */
export interface OwnAddresses {
  readonly local: AddressInfo;
  readonly remote: AddressInfo;
}

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const VERSION_2_LOCAL = 0x20;
const VERSION_2_PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
/** Two of IPv6 with their ports. */
const LARGEST_ADDRESSES = 36;

export function proxyHeader(model: ProxyProtocolModel, client: ConnectionInfo | null, own: OwnAddresses): Buffer {
  const source = client === null ? own.local : client.remote;
  const destination = client === null ? own.remote : client.local;
  if (model.version === 1) return Buffer.from(version1(source, destination), "latin1");
  if (client === null) return version2(VERSION_2_LOCAL, 0, EMPTY);
  return addressed(source, destination, passedTlvs(model, client.proxyTlvs ?? []));
}

function version1(source: AddressInfo, destination: AddressInfo): string {
  const family = familyOf(source, destination);
  if (family === 0) return "PROXY UNKNOWN\r\n";
  const [from, to] = family === 4 ? [source.ip, destination.ip] : [asIpv6(source.ip), asIpv6(destination.ip)];
  return `PROXY TCP${family} ${from} ${to} ${source.port} ${destination.port}\r\n`;
}

/** 0: one of them is no IP address (a Unix socket). IPv4 beside IPv6 is written as IPv6. */
function familyOf(source: AddressInfo, destination: AddressInfo): 0 | 4 | 6 {
  if (isIPv4(source.ip) && isIPv4(destination.ip)) return 4;
  const isIp = ({ ip }: AddressInfo): boolean => isIPv4(ip) || isIPv6(ip);
  return isIp(source) && isIp(destination) ? 6 : 0;
}

function asIpv6(ip: string): string {
  return isIPv4(ip) ? `::ffff:${ip}` : withoutZone(ip);
}

function withoutZone(ip: string): string {
  const percent = ip.indexOf("%");
  return percent === -1 ? ip : ip.slice(0, percent);
}

const EMPTY = Buffer.alloc(0);

function version2(command: number, family: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(16);
  SIGNATURE.copy(head);
  head[12] = command;
  head[13] = family;
  head.writeUInt16BE(payload.length, 14);
  return Buffer.concat([head, payload]);
}

/** Those that would make the header longer than it can be are left out, with all behind them. */
function passedTlvs({ passTlvs }: ProxyProtocolModel, tlvs: readonly ProxyTlv[]): Buffer {
  const parts: Buffer[] = [];
  let room = 0xffff - LARGEST_ADDRESSES;
  for (const { type, value } of tlvs) {
    if (passTlvs !== "all" && !passTlvs.includes(type)) continue;
    room -= 3 + value.length;
    if (room < 0) break;
    parts.push(Buffer.from([type, value.length >> 8, value.length & 255]), Buffer.from(value));
  }
  return Buffer.concat(parts);
}

function addressed(source: AddressInfo, destination: AddressInfo, tlvs: Buffer): Buffer {
  const family = familyOf(source, destination);
  // For somebody whose address no header can carry: UNSPEC.
  if (family === 0) return version2(VERSION_2_PROXY, 0, tlvs);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const addresses = family === 4 ? [ipv4(source.ip), ipv4(destination.ip)] : [ipv6(source.ip), ipv6(destination.ip)];
  return version2(
    VERSION_2_PROXY,
    family === 4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6,
    Buffer.concat([...addresses, ports, tlvs]),
  );
}

function ipv4(ip: string): Buffer {
  return Buffer.from(ip.split(".").map(Number));
}

/** The 16 bytes of an address in any of its spellings (RFC 4291 section 2.2). */
function ipv6(ip: string): Buffer {
  const plain = asIpv6(ip);
  const dotted = plain.includes(".") ? plain.slice(plain.lastIndexOf(":") + 1) : "";
  const tail = dotted === "" ? [] : [...ipv4(dotted)];
  const text =
    dotted === "" ? plain : plain.slice(0, plain.length - dotted.length - (plain.endsWith(`::${dotted}`) ? 0 : 1));
  const [head = "", rest] = text.split("::");
  const before = groups(head);
  const after = rest === undefined ? [] : groups(rest);
  const zeros = Array.from({ length: 16 - before.length - after.length - tail.length }, () => 0);
  return Buffer.from([...before, ...zeros, ...after, ...tail]);
}

function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}
