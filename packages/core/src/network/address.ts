/** Addresses in the forms that logs, statistics and filters show: `1.2.3.4:80`, `[::1]:80`, the path of a Unix socket. */
import type { AddressInfo } from "@sluice/sdk";
import type { AddressModel } from "../config/model.ts";

/** Where the kernel tells no address: the peer was gone before it could be asked. */
export const UNKNOWN_ADDRESS: AddressInfo = Object.freeze({ address: "", ip: "", port: 0 });

const MAPPED_V4 = "::ffff:";

export function ipAddress(host: string | undefined, port: number | undefined): AddressInfo {
  if (host === undefined || port === undefined) return UNKNOWN_ADDRESS;
  // A dual-stack listener shows IPv4 clients as mapped addresses; everything above speaks of them as IPv4.
  const ip = host.startsWith(MAPPED_V4) && host.includes(".") ? host.slice(MAPPED_V4.length) : host;
  return { address: ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`, ip, port };
}

export function pipeAddress(path: string): AddressInfo {
  return { address: path, ip: "", port: 0 };
}

export function addressOf(model: AddressModel): AddressInfo {
  return model.kind === "pipe" ? pipeAddress(model.path) : ipAddress(model.host, model.port);
}
