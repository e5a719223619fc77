// Holds what came out of the proxy against what went in, both as the strict readers see it. Ambiguous is what any reader may take for something else than was sent.
import { originOf } from "./http1-origin.ts";
import { PARTS, type SeenRequest } from "./seen.ts";
import { type Message, readAll, readRequest, readResponse, valuesOf } from "./strict-http1.ts";
import { type Http2Message, requestFault, responseFault } from "./strict-http2.ts";

/** `declined`: refused although a strict reader takes it. `repaired`: not legal as it was sent, and one clear message where it came out. */
export type Outcome = "forwarded" | "refused" | "declined" | "repaired" | "ambiguous";

export interface Verdict {
  readonly outcome: Outcome;
  /** Why it is ambiguous. */
  readonly why: string;
}

const ambiguous = (why: string): Verdict => ({ outcome: "ambiguous", why });

/** What a strict reader makes of what a client sent. */
export interface Sent {
  readonly requests: readonly SeenRequest[];
  /** Behind those requests there is nothing that is not legal. */
  readonly isLegal: boolean;
}

/** What came back to a client on one HTTP/1 connection, or on the streams of an HTTP/2 one: `id:part` of each final response, "" for one of the proxy's own. */
export interface Answered {
  readonly origins: readonly string[];
  /** "": every response is legal. */
  readonly fault: string;
}

export function sentByHttp1(bytes: string): Sent {
  const { messages, why } = readAll(bytes, (rest) => readRequest(rest, true));
  return { requests: messages.map(requestOf), isLegal: why === "" || why === "partial" };
}

export function sentByHttp2(message: Http2Message): Sent {
  const of = (name: string): string => message.head.find(([each]) => each === name)?.[1] ?? "";
  const follower = { part: "follower", method: "GET", target: "/follower", body: "" };
  if (requestFault(message) !== "") return { requests: [follower], isLegal: false };
  const main = { part: "main", method: of(":method"), target: of(":path"), body: message.body };
  return { requests: [main, follower], isLegal: true };
}

/** The streams of a case, in the order of their requests. */
export function answeredOverHttp2(streams: readonly (Response | null | string)[]): Answered {
  const origins: string[] = [];
  for (const response of streams) {
    if (typeof response === "string") return { origins, fault: response };
    origins.push(response?.origin ?? "");
  }
  return { origins, fault: "" };
}

/** Streams go their ways at once: what was seen of them, in the order in which they were opened. */
export function inOrder(seen: readonly SeenRequest[]): SeenRequest[] {
  return seen.toSorted((one, other) => PARTS.indexOf(one.part) - PARTS.indexOf(other.part));
}

function requestOf({ startLine, fields, body }: Message): SeenRequest {
  const [method = "", target = ""] = startLine.split(" ");
  const path = /^https?:\/\/[^/?]*(.*)$/i.exec(target)?.[1];
  const origin =
    path === undefined ? target : path === "" ? (method === "OPTIONS" ? "*" : "/") : path.replace(/^\?/, "/?");
  return { part: valuesOf(fields, "x-part")[0] ?? "", method, target: origin, body };
}

export function answeredOverHttp1(text: string, methods: readonly string[], isClosed: boolean): Answered {
  const responses = responsesOverHttp1(text, methods, isClosed);
  if (typeof responses === "string") return { origins: [], fault: responses };
  return { origins: responses.map(({ origin }) => origin), fault: "" };
}

function same(one: SeenRequest, other: SeenRequest): boolean {
  return (
    one.part === other.part && one.method === other.method && one.target === other.target && one.body === other.body
  );
}

/** A request's case: `faults` is what origins could not read. */
export function judgeRequest(
  id: string,
  sent: Sent,
  seen: readonly SeenRequest[],
  faults: readonly string[],
  answered: Answered,
): Verdict {
  if (faults.length > 0) return ambiguous(`at the origin: ${faults.join("; ")}`);
  if (answered.fault !== "") return ambiguous(`at the client: ${answered.fault}`);
  const origins = answered.origins.filter((origin) => origin !== "");
  if (origins.some((origin, i) => origin !== `${id}:${seen[i]?.part ?? "nothing"}`)) {
    return ambiguous(
      `the client was answered ${origins.join(", ")}, the origin saw ${seen.map(({ part }) => part).join(", ")}`,
    );
  }
  const extra = unexpected(sent.requests, seen, answered.origins);
  const isMain = ({ part }: SeenRequest): boolean => part === "main";
  if (extra === "") {
    if (seen.some(isMain)) return { outcome: "forwarded", why: "" };
    return { outcome: sent.requests.some(isMain) ? "declined" : "refused", why: "" };
  }
  if (!sent.isLegal && (extra === "main" || extra === "main,follower")) return { outcome: "repaired", why: "" };
  return ambiguous(`sent ${JSON.stringify(sent.requests)}, the origin saw ${JSON.stringify(seen)}`);
}

/** The parts that were seen and are not, as they are and in their order, among those that were sent. Left out may be what the proxy answered, and all from some point on. */
function unexpected(sent: readonly SeenRequest[], seen: readonly SeenRequest[], origins: readonly string[]): string {
  const extra: string[] = [];
  let at = 0;
  for (const request of seen) {
    let found = at;
    while (found < sent.length && !same(sent[found]!, request) && origins[found] === "") found++;
    if (found < sent.length && same(sent[found]!, request)) at = found + 1;
    else extra.push(request.part);
  }
  return extra.join();
}

/** A response as a client is to see it; null: none that is legal and whole. */
export interface Response {
  readonly status: number;
  readonly body: string;
  readonly origin: string;
}

export function sentByOrigin(bytes: string, method: string, ends: boolean): Response | null {
  let rest = bytes;
  for (;;) {
    const next = readResponse(rest, method, ends);
    if (next.kind !== "whole") return null;
    const response = responseOf(next.message);
    if (response.status === 101) return null;
    if (response.status >= 200) return response;
    rest = rest.slice(next.size);
  }
}

function responseOf({ startLine, fields, body }: Message): Response {
  return { status: Number(startLine.split(" ")[1]), body, origin: originOf(fields) };
}

/** The final responses that an HTTP/1 client saw, a last one that was cut off left out; or what is not legal about them. */
export function responsesOverHttp1(text: string, methods: readonly string[], isClosed: boolean): Response[] | string {
  let at = 0;
  const { messages, why } = readAll(text, (rest) => {
    const next = readResponse(rest, methods[at] ?? "GET", isClosed);
    if (next.kind === "whole" && !/^HTTP\/1\.. 1/.test(next.message.startLine)) at++;
    return next;
  });
  if (why !== "" && why !== "partial") return why;
  return messages.map(responseOf).filter(({ status }) => status >= 200);
}

/** One response of HTTP/2; null: it was cut off; or what is not legal about it. */
export function responseOverHttp2(
  sections: readonly Http2Message["head"][],
  body: string,
  method: string,
  ended: boolean,
): Response | null | string {
  const final = sections.findIndex(([status]) => status?.[0] !== ":status" || !status[1].startsWith("1"));
  const informational = sections.slice(0, final === -1 ? sections.length : final);
  const [head, trailers = null, ...more] = sections.slice(informational.length);
  for (const each of informational) {
    const fault = responseFault({ head: each, body: "", trailers: null }, method, false);
    if (fault !== "") return fault;
  }
  if (head === undefined) return null;
  const fault = more.length > 0 ? "three sections" : responseFault({ head, body, trailers }, method, ended);
  if (fault !== "") return fault;
  return ended ? { status: Number(head[0]![1]), body, origin: originOf(head) } : null;
}

/** A response's case: `seen` is what the client of the request saw, then of the follower. `sent`: see {@link sentByOrigin}. */
export function judgeResponse(
  id: string,
  sent: Response | null,
  seen: readonly (Response | null)[] | string,
  faults: readonly string[],
): Verdict {
  if (faults.length > 0) return ambiguous(`at the origin: ${faults.join("; ")}`);
  if (typeof seen === "string") return ambiguous(`at the client: ${seen}`);
  const [main = null, follower = null, ...more] = seen;
  if (more.length > 0) return ambiguous(`${seen.length} responses to two requests`);
  if (follower !== null && follower.origin !== "" && follower.origin !== `${id}:follower`) {
    return ambiguous(`the follower was answered by ${follower.origin}`);
  }
  if (main === null || (main.origin === "" && main.status >= 500))
    return { outcome: sent === null ? "refused" : "declined", why: "" };
  if (sent === null) {
    return main.origin === `${id}:main` ? { outcome: "repaired", why: "" } : ambiguous(`answered by ${main.origin}`);
  }
  if (main.status !== sent.status || main.body !== sent.body || main.origin !== sent.origin) {
    return ambiguous(`sent ${JSON.stringify(sent)}, the client saw ${JSON.stringify(main)}`);
  }
  return { outcome: "forwarded", why: "" };
}
