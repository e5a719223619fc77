/** Hot path of isolated filters. The hooks that stand in the chain: those that the filter has, each asking its thread. */
import type {
  Headers,
  HttpFilter,
  HttpStream,
  LocalReplyOptions,
  RequestHeaders,
  ResponseHeaders,
  StreamInfo,
} from "@sluice/sdk";
import type { HeaderMap } from "../../http/headers/header-map.ts";
import type { StreamHandle } from "../../http/chain/stream-handle.ts";
import {
  INFORMATIONAL,
  NO_HOOK,
  REQUEST_DATA,
  REQUEST_HEADERS,
  REQUEST_TRAILERS,
  RESPONSE_DATA,
  RESPONSE_HEADERS,
  RESPONSE_TRAILERS,
} from "../protocol.ts";
import { requestSection, responseSection, trailersSection } from "../sections.ts";
import type { IsolatedFilter } from "./isolated-filter.ts";
import type { RemoteStream } from "./remote-stream.ts";

type Hooks = Required<HttpFilter<unknown, unknown>>;

/** `names`: the hooks that the filter has. */
export function remoteHooks(filter: IsolatedFilter, names: readonly string[]): HttpFilter<unknown, unknown> {
  const all = hooksOf(filter);
  // A stream's state has to be given up whether or not the filter wants to know.
  const wanted = new Set([...names, "onDestroy", "dispose"]);
  return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.has(name))) as HttpFilter<unknown, unknown>;
}

function hooksOf(filter: IsolatedFilter): Hooks {
  const response =
    (hook: number) =>
    (headers: ResponseHeaders, end: boolean, stream: HttpStream): ReturnType<Hooks["onResponseHeaders"]> =>
      filter.ask(hook, stream, asMap(headers), responseSection(headers), null, end) as never;
  const data =
    (hook: number) =>
    (bytes: Uint8Array, end: boolean, stream: HttpStream): ReturnType<Hooks["onRequestData"]> =>
      filter.ask(hook, stream, null, null, bytes, end);
  const trailers =
    (hook: number) =>
    (map: Headers, stream: HttpStream): ReturnType<Hooks["onRequestTrailers"]> =>
      filter.ask(hook, stream, asMap(map), trailersSection(asMap(map)), null, true) as never;
  const informational = response(INFORMATIONAL);
  return {
    onRequestHeaders: (headers: RequestHeaders, end, stream) =>
      filter.ask(REQUEST_HEADERS, stream, asMap(headers), requestSection(headers), null, end) as never,
    onRequestData: data(REQUEST_DATA),
    onRequestTrailers: trailers(REQUEST_TRAILERS),
    onInformational: (headers, stream) => informational(headers, false, stream),
    onResponseHeaders: response(RESPONSE_HEADERS),
    onResponseData: data(RESPONSE_DATA),
    onResponseTrailers: trailers(RESPONSE_TRAILERS),
    onLocalReply: (reply: LocalReplyOptions, stream) => {
      const handle = stream as StreamHandle;
      const thread = filter.threadOf(stream);
      if (thread === null) return;
      const { number } = handle.state as RemoteStream;
      thread.post(["localReply", number, reply, filter.snapshot(handle, NO_HOOK, thread)]);
    },
    onStreamComplete: (_info: StreamInfo, stream) => {
      const handle = stream as StreamHandle;
      const thread = filter.threadOf(stream);
      if (thread === null) return;
      thread.post(["complete", (handle.state as RemoteStream).number, filter.snapshot(handle, NO_HOOK, thread)]);
    },
    onDestroy: (stream) => (stream.state as RemoteStream).leave(),
    dispose: () => filter.dispose(),
  };
}

/** Filters that may not change headers get a view of the map; it shows the same fields. */
function asMap(headers: Headers): HeaderMap {
  return headers as HeaderMap;
}
