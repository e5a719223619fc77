// The ways of the corpus through the proxy: each asks with every case, and lets the judge say what became of it.
import { FOLLOWER, type Http1Case } from "../corpus/http1.ts";
import type { Http2Case } from "../corpus/http2.ts";
import type { Http2ResponseCase, ResponseCase } from "../corpus/responses.ts";
import { askOverHttp1, askOverHttp2 } from "./clients.ts";
import type { PeerStream } from "./http2-peer.ts";
import {
  type Response,
  answeredOverHttp1,
  answeredOverHttp2,
  inOrder,
  judgeRequest,
  judgeResponse,
  responseOverHttp2,
  responsesOverHttp1,
  sentByHttp1,
  sentByHttp2,
  sentByOrigin,
} from "./judge.ts";
import { CASE } from "./seen.ts";
import type { Pair } from "./strict-http1.ts";
import type { Http2Message } from "./strict-http2.ts";
import { Tally } from "./tally.ts";
import type { World } from "./world.ts";

/** What the ways lead through. */
export type Between = Pick<World, "seen" | "answers" | "frames" | "portOf">;

const AT_ONCE = 64;

export type Upstream = "HTTP/1" | "HTTP/2";
export type Downstream = "HTTP/1" | "HTTP/2";

export class Runs {
  readonly tally = new Tally();
  readonly #world: Between;

  constructor(world: Between) {
    this.#world = world;
  }

  /** `parts`: in how many writes a request leaves. */
  async http1Requests(cases: readonly Http1Case[], upstream: Upstream | "lenient", parts: number): Promise<void> {
    const { seen } = this.#world;
    await this.#all(cases, async ({ name, bytes, listener }, id) => {
      const whole = (bytes + FOLLOWER).replaceAll(CASE, id);
      const sent = sentByHttp1(whole);
      const port = this.#world.portOf(upstream === "HTTP/1" ? listener : upstream === "HTTP/2" ? "http2" : "lenient");
      const { text, isClosed } = await askOverHttp1(port, id, pieces(whole, parts));
      const methods = sent.requests.map(({ method }) => method);
      const answered = answeredOverHttp1(text, methods, isClosed);
      const verdict = judgeRequest(id, sent, seen.of(id), seen.faultsOf(id), answered);
      this.tally.add(`requests HTTP/1 → ${upstream}`, name, verdict);
    });
  }

  async http2Requests(cases: readonly Http2Case[], upstream: Upstream): Promise<void> {
    const { seen } = this.#world;
    await this.#all(cases, async ({ name, message }, id) => {
      const own = withId(message, id);
      const streams = await askOverHttp2(this.#world.portOf(upstream === "HTTP/2" ? "http2" : "plain"), id, own);
      const method = own.head.find(([each]) => each === ":method")?.[1] ?? "GET";
      const answered = answeredOverHttp2([1, 3].map((each) => responseOn(streams, each, each === 1 ? method : "GET")));
      const verdict = judgeRequest(id, sentByHttp2(own), inOrder(seen.of(id)), seen.faultsOf(id), answered);
      this.tally.add(`requests HTTP/2 → ${upstream}`, name, verdict);
    });
  }

  async http1Responses(cases: readonly ResponseCase[], downstream: Downstream, listener = "plain"): Promise<void> {
    const { answers, seen } = this.#world;
    await this.#all(cases, async ({ name, method, bytes, ends }, id) => {
      const own = bytes.replaceAll(CASE, id);
      answers.set(id, { bytes: own, ends });
      const responses = await this.#askPlain(downstream, listener, method, id);
      const verdict = judgeResponse(id, sentByOrigin(own, method, ends), responses, seen.faultsOf(id));
      this.tally.add(`responses HTTP/1 → ${downstream}`, name, verdict);
    });
  }

  /** One after the other: what is not legal costs the connection to the origin, and others would be lost with it. */
  async http2Responses(cases: readonly Http2ResponseCase[], downstream: Downstream): Promise<void> {
    const { frames, seen } = this.#world;
    await this.#all(
      cases,
      async ({ name, message }, id) => {
        const own = withId(message, id);
        frames.set(id, own);
        const { head, body, trailers } = own;
        const sections = trailers === null ? [head] : [head, trailers];
        const sent = responseOverHttp2(sections, body, "GET", true);
        const responses = await this.#askPlain(downstream, "http2", "GET", id);
        const verdict = judgeResponse(id, typeof sent === "string" ? null : sent, responses, seen.faultsOf(id));
        this.tally.add(`responses HTTP/2 → ${downstream}`, name, verdict);
      },
      1,
    );
  }

  /** A plain request and its follower. */
  async #askPlain(
    downstream: Downstream,
    listener: string,
    method: string,
    id: string,
  ): Promise<readonly (Response | null)[] | string> {
    const port = this.#world.portOf(listener);
    if (downstream === "HTTP/2") {
      const streams = await askOverHttp2(port, id, withId(plainRequest(method), id));
      const seen: (Response | null)[] = [];
      for (const [streamId, of] of [
        [1, method],
        [3, "GET"],
      ] as const) {
        const response = responseOn(streams, streamId, of);
        if (typeof response === "string") return response;
        seen.push(response);
      }
      return seen;
    }
    const main = `${method} /main HTTP/1.1\r\nhost: a.example\r\nx-case: ${CASE}\r\nx-part: main\r\n\r\n`;
    const { text, isClosed } = await askOverHttp1(port, id, [(main + FOLLOWER).replaceAll(CASE, id)]);
    return responsesOverHttp1(text, [method, "GET"], isClosed);
  }

  #all<T>(cases: readonly T[], run: (item: T, id: string) => Promise<void>, atOnce = AT_ONCE): Promise<void> {
    let next = 0;
    const one = async (): Promise<void> => {
      while (next < cases.length) await run(cases[next++]!, this.#world.seen.newId());
    };
    return Promise.all(Array.from({ length: atOnce }, one)).then(() => {});
  }
}

/** Cut at places that depend on the text alone. */
function pieces(text: string, parts: number): string[] {
  const all: string[] = [];
  let from = 0;
  for (let part = 1; part < parts; part++) {
    const to = Math.max(from + 1, Math.floor((text.length * part) / parts));
    all.push(text.slice(from, to));
    from = to;
  }
  return [...all, text.slice(from)];
}

function withId({ head, body, trailers }: Http2Message, id: string): Http2Message {
  const own = (pairs: readonly Pair[]): Pair[] => pairs.map(([name, value]) => [name, value.replaceAll(CASE, id)]);
  return { head: own(head), body: body.replaceAll(CASE, id), trailers: trailers === null ? null : own(trailers) };
}

function plainRequest(method: string): Http2Message {
  const head: Pair[] = [
    [":method", method],
    [":scheme", "http"],
    [":path", "/main"],
    [":authority", "a.example"],
    ["x-case", CASE],
    ["x-part", "main"],
  ];
  return { head, body: "", trailers: null };
}

function responseOn(streams: readonly PeerStream[], id: number, method: string): Response | null | string {
  const stream = streams.find((each) => each.id === id);
  return stream === undefined ? null : responseOverHttp2(stream.sections, stream.body, method, stream.ended);
}
