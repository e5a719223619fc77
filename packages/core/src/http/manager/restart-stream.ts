/** Ends a stream without an answer and puts another in its place, for internal redirects: the same request slot of the codec, a new way through the whole chain. */
import type { RestartedRequest } from "@sluice/sdk";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../headers/header-map.ts";
import type { HttpStream } from "./http-stream.ts";
import { StreamRelay } from "./stream-relay.ts";

/** false: the stream cannot be restarted, and nothing has happened. */
export function restartStream(stream: HttpStream, request: RestartedRequest): boolean {
  if (stream.over || !stream.requestComplete || stream.headersSent || stream.locallyReplied) return false;
  if (stream.responseFlow.headers !== null) return false;
  const { body, trailers } = request;
  const headers = request.headers as RequestHeaderMap;
  const relay = (stream.relay ??= new StreamRelay());
  stream.responseHeaders = request.response as ResponseHeaderMap;
  stream.status = request.response.status;
  stream.details = request.details;
  relay.current = null;
  stream.finish();
  const next = stream.server.onStream(stream.encoder);
  relay.current = next;
  relay.inheritance = request.inheritance;
  next.relay = relay;
  next.remote = stream.remote;
  // As the request came: what filters have made of it is not told from its headers any more.
  next.isGrpc = stream.isGrpc;
  next.requestComplete = true;
  next.drawLike(stream);
  // It was told to the stream before.
  if (next.encoder.aboveWatermark) next.onResponseWriteHigh();
  next.onRequestHeaders(headers, body.length === 0 && trailers === null);
  for (let i = 0; i < body.length; i++) next.onRequestData(body[i]!, trailers === null && i === body.length - 1);
  if (trailers !== null) next.onRequestTrailers(trailers as HeaderMap);
  return true;
}
