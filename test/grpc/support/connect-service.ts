// A service of @connectrpc/connect-node that speaks gRPC, gRPC-Web and Connect's own protocol, over HTTP/1 or HTTP/2; its description is made here, without generated code.
import {
  Code,
  ConnectError,
  type HandlerContext,
  type Client,
  createClient,
  type Transport,
} from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { create, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import {
  type BytesValue,
  BytesValueSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import { createServer as createHttp1 } from "node:http";
import { createServer as createHttp2, type Http2Session } from "node:http2";
import type { AddressInfo } from "node:net";

const BYTES = ".google.protobuf.BytesValue";
const method = (name: string, clientStreaming: boolean, serverStreaming: boolean) => ({
  name,
  inputType: BYTES,
  outputType: BYTES,
  clientStreaming,
  serverStreaming,
});

function describeService(): DescService {
  const file = create(FileDescriptorProtoSchema, {
    name: "echo.proto",
    package: "pkg",
    syntax: "proto3",
    dependency: ["google/protobuf/wrappers.proto"],
    service: [
      {
        name: "Echo",
        method: [
          method("Say", false, false),
          method("Fail", false, false),
          method("Spread", false, true),
          method("Collect", true, false),
          method("Chat", true, true),
        ],
      },
    ],
  });
  return createFileRegistry(file, () => file_google_protobuf_wrappers.proto).getService("pkg.Echo")!;
}

export const Echo = describeService();

export const bytes = (text: string): BytesValue => create(BytesValueSchema, { value: Buffer.from(text) });
export const textOf = ({ value }: BytesValue): string => Buffer.from(value).toString();

interface Options {
  readonly headers?: Record<string, string>;
  readonly onHeader?: (headers: Headers) => void;
  readonly onTrailer?: (trailers: Headers) => void;
  readonly timeoutMs?: number;
}

/** What `createClient` gives for this service. */
export interface EchoClient {
  say(request: BytesValue, options?: Options): Promise<BytesValue>;
  fail(request: BytesValue, options?: Options): Promise<BytesValue>;
  spread(request: BytesValue, options?: Options): AsyncIterable<BytesValue>;
  collect(requests: AsyncIterable<BytesValue>, options?: Options): Promise<BytesValue>;
  chat(requests: AsyncIterable<BytesValue>, options?: Options): AsyncIterable<BytesValue>;
}

export function echoClient(transport: Transport): EchoClient {
  return createClient(Echo, transport) as Client<DescService> as unknown as EchoClient;
}

const implementation = {
  say(request: BytesValue, context: HandlerContext) {
    context.responseHeader.set("x-initial", context.requestHeader.get("x-key") ?? "none");
    context.responseTrailer.set("x-trailing", "yes");
    return request;
  },
  fail(request: BytesValue) {
    throw new ConnectError(textOf(request), Code.FailedPrecondition, { "x-why": "because" });
  },
  async *spread(request: BytesValue) {
    for (let i = 0; i < Number(textOf(request)); i++) yield await Promise.resolve(bytes(`${i} `.repeat(1000)));
  },
  async collect(requests: AsyncIterable<BytesValue>) {
    let length = 0;
    for await (const { value } of requests) length += value.length;
    return bytes(String(length));
  },
  async *chat(requests: AsyncIterable<BytesValue>) {
    for await (const request of requests) yield request;
  },
};

export class EchoServer implements AsyncDisposable {
  /** Content types of all requests. */
  readonly seen: string[] = [];
  readonly #server: ReturnType<typeof createHttp1> | ReturnType<typeof createHttp2>;
  readonly #sessions = new Set<Http2Session>();

  private constructor(isHttp2: boolean) {
    const adapter = connectNodeAdapter({ routes: (router) => router.service(Echo, implementation as never) });
    const listen = (request: { headers: Record<string, unknown> }, response: unknown): void => {
      this.seen.push(String(request.headers["content-type"]));
      adapter(request as never, response as never);
    };
    this.#server = isHttp2 ? createHttp2(listen) : createHttp1(listen);
    this.#server.on("session", (session: Http2Session) => this.#sessions.add(session));
  }

  static async start(isHttp2: boolean): Promise<EchoServer> {
    const made = new EchoServer(isHttp2);
    const { promise, resolve } = Promise.withResolvers<void>();
    made.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return made;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    if ("closeAllConnections" in this.#server) this.#server.closeAllConnections();
    for (const session of this.#sessions) session.destroy();
    await promise;
  }
}
