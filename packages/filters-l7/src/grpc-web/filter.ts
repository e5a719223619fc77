/**
 * Hot path. gRPC-Web (grpc/grpc, doc/PROTOCOL-WEB.md) on the client's side, gRPC on the upstream's. Browsers see neither trailers nor HTTP/2 frames, so trailers go
 * out as the last frame of the body, and bodies may be base64.
 */
import {
  Continue,
  type Clusters,
  type DataVerdict,
  type FilterContext,
  type Headers,
  type HttpFilter,
  type HttpStream,
  type RequestHeaders,
  type ResponseHeaders,
  type Verdict,
  grpcMessage,
  grpcStatusOfHttp,
  reply,
} from "@sluice/sdk";
import { type GrpcCounters, GrpcCountersByCluster } from "../shared/grpc-counters.ts";
import { TRAILERS_FLAG, grpcFrame } from "../shared/grpc-frames.ts";
import { isGrpcResponse, isMethodPath, withoutQuery } from "../shared/grpc.ts";
import { Base64Decoder } from "./base64.ts";
import { acceptsText, webType } from "./content-type.ts";
import { TextBody } from "./text-body.ts";

const EMPTY = new Uint8Array(0);
/** Bytes of an answer that is not gRPC's which become the message of its status: clients bound their headers. */
const MOST_MESSAGE_BYTES = 4096;

const badBase64 = (details: string) =>
  reply({ status: 400, body: "Bad gRPC-web request, invalid base64 data.", details });
const ILLEGAL = badBase64("grpc_base_64_decode_failed");
const CUT_SHORT = badBase64("grpc_base_64_decode_failed_bad_size");

export class GrpcWebState {
  isWeb: boolean;
  /** null: the request is binary. */
  decoder: Base64Decoder | null;
  acceptsText: boolean;
  /** With its plus, of the messages in both directions. */
  subtype: string;
  /** null: the response is binary. */
  text: TextBody | null;
  /** The response was no gRPC: its body is gone. */
  isReplaced: boolean;
  counters: GrpcCounters | null;

  constructor() {
    this.isWeb = false;
    this.decoder = null;
    this.acceptsText = false;
    this.subtype = "";
    this.text = null;
    this.isReplaced = false;
    this.counters = null;
  }
}

type Stream = HttpStream<GrpcWebState>;

export class GrpcWebFilter implements HttpFilter<GrpcWebState> {
  readonly #clusters: Clusters;
  readonly #counters: GrpcCountersByCluster;

  constructor(context: FilterContext) {
    this.#clusters = context.clusters;
    this.#counters = new GrpcCountersByCluster(context.rootStats, "grpc-web", false);
  }

  // ---- the request --------------------------------------------------------------------------------------------------------------------------

  onRequestHeaders(headers: RequestHeaders, _end: boolean, stream: Stream): void {
    const type = webType(headers.get("content-type"));
    if (type === null) return;
    const { state } = stream;
    state.isWeb = true;
    state.subtype = type.subtype === "" ? "+proto" : type.subtype;
    state.acceptsText = acceptsText(headers.get("accept"));
    if (type.isText) state.decoder = new Base64Decoder();
    state.counters = this.#countersOf(headers.path, stream);
    // The length of the text; and streams of gRPC have none.
    headers.delete("content-length");
    headers.set("content-type", state.subtype === "+proto" ? "application/grpc" : `application/grpc${state.subtype}`);
    headers.set("te", "trailers");
    if (!headers.has("grpc-accept-encoding")) headers.set("grpc-accept-encoding", "identity");
  }

  #countersOf(path: string, stream: Stream): GrpcCounters | null {
    const { route } = stream;
    if (route === undefined || route.kind !== "forward") return null;
    const cluster = this.#clusters.get(route.clusterName);
    const method = withoutQuery(path);
    return cluster === undefined || !isMethodPath(method) ? null : this.#counters.method(cluster.statName, method);
  }

  onRequestData(data: Uint8Array, end: boolean, stream: Stream): DataVerdict {
    const { decoder } = stream.state;
    if (decoder === null) return Continue;
    const bytes = decoder.decode(data);
    if (bytes === null) return ILLEGAL;
    return end && !decoder.isWhole ? CUT_SHORT : bytes;
  }

  onRequestTrailers(_trailers: Headers, stream: Stream): Verdict {
    const { decoder } = stream.state;
    return decoder === null || decoder.isWhole ? Continue : CUT_SHORT;
  }

  // ---- the response -------------------------------------------------------------------------------------------------------------------------

  onResponseHeaders(headers: ResponseHeaders, end: boolean, stream: Stream): Verdict | Promise<Verdict> {
    const { state } = stream;
    if (!state.isWeb) return Continue;
    state.counters?.ended(headers);
    const isCall = isGrpcResponse(headers, end) || isBinaryWeb(headers);
    headers.delete("content-length");
    headers.set("content-type", `application/grpc-web${state.acceptsText ? "-text" : ""}${state.subtype}`);
    if (isCall) {
      if (state.acceptsText && !end) state.text = new TextBody();
      return Continue;
    }
    headers.set("grpc-status", String(grpcStatusOfHttp(headers.status)));
    if (end) return Continue;
    state.isReplaced = true;
    return messageFromBody(headers, stream);
  }

  onResponseData(data: Uint8Array, end: boolean, stream: Stream): DataVerdict {
    const { text, isReplaced } = stream.state;
    if (isReplaced) return EMPTY;
    return text === null ? Continue : text.encode(data, end);
  }

  onResponseTrailers(trailers: Headers, stream: Stream): Verdict {
    const { state } = stream;
    if (!state.isWeb) return Continue;
    state.counters?.ended(trailers);
    if (state.isReplaced) stream.response.inject(EMPTY, true);
    else {
      const frame = trailersFrame(trailers);
      stream.response.inject(state.text === null ? frame : state.text.last(frame), true);
    }
    return Continue;
  }
}

/** An upstream that speaks gRPC-Web itself. */
function isBinaryWeb(headers: ResponseHeaders): boolean {
  if (headers.status !== 200) return false;
  const type = webType(headers.get("content-type"));
  return type !== null && !type.isText;
}

/** An answer that is not gRPC's becomes a status without messages. */
async function messageFromBody(headers: ResponseHeaders, stream: Stream): Promise<Verdict> {
  const body = await stream.response.body();
  // What is compressed is no text.
  if (body.length > 0 && !headers.delete("content-encoding"))
    headers.set("grpc-message", grpcMessage(body.subarray(0, MOST_MESSAGE_BYTES)));
  stream.response.replaceBody(EMPTY);
  return Continue;
}

/** gRPC-Web, "Message framing": trailers as an HTTP/1 header block, without its empty line. */
function trailersFrame(trailers: Headers): Uint8Array {
  let text = "";
  for (const [name, value] of trailers) text += `${name}:${value}\r\n`;
  return grpcFrame(Buffer.from(text, "latin1"), TRAILERS_FLAG);
}
