/** Stops either direction at its headers; the response's arrival sets the request free, and a timer the response. */
import type { HarnessFilter } from "@sluice/core/testing";
import { type HttpStream, Stop } from "@sluice/sdk";

export function stopBothDirections(): HarnessFilter {
  return {
    hooks: {
      onRequestHeaders: () => undefined,
      onRequestData: () => Stop,
      onResponseHeaders(_headers: unknown, _end: boolean, stream: HttpStream) {
        stream.request.resume();
        stream.setTimer((s) => s.response.resume(), 10);
        return Stop;
      },
    },
  };
}
