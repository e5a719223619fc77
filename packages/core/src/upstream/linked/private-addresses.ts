/** Addresses that lead into the proxy's own network: loopback, link-local (metadata services of clouds), private, shared and reserved ranges, and IPv6 that carries such IPv4. */
import { BlockList, isIPv6 } from "node:net";

// IANA's special-purpose registries (RFC 6890), without what is global.
const V4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const;
/** Mapped and translated IPv4 (NAT64, 6to4, Teredo) too: what comes out at the other end is not for this side to know. */
const V6 = [
  ["::", 96],
  ["::ffff:0:0", 96],
  ["::ffff:0:0:0", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
  ["5f00::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const;

// Two lists: to a BlockList every IPv4 address is a mapped one, too.
const v4 = new BlockList();
const v6 = new BlockList();
for (const [net, bits] of V4) v4.addSubnet(net, bits, "ipv4");
for (const [net, bits] of V6) v6.addSubnet(net, bits, "ipv6");

/** `ip`: an address that is one. */
export function isPrivateAddress(ip: string): boolean {
  return isIPv6(ip) ? v6.check(ip.replace(/%.*$/, ""), "ipv6") : v4.check(ip, "ipv4");
}
