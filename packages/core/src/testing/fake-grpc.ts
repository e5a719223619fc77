/** gRPC calls of filters to a fake cluster, answered by functions of the test. Messages are bytes here, as on the wire: the method's own codec runs. */
import {
  GRPC_STATUS,
  type GrpcAnswer,
  type GrpcBidiStream,
  type GrpcCallOptions,
  type GrpcClient,
  type GrpcClientStream,
  GrpcError,
  type GrpcMetadata,
  type GrpcMethod,
  type GrpcResponses,
} from "@sluice/sdk";
import type { Timers } from "../timing/clock.ts";
import type { OpenCall, OpenCalls } from "../upstream/request/open-calls.ts";
import { MessageQueue } from "./message-queue.ts";

/** One call as the test's server sees it. */
export interface FakeGrpcCall {
  readonly path: string;
  readonly metadata: GrpcMetadata;
  /** Requests in order; the first of a unary call is the only one. */
  readonly requests: AsyncIterable<Uint8Array>;
  /** Aborted when the filter has given the call up, or its deadline is over. */
  readonly signal: AbortSignal;
  /** What the trailers of an OK status carry; set it before the answer ends. */
  trailers: GrpcMetadata;
  /** Virtual milliseconds. */
  delay(ms: number): Promise<void>;
}

/** One answer, or several: an async generator, for example. What it throws is the status: a `GrpcError`, or `UNKNOWN`. */
export type GrpcHandler = (
  call: FakeGrpcCall,
) => Uint8Array | Promise<Uint8Array> | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export interface FakeGrpcParts {
  readonly name: string;
  readonly grpc: Readonly<Record<string, GrpcHandler>>;
  readonly calls: OpenCalls;
  readonly timers: Timers;
  /** What keeps the cluster from answering; null: nothing. */
  readonly failure: () => string | null;
}

const DEFAULT_TIMEOUT_MS = 15_000;

export class FakeGrpcClient implements GrpcClient {
  readonly #parts: FakeGrpcParts;

  constructor(parts: FakeGrpcParts) {
    this.#parts = parts;
  }

  unary<Request, Response>(
    method: GrpcMethod<Request, Response>,
    request: Request,
    options: GrpcCallOptions = {},
  ): Promise<GrpcAnswer<Response>> {
    const call = new Call(this.#parts, method, options);
    call.requests.push(method.serialize(request));
    call.requests.end();
    return call.answer();
  }

  serverStream<Request, Response>(
    method: GrpcMethod<Request, Response>,
    request: Request,
    options: GrpcCallOptions = {},
  ): GrpcResponses<Response> {
    const call = new Call(this.#parts, method, options);
    call.requests.push(method.serialize(request));
    call.requests.end();
    return call;
  }

  clientStream<Request, Response>(
    method: GrpcMethod<Request, Response>,
    options: GrpcCallOptions = {},
  ): GrpcClientStream<Request, Response> {
    const call = new Call(this.#parts, method, options);
    const answer = call.answer();
    answer.catch(() => {});
    return { answer, send: (message) => call.send(message), end: () => call.end(), cancel: () => call.cancel() };
  }

  bidiStream<Request, Response>(
    method: GrpcMethod<Request, Response>,
    options: GrpcCallOptions = {},
  ): GrpcBidiStream<Request, Response> {
    return new Call(this.#parts, method, options);
  }
}

class Call<Request, Response> implements GrpcBidiStream<Request, Response>, OpenCall {
  readonly requests = new MessageQueue<Uint8Array>();
  readonly trailers: Promise<GrpcMetadata>;
  readonly #method: GrpcMethod<Request, Response>;
  readonly #responses = new MessageQueue<Response>();
  readonly #end = Promise.withResolvers<GrpcMetadata>();
  readonly #abort = new AbortController();
  readonly #calls: OpenCalls;
  readonly #stop: () => void;
  #isOver = false;

  constructor(parts: FakeGrpcParts, method: GrpcMethod<Request, Response>, options: GrpcCallOptions) {
    const { timers, calls, name } = parts;
    this.#method = method;
    this.#calls = calls;
    this.trailers = this.#end.promise;
    this.trailers.catch(() => {});
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal, stream } = options;
    const signals = [signal, stream?.signal].filter((each) => each !== undefined);
    const cancelled = (): void => this.#fail(new GrpcError(GRPC_STATUS.CANCELLED, "the call was cancelled"));
    const timer =
      timeoutMs === 0
        ? null
        : timers.setTimer(
            () => this.#fail(new GrpcError(GRPC_STATUS.DEADLINE_EXCEEDED, `no answer within ${timeoutMs} ms`)),
            timeoutMs,
          );
    for (const each of signals) each.addEventListener("abort", cancelled);
    this.#stop = () => {
      timer?.cancel();
      for (const each of signals) each.removeEventListener("abort", cancelled);
    };
    calls.add(this);
    if (signals.some(({ aborted }) => aborted)) cancelled();
    const handler = parts.grpc[method.path];
    const failure = parts.failure();
    if (failure !== null) this.#failLater(new GrpcError(GRPC_STATUS.UNAVAILABLE, failure));
    else if (handler === undefined) {
      const known = Object.keys(parts.grpc).join(", ");
      const message = `the fake cluster "${name}" has no method ${method.path}, only ${known === "" ? "none" : known}`;
      this.#failLater(new GrpcError(GRPC_STATUS.UNIMPLEMENTED, message));
    } else {
      this.#serve(handler, {
        path: method.path,
        metadata: options.metadata ?? {},
        requests: this.requests,
        signal: this.#abort.signal,
        trailers: {},
        delay: (ms) => new Promise((resolve) => void timers.setTimer(resolve, ms)),
      }).catch((error: unknown) =>
        this.#fail(error instanceof GrpcError ? error : new GrpcError(GRPC_STATUS.UNKNOWN, String(error))),
      );
    }
  }

  async send(message: Request): Promise<void> {
    if (this.#isOver) {
      await this.trailers;
      return;
    }
    this.requests.push(this.#method.serialize(message));
  }

  end(): void {
    this.requests.end();
  }

  cancel(): void {
    this.#fail(new GrpcError(GRPC_STATUS.CANCELLED, "the call was cancelled"));
  }

  /** The one answer of a unary call. */
  async answer(): Promise<GrpcAnswer<Response>> {
    const messages: Response[] = [];
    for await (const message of this.#responses) messages.push(message);
    const trailers = await this.trailers;
    const [message] = messages;
    if (messages.length !== 1)
      throw new GrpcError(GRPC_STATUS.UNIMPLEMENTED, `${messages.length} answers to a call with one`);
    return { message: message as Response, trailers };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Response> {
    try {
      yield* this.#responses;
    } finally {
      this.cancel();
    }
  }

  async #serve(handler: GrpcHandler, call: FakeGrpcCall): Promise<void> {
    // Not before the filter has its hands on the call.
    await Promise.resolve();
    const made = handler(call);
    const answers = made instanceof Uint8Array || made instanceof Promise ? [await made] : made;
    for await (const bytes of answers) {
      if (this.#isOver) return;
      this.#responses.push(this.#method.deserialize(bytes));
    }
    this.#over();
    this.#responses.end();
    this.#end.resolve(call.trailers);
  }

  #failLater(error: GrpcError): void {
    queueMicrotask(() => this.#fail(error));
  }

  #fail(error: GrpcError): void {
    if (this.#isOver) return;
    this.#over();
    this.#responses.fail(error);
    this.#end.reject(error);
    this.#abort.abort();
  }

  #over(): void {
    this.#isOver = true;
    this.#calls.delete(this);
    this.requests.end();
    this.#stop();
  }
}
