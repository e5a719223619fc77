// A gRPC service on @grpc/grpc-js with the methods of gRPC's interoperability tests, its client, and a proxy between them. Messages are bytes; those of requests say in
// JSON what is wanted, as the messages of the original do in protobuf.
import {
  Client,
  type ClientOptions,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type StatusObject,
  credentials,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { type Forwarding, type RunningProxy, forwardTo, startProxy } from "../../support/proxy.ts";

export const SERVICE = "/grpc.testing.TestService/";
export const same = (value: Buffer): Buffer => value;

/** What a request asks for. */
export interface Wish {
  /** Bytes of the answers. */
  readonly sizes?: readonly number[];
  readonly status?: { readonly code: number; readonly message: string };
  readonly payload?: string;
}

export const wish = (of: Wish): Buffer => Buffer.from(JSON.stringify(of));
const read = (message: Buffer): Wish => (message.length === 0 ? {} : (JSON.parse(message.toString()) as Wish));
const answers = (of: Wish): Buffer[] => (of.sizes ?? []).map((size) => Buffer.alloc(size, "a"));

/** Metadata that the server sends back, as headers and as trailers. */
export const ECHO_INITIAL = "x-grpc-test-echo-initial";
export const ECHO_TRAILING = "x-grpc-test-echo-trailing-bin";

const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: SERVICE + name,
  requestStream,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});

type AnyCall = Pick<ServerUnaryCall<Buffer, Buffer>, "metadata" | "sendMetadata">;

export class TestServer implements AsyncDisposable {
  readonly server: Server;
  port = 0;
  cancelled = 0;
  /** Metadata of each call, in order. */
  readonly seen: Metadata[] = [];

  private constructor() {
    this.server = new Server();
    this.server.addService(
      {
        empty: method("EmptyCall", false, false),
        unary: method("UnaryCall", false, false),
        streamOut: method("StreamingOutputCall", false, true),
        streamIn: method("StreamingInputCall", true, false),
        duplex: method("FullDuplexCall", true, true),
        sleep: method("Sleep", false, false),
      },
      {
        empty: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
          this.#meet(call);
          done(null, Buffer.alloc(0), this.#trailing(call));
        },
        unary: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
          this.#meet(call);
          const { status, sizes, payload } = read(call.request);
          if (status !== undefined)
            done({ code: status.code, details: status.message, metadata: this.#trailing(call) });
          else if (sizes === undefined) done(null, Buffer.from(payload ?? ""), this.#trailing(call));
          else done(null, answers({ sizes })[0]!, this.#trailing(call));
        },
        streamOut: (call: ServerWritableStream<Buffer, Buffer>) => {
          this.#meet(call);
          for (const answer of answers(read(call.request))) call.write(answer);
          call.end(this.#trailing(call));
        },
        streamIn: (call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
          this.#meet(call);
          let bytes = 0;
          call.on("data", (message: Buffer) => (bytes += message.length));
          call.on("end", () => done(null, Buffer.from(String(bytes)), this.#trailing(call)));
          call.on("cancelled", () => this.cancelled++);
        },
        duplex: (call: ServerDuplexStream<Buffer, Buffer>) => {
          this.#meet(call);
          call.on("data", (message: Buffer) => {
            const wanted = read(message);
            if (wanted.status !== undefined)
              call.emit("error", { code: wanted.status.code, details: wanted.status.message });
            else for (const answer of answers(wanted)) call.write(answer);
          });
          call.on("end", () => call.end(this.#trailing(call)));
          call.on("cancelled", () => this.cancelled++);
        },
        sleep: (call: ServerUnaryCall<Buffer, Buffer>) => {
          this.#meet(call);
          call.on("cancelled", () => this.cancelled++);
        },
      },
    );
  }

  static async start(): Promise<TestServer> {
    const made = new TestServer();
    made.port = await new Promise<number>((resolve, reject) =>
      made.server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    return made;
  }

  #meet(call: AnyCall): void {
    this.seen.push(call.metadata);
    const initial = call.metadata.get(ECHO_INITIAL);
    if (initial.length === 0) return;
    const headers = new Metadata();
    for (const value of initial) headers.add(ECHO_INITIAL, value);
    call.sendMetadata(headers);
  }

  #trailing(call: AnyCall): Metadata {
    const trailers = new Metadata();
    for (const value of call.metadata.get(ECHO_TRAILING)) trailers.add(ECHO_TRAILING, value);
    return trailers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.forceShutdown();
    await Promise.resolve();
  }
}

/** Server, proxy and client. */
export class GrpcWorld implements AsyncDisposable {
  readonly server: TestServer;
  readonly proxy: RunningProxy;
  readonly client: Client;

  private constructor(server: TestServer, proxy: RunningProxy, options: ClientOptions) {
    this.server = server;
    this.proxy = proxy;
    this.client = new Client(`127.0.0.1:${proxy.port}`, credentials.createInsecure(), options);
  }

  static async start(forwarding: Forwarding = {}, options: ClientOptions = {}): Promise<GrpcWorld> {
    const server = await TestServer.start();
    const { cluster, route, ...more } = forwarding;
    const config = forwardTo(`127.0.0.1:${server.port}`, {
      ...more,
      cluster: { protocol: "http2", ...cluster },
      route: { timeout: "0s", ...route },
    });
    return new GrpcWorld(server, await startProxy(config), options);
  }

  /** A unary call: what it ended with, and all metadata. */
  unary(
    name: string,
    request: Buffer,
    { metadata = new Metadata(), deadlineMs = 0 }: { metadata?: Metadata; deadlineMs?: number } = {},
  ): Promise<UnaryOutcome> {
    return unaryCall(this.client, SERVICE + name, request, metadata, deadlineMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.proxy[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

export interface UnaryOutcome {
  readonly body: Buffer | undefined;
  readonly error: ServiceError | null;
  readonly initial: Metadata;
  readonly status: StatusObject;
}

export function unaryCall(
  client: Client,
  path: string,
  request: Buffer,
  metadata = new Metadata(),
  deadlineMs = 0,
): Promise<UnaryOutcome> {
  return new Promise((resolve) => {
    let initial = new Metadata();
    let outcome: Pick<UnaryOutcome, "body" | "error"> | null = null;
    let status: StatusObject | null = null;
    const settle = (): void => {
      if (outcome !== null && status !== null) resolve({ ...outcome, initial, status });
    };
    const options = deadlineMs === 0 ? {} : { deadline: Date.now() + deadlineMs };
    const call = client.makeUnaryRequest(path, same, same, request, metadata, options, (error, body) => {
      outcome = { error, body };
      settle();
    });
    call.on("metadata", (got) => (initial = got));
    call.on("status", (got) => {
      status = got;
      settle();
    });
  });
}

/** The status that a stream ends with; what it still says is dropped. */
export function statusOf(call: {
  on(event: "status", listener: (status: StatusObject) => void): unknown;
  on(event: "error", listener: () => void): unknown;
}): Promise<StatusObject> {
  return new Promise((resolve) => {
    call.on("error", () => {});
    call.on("status", resolve);
  });
}
