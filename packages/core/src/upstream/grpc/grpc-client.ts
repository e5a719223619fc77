/** The gRPC client that a filter gets of a cluster: the four kinds of calls. */
import {
  GRPC_STATUS,
  type GrpcAnswer,
  type GrpcBidiStream,
  type GrpcCallOptions,
  type GrpcClient,
  type GrpcClientOptions,
  type GrpcClientStream,
  GrpcError,
  type GrpcMethod,
  type GrpcResponses,
} from "@sluice/sdk";
import type { OpenCalls } from "../request/open-calls.ts";
import { GrpcCall, type GrpcTarget } from "./grpc-call.ts";
import { type ChannelSettings, loadGrpc } from "./grpc-channels.ts";

const DEFAULT_MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

export class ClusterGrpcClient implements GrpcClient {
  readonly #target: GrpcTarget;
  readonly #calls: OpenCalls;
  readonly #settings: ChannelSettings;

  /** `authority`: what the cluster says where the filter does not. */
  constructor(target: GrpcTarget, calls: OpenCalls, options: GrpcClientOptions, authority: string) {
    this.#target = target;
    this.#calls = calls;
    this.#settings = {
      authority: options.authority ?? authority,
      maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    };
  }

  async unary<Request, Response>(
    method: GrpcMethod<Request, Response>,
    request: Request,
    options?: GrpcCallOptions,
  ): Promise<GrpcAnswer<Response>> {
    const call = this.#call(method, options);
    call.send(request).catch(() => {});
    call.end();
    return only(call);
  }

  serverStream<Request, Response>(
    method: GrpcMethod<Request, Response>,
    request: Request,
    options?: GrpcCallOptions,
  ): GrpcResponses<Response> {
    const call = this.#call(method, options);
    call.send(request).catch(() => {});
    call.end();
    return call;
  }

  clientStream<Request, Response>(
    method: GrpcMethod<Request, Response>,
    options?: GrpcCallOptions,
  ): GrpcClientStream<Request, Response> {
    const call = this.#call(method, options);
    const answer = only(call);
    // Nobody has to look at it.
    answer.catch(() => {});
    return {
      answer,
      send: (message) => call.send(message),
      end: () => call.end(),
      cancel: () => call.cancel(),
    };
  }

  bidiStream<Request, Response>(
    method: GrpcMethod<Request, Response>,
    options?: GrpcCallOptions,
  ): GrpcBidiStream<Request, Response> {
    return this.#call(method, options);
  }

  #call<Request, Response>(method: GrpcMethod<Request, Response>, options: GrpcCallOptions | undefined) {
    return new GrpcCall(this.#target, this.#calls, loadGrpc(), this.#settings, method, options);
  }
}

/** The one message of a call that has one. */
async function only<Response>(call: GrpcResponses<Response>): Promise<GrpcAnswer<Response>> {
  let found: { readonly message: Response } | null = null;
  for await (const message of call) {
    if (found !== null) throw new GrpcError(GRPC_STATUS.INTERNAL, "the upstream sent more than one message");
    found = { message };
  }
  if (found === null) throw new GrpcError(GRPC_STATUS.INTERNAL, "the upstream sent no message");
  return { message: found.message, trailers: await call.trailers };
}
