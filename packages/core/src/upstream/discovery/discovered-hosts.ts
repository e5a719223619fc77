/** What a third party's discovery says of hosts, checked and copied: nothing of its objects stays, and a list with one wrong host is none. */
import { isIP } from "node:net";
import { BALANCING_NAMESPACE } from "../../config/balancing-model.ts";
import type { HostMetadataModel, Json } from "../../config/model.ts";
import { type HostModel, addressKey } from "../host.ts";

const HEALTHS = ["healthy", "unhealthy", "draining", "degraded"] as const;
const FIELDS = ["address", "hostname", "weight", "priority", "locality", "health", "metadata"];
const LOCALITY_FIELDS = ["region", "zone", "subZone", "weight"];
const MOST_PRIORITY = 127;
const MOST_WEIGHT = 2 ** 32 - 1;

/** @throws TypeError that says which host is wrong, and how. */
export function readDiscoveredHosts(hosts: unknown): HostModel[] {
  if (!Array.isArray(hosts)) throw new TypeError(`update was given ${shown(hosts)}, expected a list of hosts`);
  const seen = new Set<string>();
  return hosts.map((host: unknown, i) => {
    const model = readHost(host, `hosts[${i}]`);
    const key = addressKey(model.address);
    if (seen.has(key)) throw new TypeError(`hosts[${i}]: the address ${key} is in the list already`);
    seen.add(key);
    return model;
  });
}

type Fields = Readonly<Record<string, unknown>>;

function readHost(value: unknown, at: string): HostModel {
  const host = fieldsOf(value, FIELDS, at);
  const { health = "healthy", hostname = "", metadata } = host;
  if (typeof hostname !== "string") throw wrong(`${at}.hostname`, hostname, "a text");
  if (!HEALTHS.includes(health as never)) throw wrong(`${at}.health`, health, `one of ${HEALTHS.join(", ")}`);
  const priority = wholeOf(host["priority"], 0, 0, MOST_PRIORITY, `${at}.priority`);
  const locality = localityOf(host["locality"], `${at}.locality`);
  return {
    address: addressOf(host["address"], `${at}.address`),
    hostname,
    weight: wholeOf(host["weight"], 1, 1, MOST_WEIGHT, `${at}.weight`),
    health: health as HostModel["health"],
    ...(priority !== 0 && { priority }),
    ...(locality !== undefined && { locality }),
    ...(metadata !== undefined && { metadata: metadataOf(metadata, `${at}.metadata`) }),
  };
}

/** A path, or an IP address with a port: where a name led would be nobody's business afterwards. */
function addressOf(value: unknown, at: string): HostModel["address"] {
  const expected = "ip:port, [ipv6]:port or the path of a socket";
  if (typeof value !== "string") throw wrong(at, value, expected);
  if (value.startsWith("/")) return { kind: "pipe", path: value, mode: 0 };
  const [, v6, v4, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(value) ?? [];
  const host = v6 ?? v4 ?? "";
  const port = Number(digits);
  if (isIP(host) !== (v6 === undefined ? 4 : 6) || !(port >= 1 && port <= 65_535)) throw wrong(at, value, expected);
  return { kind: "ip", host, port };
}

function localityOf(value: unknown, at: string): HostModel["locality"] {
  if (value === undefined) return undefined;
  const fields = fieldsOf(value, LOCALITY_FIELDS, at);
  const name = (key: string): string => {
    const text = fields[key] ?? "";
    if (typeof text !== "string") throw wrong(`${at}.${key}`, text, "a text");
    return text;
  };
  const weight = wholeOf(fields["weight"], 0, 0, MOST_WEIGHT, `${at}.weight`);
  return { region: name("region"), zone: name("zone"), subZone: name("subZone"), weight };
}

/** A copy: workers get it as a message. Of the namespace that balancing reads. */
function metadataOf(value: unknown, at: string): HostMetadataModel {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(at, value, "a mapping");
  try {
    return { [BALANCING_NAMESPACE]: JSON.parse(JSON.stringify(value)) as Record<string, Json> };
  } catch {
    throw new TypeError(`${at} is not JSON-like`);
  }
}

function fieldsOf(value: unknown, known: readonly string[], at: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(at, value, "a mapping");
  for (const key of Object.keys(value))
    if (!known.includes(key)) throw new TypeError(`${at}: unknown field "${key}", expected one of ${known.join(", ")}`);
  return value as Fields;
}

function wholeOf(value: unknown, unless: number, least: number, most: number, at: string): number {
  if (value === undefined) return unless;
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
    throw wrong(at, value, `a whole number from ${least} to ${most}`);
  return value as number;
}

function wrong(at: string, value: unknown, expected: string): TypeError {
  return new TypeError(`${at} is ${shown(value)}, expected ${expected}`);
}

function shown(value: unknown): string {
  if (value === null || typeof value !== "object")
    return typeof value === "string" ? JSON.stringify(value) : String(value);
  return Array.isArray(value) ? "a list" : "a mapping";
}
