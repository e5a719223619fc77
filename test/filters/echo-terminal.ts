/** A terminal that answers from inside its request hooks: response frames come while request hooks are on the stack. Its headers may come later. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { Headers, RequestHeaders, TerminalStream } from "@sluice/sdk";

export function echoTerminal(headersAfterMs = 0): HarnessFilter {
  const answer = (stream: TerminalStream, end: boolean): void => stream.sendHeaders(stream.newResponse(200), end);
  return {
    name: "echo",
    terminal: true,
    hooks: {
      onRequestHeaders(_headers: RequestHeaders, end: boolean, stream: TerminalStream) {
        if (headersAfterMs === 0) answer(stream, end);
        else stream.setTimer((s) => answer(s, end), headersAfterMs);
      },
      onRequestData: (data: Uint8Array, end: boolean, stream: TerminalStream) => stream.sendData(data, end),
      onRequestTrailers: (trailers: Headers, stream: TerminalStream) => stream.sendTrailers(trailers),
    },
  };
}
