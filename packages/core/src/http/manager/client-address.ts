/** Hot path. Who the client is: addresses in headers that proxies in front have set. Envoy: Utility::getLastAddressFromXFF, original_ip_detection extensions. */
import type { AddressInfo } from "@sluice/sdk";
import { isIP } from "node:net";
import type { IpDetectionModel } from "../../config/model.ts";
import type { HeaderField } from "../headers/field.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";

/** The address that stands `skip` places before the end of the list; null where there is none, or what stands there is no address. */
export function addressFromEnd(list: string, skip: number): AddressInfo | null {
  let end = list.length;
  for (let i = 0; i < skip; i++) {
    end = list.lastIndexOf(",", end - 1);
    if (end <= 0) return null;
  }
  const start = list.lastIndexOf(",", end - 1) + 1;
  return addressOf(list.slice(start, end).trim());
}

function addressOf(ip: string): AddressInfo | null {
  const family = isIP(ip);
  if (family === 0) return null;
  return { address: family === 6 ? `[${ip}]:0` : `${ip}:0`, ip, port: 0 };
}

/** What the configured ways of finding the client came to; one object per thread, used again for every request. */
export class IpDetection {
  /** null: nobody knows better than the socket. */
  address: AddressInfo | null = null;
  /** The address may make the request an internal one. */
  isTrusted = false;
  /** The request is to be refused with this status; 0: it is not. */
  rejectStatus = 0;

  detect(ways: readonly IpDetectionModel[], headers: RequestHeaderMap, xff: HeaderField | null): void {
    this.address = null;
    this.isTrusted = false;
    this.rejectStatus = 0;
    for (let i = 0; i < ways.length; i++) {
      const way = ways[i]!;
      if (way.kind === "xff") {
        if (xff === null) continue;
        this.address = addressFromEnd(xff.value, way.trustedHops);
        this.isTrusted = !xff.value.includes(",");
      } else {
        const named = headers.find(way.header);
        this.address = named === null ? null : addressOf(named.value.trim());
        this.isTrusted = way.isTrusted;
        if (this.address === null) this.rejectStatus = way.rejectStatus;
      }
      if (this.address !== null || this.rejectStatus !== 0) return;
    }
    this.isTrusted = false;
  }
}
