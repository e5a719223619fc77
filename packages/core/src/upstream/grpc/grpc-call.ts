/**
 * One gRPC call, whatever its kind: on the wire all four are streams both ways. It begins when grpc-js is loaded; what is sent before waits. It ends once, and
 * nothing holds it then.
 */
import type { ClientDuplexStream, StatusObject } from "@grpc/grpc-js";
import {
  GRPC_STATUS,
  type GrpcBidiStream,
  type GrpcCallOptions,
  GrpcError,
  type GrpcMetadata,
  type GrpcMethod,
  type OpenFailure,
} from "@sluice/sdk";
import type { OpenCall, OpenCalls } from "../request/open-calls.ts";
import type { ChannelSettings, Grpc, GrpcChannels } from "./grpc-channels.ts";
import type { Host } from "../host.ts";
import { fromMetadata, toGrpcError, toMetadata } from "./grpc-metadata.ts";

const DEFAULT_TIMEOUT_MS = 15_000;

const REASONS: Readonly<Record<OpenFailure, string>> = {
  no_healthy_upstream: "has no healthy host",
  overflow: "has as many requests as it takes",
  drop_overload: "is to have fewer requests",
};

/** Where calls go: the cluster. */
export interface GrpcTarget {
  readonly name: string;
  readonly channels: GrpcChannels;
  /** The host of the next call, counted; or why it has none. */
  beginCall(): Host | OpenFailure;
  /** `code`: the status of the call. */
  endCall(host: Host, code: number): void;
}

export class GrpcCall<Request, Response> implements GrpcBidiStream<Request, Response>, OpenCall {
  readonly #target: GrpcTarget;
  readonly #calls: OpenCalls;
  readonly #trailers = Promise.withResolvers<GrpcMetadata>();
  readonly #started: Promise<ClientDuplexStream<Request, Response>>;
  readonly #signals: AbortSignal[] = [];
  #host: Host | null = null;
  #stream: ClientDuplexStream<Request, Response> | null = null;
  #error: GrpcError | null = null;
  #over = false;
  #isRead = false;

  constructor(
    target: GrpcTarget,
    calls: OpenCalls,
    loading: Promise<Grpc>,
    settings: ChannelSettings,
    method: GrpcMethod<Request, Response>,
    options: GrpcCallOptions = {},
  ) {
    this.#target = target;
    this.#calls = calls;
    this.#trailers.promise.catch(() => {});
    for (const signal of [options.signal, options.stream?.signal]) {
      if (signal === undefined) continue;
      if (signal.aborted) this.cancel("before it began");
      else {
        signal.addEventListener("abort", this.#onAbort);
        this.#signals.push(signal);
      }
    }
    if (!this.#over) calls.add(this);
    this.#started = this.#start(loading, settings, method, options);
    this.#started.catch((error: unknown) => this.#end(toGrpcError(error), {}));
  }

  get trailers(): Promise<GrpcMetadata> {
    return this.#trailers.promise;
  }

  async send(message: Request): Promise<void> {
    const stream = await this.#started;
    if (this.#over) throw this.#error ?? new GrpcError(GRPC_STATUS.CANCELLED, "the call is over");
    if (stream.write(message)) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        stream.off("drain", go).off("close", go).off("error", go).off("status", go);
        resolve();
      };
      stream.on("drain", go).on("close", go).on("error", go).on("status", go);
    });
    if (this.#error !== null) throw this.#error;
  }

  end(): void {
    void this.#started.then(
      (stream) => stream.end(),
      () => {},
    );
  }

  cancel(why = "by the filter"): void {
    if (this.#over) return;
    this.#end(new GrpcError(GRPC_STATUS.CANCELLED, `cancelled ${why}`), {});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Response, void, undefined> {
    if (this.#isRead) throw new TypeError("the answers have been read already");
    this.#isRead = true;
    try {
      const stream = await this.#started;
      // The call's own error says why it ended; the stream's may only say that it did.
      try {
        for await (const message of stream) yield message as Response;
      } catch (error) {
        throw this.#error ?? toGrpcError(error);
      }
      // The status comes with the end, or right behind it.
      await this.#trailers.promise;
    } finally {
      this.cancel("as its reader left");
    }
  }

  async #start(
    loading: Promise<Grpc>,
    settings: ChannelSettings,
    method: GrpcMethod<Request, Response>,
    options: GrpcCallOptions,
  ): Promise<ClientDuplexStream<Request, Response>> {
    const grpc = await loading;
    if (this.#error !== null) throw this.#error;
    const metadata = toMetadata(grpc, options.metadata);
    const host = this.#target.beginCall();
    if (typeof host === "string")
      throw new GrpcError(GRPC_STATUS.UNAVAILABLE, `cluster "${this.#target.name}" ${REASONS[host]}`);
    this.#host = host;
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const stream = this.#target.channels.client(grpc, host, settings).makeBidiStreamRequest<Request, Response>(
      method.path,
      (message) => asBuffer(method.serialize(message)),
      (bytes) => method.deserialize(bytes),
      metadata,
      timeoutMs === 0 ? {} : { deadline: Date.now() + timeoutMs },
    );
    this.#stream = stream;
    stream.on("error", (error) => this.#end(toGrpcError(error), {}));
    stream.on("status", (status: StatusObject) => {
      if (status.code === 0) this.#end(null, fromMetadata(status.metadata));
    });
    return stream;
  }

  #end(error: GrpcError | null, trailers: GrpcMetadata): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#calls.delete(this);
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#onAbort);
    const host = this.#host;
    this.#host = null;
    if (host !== null) this.#target.endCall(host, error?.code ?? 0);
    if (error === null) this.#trailers.resolve(trailers);
    else {
      this.#trailers.reject(error);
      this.#stream?.cancel();
      // Whoever reads hears of it at once; nothing more is read.
      this.#stream?.destroy(error);
    }
  }

  readonly #onAbort = (): void => this.cancel("by its signal");
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
