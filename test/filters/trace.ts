/** Notes every hook that it is called in, and lets everything pass. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { HttpStream } from "@sluice/sdk";

export function trace(name: string, into: string[]): HarnessFilter {
  const note = (hook: string): void => void into.push(`${name}:${hook}`);
  return {
    name,
    hooks: {
      onRequestHeaders: () => note("request"),
      onRequestData: () => note("data"),
      onRequestTrailers: () => note("trailers"),
      onResponseHeaders: (_headers: unknown, _end: boolean, stream: HttpStream) =>
        note(stream.requestSeen ? "response" : "response-unseen"),
      onResponseData: () => note("response-data"),
      onResponseTrailers: () => note("response-trailers"),
      onLocalReply: () => note("local-reply"),
      onStreamComplete: () => note("complete"),
      onDestroy: () => note("destroy"),
    },
  };
}
