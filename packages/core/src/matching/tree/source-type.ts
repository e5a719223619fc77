/** Whether a connection comes from this machine. Envoy: isSameIpOrLoopback. */
import type { AddressInfo } from "@sluice/sdk";

export function isLocalSource(source: AddressInfo, local: AddressInfo): boolean {
  // A Unix socket has no IP, and no other machine at its end.
  if (source.ip === "") return true;
  return source.ip === local.ip || isLoopback(source.ip);
}

function isLoopback(ip: string): boolean {
  return ip === "::1" || ip.startsWith("127.") || ip.startsWith("::ffff:127.");
}
