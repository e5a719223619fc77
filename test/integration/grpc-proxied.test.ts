// gRPC through the whole proxy, from @grpc/grpc-js to @grpc/grpc-js: all four kinds of calls, statuses, deadlines, cancelled calls.
import {
  Client,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  credentials,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type RunningProxy, forwardTo, startProxy } from "../support/proxy.ts";

const same = (value: Buffer): Buffer => value;
const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Service/${path}`,
  requestStream,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});
const METHODS = {
  unary: method("Unary", false, false),
  fail: method("Fail", false, false),
  stuck: method("Stuck", false, false),
  collect: method("Collect", true, false),
  spread: method("Spread", false, true),
  chat: method("Chat", true, true),
};

class World implements AsyncDisposable {
  cancelled = 0;
  readonly #server: Server;
  readonly proxy: RunningProxy;
  readonly client: Client;

  private constructor(server: Server, proxy: RunningProxy) {
    this.#server = server;
    this.proxy = proxy;
    this.client = new Client(`127.0.0.1:${proxy.port}`, credentials.createInsecure());
  }

  static async start(): Promise<World> {
    const server = new Server();
    const counts = { cancelled: 0 };
    server.addService(METHODS, {
      unary: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        const initial = new Metadata();
        initial.set("x-initial", String(call.metadata.get("x-key")[0]));
        call.sendMetadata(initial);
        const trailing = new Metadata();
        trailing.set("x-trailing", "yes");
        done(null, call.request, trailing);
      },
      fail: (_call: unknown, done: sendUnaryData<Buffer>) =>
        done({ code: status.FAILED_PRECONDITION, details: "not like this" }),
      stuck: (call: ServerUnaryCall<Buffer, Buffer>) => call.on("cancelled", () => counts.cancelled++),
      collect: (call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        let bytes = 0;
        call.on("data", (message: Buffer) => (bytes += message.length));
        call.on("end", () => done(null, Buffer.from(String(bytes))));
      },
      spread: (call: ServerWritableStream<Buffer, Buffer>) => {
        for (let index = 0; index < 100; index++) call.write(Buffer.alloc(10_000, index));
        call.end();
      },
      chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
        call.on("data", (message: Buffer) => call.write(message));
        call.on("end", () => call.end());
      },
    });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    const proxy = await startProxy(
      forwardTo(`127.0.0.1:${port}`, { cluster: { protocol: "http2" }, route: { timeout: "0s" } }),
    );
    const world = new World(server, proxy);
    Object.defineProperty(world, "cancelled", { get: () => counts.cancelled });
    return world;
  }

  unary(name: keyof typeof METHODS, body: Buffer, options: { deadline?: number; metadata?: Metadata } = {}) {
    const { promise, resolve } = Promise.withResolvers<{
      body: Buffer | undefined;
      error: ServiceError | null;
      initial: Metadata | null;
      trailing: Metadata | null;
    }>();
    let initial: Metadata | null = null;
    let trailing: Metadata | null = null;
    let outcome: { error: ServiceError | null; body: Buffer | undefined } | null = null;
    const settle = (): void => {
      if (outcome !== null && trailing !== null) resolve({ ...outcome, initial, trailing });
    };
    const call = this.client.makeUnaryRequest(
      METHODS[name].path,
      same,
      same,
      body,
      options.metadata ?? new Metadata(),
      options.deadline === undefined ? {} : { deadline: Date.now() + options.deadline },
      (error, got) => {
        outcome = { error, body: got };
        settle();
      },
    );
    call.on("metadata", (got) => (initial = got));
    call.on("status", (got) => {
      trailing = got.metadata;
      settle();
    });
    return { call, answered: promise };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.proxy[Symbol.asyncDispose]();
    this.#server.forceShutdown();
  }
}

describe("unary calls", () => {
  test("carry their messages and metadata, both ways, hundreds at a time", async () => {
    await using world = await World.start();
    const metadata = new Metadata();
    metadata.set("x-key", "value");
    const one = await world.unary("unary", Buffer.from("hello"), { metadata }).answered;
    expect(one.error).toBeNull();
    expect(one.body!.toString()).toBe("hello");
    expect(one.initial!.get("x-initial")).toEqual(["value"]);
    expect(one.trailing!.get("x-trailing")).toEqual(["yes"]);
    const many = await Promise.all(
      Array.from({ length: 300 }, (_, index) => world.unary("unary", Buffer.alloc(index * 50, index)).answered),
    );
    for (const [index, { body }] of many.entries()) expect(body!.equals(Buffer.alloc(index * 50, index))).toBe(true);
  });

  test("that fail tell their status, and so do methods and upstreams that are not there", async () => {
    await using world = await World.start();
    const failed = await world.unary("fail", Buffer.alloc(0)).answered;
    expect([failed.error!.code, failed.error!.details]).toEqual([status.FAILED_PRECONDITION, "not like this"]);
    await using proxy = await startProxy(forwardTo("127.0.0.1:1", { cluster: { protocol: "http2" } }));
    const client = new Client(`127.0.0.1:${proxy.port}`, credentials.createInsecure());
    const { promise, resolve } = Promise.withResolvers<ServiceError | null>();
    client.makeUnaryRequest("/test.Service/Unary", same, same, Buffer.alloc(1), (error) => resolve(error));
    expect((await promise)!.code).toBe(status.UNAVAILABLE);
    client.close();
  });

  test("past their deadline, or cancelled, are cancelled at the server", async () => {
    await using world = await World.start();
    const late = await world.unary("stuck", Buffer.alloc(1), { deadline: 150 }).answered;
    expect(late.error!.code).toBe(status.DEADLINE_EXCEEDED);
    await eventually("the server knows", () => world.cancelled === 1);
    const { call, answered } = world.unary("stuck", Buffer.alloc(1));
    await world.proxy.admin.reaches("cluster.web.upstream_rq_active", 1);
    call.cancel();
    expect((await answered).error!.code).toBe(status.CANCELLED);
    await eventually("the server knows", () => world.cancelled === 2);
    await world.proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
  });
});

describe("streams", () => {
  test("from the client, from the server and both ways", async () => {
    await using world = await World.start();
    const collected = await new Promise<Buffer | undefined>((resolve, reject) => {
      const call = world.client.makeClientStreamRequest(METHODS.collect.path, same, same, (error, value?: Buffer) =>
        error === null ? resolve(value) : reject(error),
      );
      for (let index = 0; index < 100; index++) call.write(Buffer.alloc(10_000, index));
      call.end();
    });
    expect(collected!.toString()).toBe("1000000");

    const spread = world.client.makeServerStreamRequest(METHODS.spread.path, same, same, Buffer.alloc(0));
    let index = 0;
    for await (const message of spread as AsyncIterable<Buffer>)
      expect(message.equals(Buffer.alloc(10_000, index++))).toBe(true);
    expect(index).toBe(100);

    const chat = world.client.makeBidiStreamRequest(METHODS.chat.path, same, same);
    const answers = (chat as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    for (let turn = 0; turn < 50; turn++) {
      chat.write(Buffer.from(`turn ${turn}`));
      expect(String((await answers.next()).value)).toBe(`turn ${turn}`);
    }
    chat.end();
    expect((await answers.next()).done).toBe(true);
    await world.proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    await world.proxy.admin.reaches("http.front.downstream_rq_active", 0);
  });
});
