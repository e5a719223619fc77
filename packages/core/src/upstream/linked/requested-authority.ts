/** What a client may name as a host: checked before anything is asked or kept. */
import { isIP, isIPv6 } from "node:net";

export interface RequestedAuthority {
  /** Lower case; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Of what is kept: host and port. */
  readonly key: string;
}

/** RFC 1123, with underscores, which names in use have; labels of 63, names of 253 characters. */
const NAME = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?$/;
/** What looks like an address and is none: `127.1`, `0x7f.1`, `2130706433`. A system's resolver may take it for one. */
const NUMERIC = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$/;

/** null: nobody can be asked for that. */
export function requestedAuthority(authority: string, defaultPort: number): RequestedAuthority | null {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9a-fA-F:.]{2,45})\]|([^:[\]]{1,254}))(?::([0-9]{1,5}))?$/.exec(authority) ?? [];
  const host = (bracketed ?? plain ?? "").toLowerCase();
  const port = digits === undefined ? defaultPort : Number(digits);
  if (port < 1 || port > 65_535) return null;
  const isHost = bracketed !== undefined ? isIPv6(host) : isIP(host) === 4 || (NAME.test(host) && !NUMERIC.test(host));
  return isHost ? { host, port, key: `${host} ${port}` } : null;
}
