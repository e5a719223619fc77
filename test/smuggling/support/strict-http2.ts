// What RFC 9113 section 8 says of a message, and what RFC 9112 asks of one that HTTP/1 has to carry on: own rules, nothing of the proxy's codec.
import { type Pair, isHost, isTarget, isToken, isValue } from "./strict-http1.ts";

export interface Http2Message {
  readonly head: readonly Pair[];
  readonly body: string;
  readonly trailers: readonly Pair[] | null;
}

const OF_ONE_CONNECTION = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);
const NEVER_TRAILERS = new Set([...OF_ONE_CONNECTION, "host", "content-length", "te", "trailer"]);
const IN_REQUESTS = [":method", ":scheme", ":path", ":authority"];

/** What is wrong with a field, wherever it stands; "" where nothing is. */
function fieldFault([name, value]: Pair): string {
  const bare = name.replace(/^:/, "");
  if (!isToken(bare) || bare !== bare.toLowerCase()) return `the name ${JSON.stringify(name)}`;
  if (!isValue(value)) return `the value of ${name}: ${JSON.stringify(value)}`;
  if (OF_ONE_CONNECTION.has(name)) return `the field ${name}`;
  if (name === "te" && value.toLowerCase() !== "trailers") return `te: ${value}`;
  return "";
}

function sectionFault({ head, body, trailers }: Http2Message, pseudo: readonly string[], hasBody: boolean): string {
  let regular = false;
  for (const pair of [...head, ...(trailers ?? [])]) {
    const fault = fieldFault(pair);
    if (fault !== "") return fault;
  }
  const seen = new Set<string>();
  for (const [name] of head) {
    if (!name.startsWith(":")) {
      regular = true;
      continue;
    }
    if (regular || seen.has(name) || !pseudo.includes(name)) return `${name} misplaced, twice or unknown`;
    seen.add(name);
  }
  for (const [name] of trailers ?? [])
    if (name.startsWith(":") || NEVER_TRAILERS.has(name)) return `the trailer ${name}`;
  const lengths = head.filter(([name]) => name === "content-length").map(([, value]) => value);
  if (lengths.length > 1 || lengths.some((value) => !/^[0-9]+$/.test(value))) return `lengths ${lengths.join(" and ")}`;
  if (hasBody && lengths.length === 1 && Number(lengths[0]) !== body.length) return "another length than declared";
  return "";
}

/** "": legal. `isWhole`: the stream has ended, so that lengths can be compared. */
export function requestFault(message: Http2Message, isWhole = true): string {
  const fault = sectionFault(message, IN_REQUESTS, isWhole);
  if (fault !== "") return fault;
  const of = (name: string): string | undefined => message.head.find(([each]) => each === name)?.[1];
  const method = of(":method") ?? "";
  const authority = of(":authority");
  const hosts = message.head.filter(([name]) => name === "host").map(([, value]) => value);
  if (!isToken(method)) return `the method ${JSON.stringify(method)}`;
  if (hosts.length > 1) return "two hosts";
  const host = authority ?? hosts[0] ?? "";
  if (host === "" || !isHost(host)) return `the authority ${JSON.stringify(host)}`;
  if (hosts.length === 1 && hosts[0]!.toLowerCase() !== host.toLowerCase()) return "a host that is not the authority";
  if (method === "CONNECT") {
    if (of(":scheme") !== undefined || of(":path") !== undefined) return "a CONNECT with a path";
    return isTarget("CONNECT", host) ? "" : "a CONNECT without a port";
  }
  if (!/^https?$/.test(of(":scheme") ?? "")) return `the scheme ${JSON.stringify(of(":scheme"))}`;
  const path = of(":path") ?? "";
  return (path.startsWith("/") || path === "*") && isTarget(method, path) ? "" : `the path ${JSON.stringify(path)}`;
}

/** "": legal. */
export function responseFault(message: Http2Message, method: string, isWhole = true): string {
  const status = Number(message.head.find(([name]) => name === ":status")?.[1] ?? "");
  const isBodiless = method === "HEAD" || status === 204 || status === 304;
  const fault = sectionFault(message, [":status"], isWhole && !isBodiless);
  if (fault !== "") return fault;
  if (!/^[1-5][0-9]{2}$/.test(message.head[0]?.[1] ?? "") || status === 101) return `the status ${status}`;
  return isBodiless && message.body !== "" ? `a body with ${status}` : "";
}
