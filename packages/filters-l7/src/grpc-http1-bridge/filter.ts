/**
 * Hot path for what is not bridged. A bridged response is held until its trailers are there, since HTTP/1 clients look for the status of a call in the headers; so
 * it is for unary calls.
 */
import {
  Continue,
  type Headers,
  type HttpFilter,
  type HttpStream,
  type RequestHeaders,
  type ResponseHeaders,
  type Verdict,
  isGrpcType,
  reply,
} from "@sluice/sdk";
import { FRAME_HEAD_BYTES, grpcFrame } from "../shared/grpc-frames.ts";
import { isGrpcResponse, withoutQuery } from "../shared/grpc.ts";
import type { GrpcHttp1BridgeSettings } from "./config.ts";

const NOT_BRIDGED = 0;
/** The client knows gRPC, and HTTP/1. */
const BRIDGED = 1;
/** The client knows protobuf. */
const UPGRADED = 2;

export class GrpcHttp1BridgeState {
  mode: number;

  constructor() {
    this.mode = NOT_BRIDGED;
  }
}

type Stream = HttpStream<GrpcHttp1BridgeState>;

const EMPTY = new Uint8Array(0);
const PROTOBUF = "application/x-protobuf";
/** What HTTP/1 clients get to see of a call's end. */
const STATUS_FIELDS = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
const NOT_UNARY = reply({
  status: 502,
  body: "the upstream's answer is not one uncompressed message",
  details: "grpc_bridge_not_one_message",
});

export class GrpcHttp1BridgeFilter implements HttpFilter<GrpcHttp1BridgeState> {
  readonly #settings: GrpcHttp1BridgeSettings;

  constructor(settings: GrpcHttp1BridgeSettings) {
    this.#settings = settings;
  }

  onRequestHeaders(headers: RequestHeaders, end: boolean, stream: Stream): Verdict | Promise<Verdict> {
    const type = headers.get("content-type");
    const { state } = stream;
    if (this.#settings.upgradesProtobuf && isProtobuf(type)) state.mode = UPGRADED;
    else if (isGrpcType(type) && stream.info.protocol.startsWith("HTTP/1")) state.mode = BRIDGED;
    else return Continue;
    // gRPC servers refuse calls whose client cannot have trailers.
    headers.set("te", "trailers");
    if (this.#settings.ignoresQuery && headers.path.includes("?")) {
      // The query may decide the route.
      if (state.mode === BRIDGED) void stream.route;
      headers.path = withoutQuery(headers.path);
    }
    if (state.mode === BRIDGED) return Continue;
    headers.set("content-type", "application/grpc");
    headers.delete("content-length");
    stream.clearRouteCache();
    if (!end) return frameRequest(headers, stream);
    stream.request.inject(grpcFrame(EMPTY), true);
    return Continue;
  }

  onResponseHeaders(headers: ResponseHeaders, end: boolean, stream: Stream): Verdict | Promise<Verdict> {
    const { mode } = stream.state;
    if (mode === NOT_BRIDGED || !isGrpcResponse(headers, end)) return Continue;
    if (!end) return bridge(headers, stream, mode);
    takeStatus(headers, headers);
    if (mode === UPGRADED) headers.set("content-type", PROTOBUF);
    return Continue;
  }
}

function isProtobuf(type: string | undefined): boolean {
  return type !== undefined && type.startsWith(PROTOBUF) && /^[ \t]*(?:;|$)/.test(type.slice(PROTOBUF.length));
}

async function frameRequest(headers: RequestHeaders, stream: Stream): Promise<Verdict> {
  const body = await stream.request.body();
  stream.request.replaceBody(grpcFrame(body));
  // As of any other gRPC call.
  headers.delete("content-length");
  return Continue;
}

async function bridge(headers: ResponseHeaders, stream: Stream, mode: number): Promise<Verdict> {
  const body = await stream.response.body();
  const trailers = stream.responseTrailers;
  const isOk = trailers === undefined || takeStatus(headers, trailers);
  if (mode === BRIDGED) {
    headers.set("content-length", String(body.length));
    return Continue;
  }
  if (isOk && !isOneMessage(body)) return NOT_UNARY;
  const message = isOk ? body.subarray(FRAME_HEAD_BYTES) : EMPTY;
  stream.response.replaceBody(message);
  headers.set("content-type", PROTOBUF);
  headers.set("content-length", String(message.length));
  return Continue;
}

/** Puts the status of the call where HTTP/1 clients see it; false: the call failed. */
function takeStatus(headers: ResponseHeaders, from: Headers): boolean {
  const status = from.get("grpc-status");
  if (from !== headers) {
    for (const name of STATUS_FIELDS) {
      const value = from.get(name);
      if (value !== undefined) headers.set(name, value);
    }
  }
  if (status === undefined || status === "0") return true;
  headers.status = 503;
  return false;
}

function isOneMessage(body: Uint8Array): boolean {
  if (body.length < FRAME_HEAD_BYTES || body[0] !== 0) return false;
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
  return length === body.length - FRAME_HEAD_BYTES;
}
