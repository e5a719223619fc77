/** Changes the path that the route was chosen by, and asks for another choice. */
import type { HarnessFilter } from "@sluice/core/testing";
import type { HttpStream, RequestHeaders } from "@sluice/sdk";

export function clearRouteCache(path: string): HarnessFilter {
  return {
    hooks: {
      onRequestHeaders(headers: RequestHeaders, _end: boolean, stream: HttpStream) {
        headers.path = path;
        stream.clearRouteCache();
      },
    },
  };
}
