/** What `prober` can be told to do: hooks, by the name that the request gives. */
import {
  type DataVerdict,
  type FilterContext,
  type Headers,
  type HttpStream,
  type LocalReplyOptions,
  metadataKey,
  type Verdict,
} from "@sluice/sdk";

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
export const bytes = (value: string): Uint8Array => Buffer.from(value, "latin1");

export interface ProberState {
  what: string;
  chunks: string[];
}
export type Stream = HttpStream<ProberState, { readonly tag: string }>;

export const probed = metadataKey<{ seen: number; list: readonly string[] }>("test.probed");

export const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Each function is a hook for the requests whose `x-do` has its name. */
export interface Act {
  requestHeaders?(
    headers: Headers & { path: string; method: string; scheme: string },
    end: boolean,
    stream: Stream,
    context: FilterContext,
  ): Verdict | Promise<Verdict>;
  requestData?(data: Uint8Array, end: boolean, stream: Stream): DataVerdict | Promise<DataVerdict>;
  requestTrailers?(trailers: Headers, stream: Stream): Verdict | Promise<Verdict>;
  informational?(headers: Headers, stream: Stream): Verdict | Promise<Verdict>;
  responseHeaders?(headers: Headers & { status: number }, end: boolean, stream: Stream): Verdict | Promise<Verdict>;
  responseData?(data: Uint8Array, end: boolean, stream: Stream): DataVerdict | Promise<DataVerdict>;
  responseTrailers?(trailers: Headers, stream: Stream): Verdict | Promise<Verdict>;
  localReply?(reply: LocalReplyOptions, stream: Stream): void;
  complete?(stream: Stream, context: FilterContext): void;
  destroy?(stream: Stream, context: FilterContext): void;
}

export const resumeLater = (stream: Stream, direction: "request" | "response", ms = 50): void =>
  void stream.setTimer((later) => later[direction].resume(), ms);
