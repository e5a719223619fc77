/** Holds an early response until the whole request has come by. */
import type { HarnessFilter } from "@sluice/core/testing";
import { type HttpStream, StopAndWatermark } from "@sluice/sdk";

interface State {
  isRequestDone: boolean;
  isHolding: boolean;
}

export function holdResponseUntilRequestEnds(): HarnessFilter {
  const done = (stream: HttpStream<State>): void => {
    stream.state.isRequestDone = true;
    if (stream.state.isHolding) stream.response.resume();
  };
  return {
    newState: (): State => ({ isRequestDone: false, isHolding: false }),
    hooks: {
      onRequestHeaders(_headers: unknown, end: boolean, stream: HttpStream<State>) {
        if (end) done(stream);
      },
      onRequestData(_data: unknown, end: boolean, stream: HttpStream<State>) {
        if (end) done(stream);
      },
      onRequestTrailers: (_trailers: unknown, stream: HttpStream<State>) => done(stream),
      onResponseHeaders(_headers: unknown, _end: boolean, stream: HttpStream<State>) {
        if (stream.state.isRequestDone) return undefined;
        stream.state.isHolding = true;
        return StopAndWatermark;
      },
    },
  };
}
