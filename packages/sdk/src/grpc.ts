/** gRPC calls that filters make themselves to the hosts of a cluster: `context.clusters.get(name)?.grpc()`. Messages are the filter's business. */
import type { HasSignal } from "./request.ts";

/** One method of a service. Code generators give these functions; `serialize` of a message class, for example. */
export interface GrpcMethod<Request, Response> {
  /** `/package.Service/Method` */
  readonly path: string;
  serialize(message: Request): Uint8Array;
  deserialize(bytes: Uint8Array): Response;
}

/** Names in lower case; those that end in `-bin` have bytes. */
export type GrpcMetadata = Readonly<Record<string, string | Uint8Array | readonly (string | Uint8Array)[]>>;

export interface GrpcCallOptions {
  /** For the whole call; 0: none. @default 15 000 */
  readonly timeoutMs?: number;
  readonly metadata?: GrpcMetadata;
  readonly signal?: AbortSignal;
  /** The stream for which it is made: its end cancels the call. Make it `stream`, unless the call may outlive the stream. */
  readonly stream?: HasSignal;
}

/** The answer to a call with one. */
export interface GrpcAnswer<Response> {
  readonly message: Response;
  readonly trailers: GrpcMetadata;
}

/** Answers one after the other, read only as fast as they are taken. Leaving the loop early cancels the call. It can be read once. */
export interface GrpcResponses<Response> extends AsyncIterable<Response> {
  /** Settled at the end of the call; rejected with its {@link GrpcError}. */
  readonly trailers: Promise<GrpcMetadata>;
  cancel(): void;
}

/** Requests one after the other. */
export interface GrpcRequests<Request> {
  /** Resolves when there is room for the next; waiting for it is the back-pressure. Rejects with the call's error after its end. */
  send(message: Request): Promise<void>;
  /** No more requests. */
  end(): void;
  cancel(): void;
}

export interface GrpcClientStream<Request, Response> extends GrpcRequests<Request> {
  readonly answer: Promise<GrpcAnswer<Response>>;
}

export interface GrpcBidiStream<Request, Response> extends GrpcRequests<Request>, GrpcResponses<Response> {}

/**
 * Calls over HTTP/2 to the hosts that the cluster's load balancer picks, one pick a call, with the cluster's TLS settings. Connections are kept per host. All
 * calls end with the filter. Errors are {@link GrpcError}; a cluster without a host, or that is gone, gives `UNAVAILABLE`.
 */
export interface GrpcClient {
  unary<Request, Response>(
    method: GrpcMethod<Request, Response>,
    request: Request,
    options?: GrpcCallOptions,
  ): Promise<GrpcAnswer<Response>>;
  serverStream<Request, Response>(
    method: GrpcMethod<Request, Response>,
    request: Request,
    options?: GrpcCallOptions,
  ): GrpcResponses<Response>;
  clientStream<Request, Response>(
    method: GrpcMethod<Request, Response>,
    options?: GrpcCallOptions,
  ): GrpcClientStream<Request, Response>;
  bidiStream<Request, Response>(
    method: GrpcMethod<Request, Response>,
    options?: GrpcCallOptions,
  ): GrpcBidiStream<Request, Response>;
}

export interface GrpcClientOptions {
  /** `:authority` of the calls. @default the name that the cluster's TLS settings give, or the cluster's name */
  readonly authority?: string;
  /** Bytes of the largest message that is read. @default 4 MiB */
  readonly maxMessageBytes?: number;
}

/** Status codes of gRPC. */
export const GRPC_STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

const GRPC_ERROR: unique symbol = Symbol.for("sluice.grpc_error") as never;

/** A call that ended with another status than OK. `instanceof` knows it whichever copy of the sdk has thrown it. */
export class GrpcError extends Error {
  /** One of {@link GRPC_STATUS}. */
  readonly code: number;
  readonly details: string;
  readonly metadata: GrpcMetadata;

  constructor(code: number, details: string, metadata: GrpcMetadata = {}) {
    super(`gRPC status ${code}: ${details}`);
    this.name = "GrpcError";
    this.code = code;
    this.details = details;
    this.metadata = metadata;
    Object.defineProperty(this, GRPC_ERROR, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && Object.hasOwn(value, GRPC_ERROR);
  }
}
