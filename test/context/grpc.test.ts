// gRPC calls that filters make, to a real grpc-js server on loopback: all four kinds, their errors, their ends, and the cluster's TLS.
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerReadableStream,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { GRPC_STATUS, GrpcError, type GrpcMethod } from "@sluice/sdk";
import { DEFAULT_CIRCUIT_BREAKERS, DEFAULT_THRESHOLDS } from "../../packages/core/src/config/retry-model.ts";
import type { ClusterModel } from "../../packages/core/src/config/model.ts";
import { eventually, within } from "../support/eventually.ts";
import { cluster } from "../support/plain-config.ts";
import { certificate, pem, upstreamTls } from "../support/tls.ts";
import { UpstreamWorld } from "./support/upstream-world.ts";

const text = {
  serialize: (message: string) => Buffer.from(message),
  deserialize: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
};
const method = (name: string): GrpcMethod<string, string> => ({ path: `/test.Echo/${name}`, ...text });
const served = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: text.serialize,
  requestDeserialize: text.deserialize,
  responseSerialize: text.serialize,
  responseDeserialize: text.deserialize,
});

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0).toReversed()) each.close();
});

class EchoServer {
  readonly server = new Server();
  /** Calls that the server saw cancelled. */
  cancelled = 0;
  /** Messages that were written to `many`'s stream. */
  written = 0;
  port = 0;

  constructor() {
    this.server.addService(
      {
        unary: served("Unary", false, false),
        many: served("Many", false, true),
        collect: served("Collect", true, false),
        chat: served("Chat", true, true),
        hang: served("Hang", false, false),
      },
      {
        unary: (call: ServerUnaryCall<string, string>, done: sendUnaryData<string>) => {
          if (call.request === "fail") {
            const metadata = new Metadata();
            metadata.set("why", "because");
            done({ code: status.PERMISSION_DENIED, details: "not you", metadata });
            return;
          }
          const trailers = new Metadata();
          trailers.set("x-seen", String(call.metadata.get("x-asked")[0] ?? ""));
          trailers.set("raw-bin", Buffer.from([0, 255]));
          done(null, `${call.request} ${call.getHost()}`, trailers);
        },
        many: (call: ServerWritableStream<string, string>) => {
          const total = Number(call.request);
          call.on("cancelled", () => this.cancelled++);
          const fill = (): void => {
            while (this.written < total) {
              this.written++;
              if (!call.write("x".repeat(16_384))) return void call.once("drain", fill);
            }
            call.end();
          };
          fill();
        },
        collect: (call: ServerReadableStream<string, string>, done: sendUnaryData<string>) => {
          const all: string[] = [];
          call.on("data", (message: string) => all.push(message)).on("end", () => done(null, all.join("+")));
        },
        chat: (call: ServerDuplexStream<string, string>) => {
          call.on("cancelled", () => this.cancelled++);
          call.on("data", (message: string) => call.write(message.toUpperCase())).on("end", () => call.end());
        },
        hang: (call: ServerUnaryCall<string, string>) => void call.on("cancelled", () => this.cancelled++),
      },
    );
  }

  async listen(credentials = ServerCredentials.createInsecure()): Promise<this> {
    this.port = await new Promise<number>((resolve, reject) =>
      this.server.bindAsync("127.0.0.1:0", credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      ),
    );
    open.push({ close: () => this.server.forceShutdown() });
    return this;
  }
}

async function worldOf(model: Partial<ClusterModel> = {}, credentials?: ServerCredentials) {
  const echo = await new EchoServer().listen(credentials);
  const world = new UpstreamWorld({ ports: [echo.port], cluster: model });
  open.push(world);
  return { echo, world, client: world.origin.grpc() };
}

async function failureOf(promise: Promise<unknown>): Promise<GrpcError> {
  const error = await within(
    "the failure",
    promise.then(
      () => new Error("no failure"),
      (reason: unknown) => reason,
    ),
  );
  expect(error).toBeInstanceOf(GrpcError);
  return error as GrpcError;
}

async function all(messages: AsyncIterable<string>): Promise<string[]> {
  const list: string[] = [];
  for await (const message of messages) list.push(message);
  return list;
}

describe("calls", () => {
  test("unary: metadata goes out, trailers come back, the cluster counts it", async () => {
    const { world, client } = await worldOf();
    const { message, trailers } = await client.unary(method("Unary"), "hello", { metadata: { "x-asked": "1" } });
    expect(message).toBe("hello origin");
    expect(trailers["x-seen"]).toBe("1");
    expect([...(trailers["raw-bin"] as Uint8Array)]).toEqual([0, 255]);
    expect([world.count("upstream_rq_total"), world.active("upstream_rq_active"), world.context.openCalls]).toEqual([
      1, 0, 0,
    ]);
    const named = world.origin.grpc({ authority: "api.test" });
    expect((await named.unary(method("Unary"), "hello")).message).toBe("hello api.test");
  });

  test("are among the requests that a cluster takes at a time", async () => {
    const limits = { ...DEFAULT_THRESHOLDS, maxRequests: 1 };
    const { world, client } = await worldOf({
      circuitBreakers: { ...DEFAULT_CIRCUIT_BREAKERS, default: limits },
    });
    const leaving = new AbortController();
    const hanging = failureOf(client.unary(method("Hang"), "x", { signal: leaving.signal }));
    await eventually("the first is under way", () => world.active("upstream_rq_active") === 1);
    const refused = await failureOf(client.unary(method("Unary"), "hello"));
    expect([refused.code, refused.details]).toEqual([
      GRPC_STATUS.UNAVAILABLE,
      'cluster "origin" has as many requests as it takes',
    ]);
    expect(["upstream_rq_total", "upstream_rq_active_overflow"].map((name) => world.count(name))).toEqual([1, 1]);
    leaving.abort();
    await hanging;
    expect((await client.unary(method("Unary"), "hello")).message).toBe("hello origin");
    expect(world.active("upstream_rq_active")).toBe(0);
  });

  test("of one authority after the other leave few connections", async () => {
    const { world } = await worldOf();
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
    const before = sockets();
    for (let i = 0; i < 40; i++) {
      const named = world.origin.grpc({ authority: `${i}.test` });
      expect((await named.unary(method("Unary"), "hello")).message).toBe(`hello ${i}.test`);
    }
    // Both ends are in this process.
    await eventually("old ones are closed", () => sockets() - before <= 2 * 16);
  });

  test("a status is an error with its code, details and metadata", async () => {
    const { client, world } = await worldOf();
    const denied = await failureOf(client.unary(method("Unary"), "fail"));
    expect([denied.code, denied.details, denied.metadata["why"]]).toEqual([
      GRPC_STATUS.PERMISSION_DENIED,
      "not you",
      "because",
    ]);
    expect((await failureOf(client.unary(method("Nothing"), "x"))).code).toBe(GRPC_STATUS.UNIMPLEMENTED);
    expect(world.context.openCalls).toBe(0);
  });

  test("server streaming, read only as fast as it is taken", async () => {
    const { echo, client } = await worldOf();
    const answers = client.serverStream(method("Many"), "2000");
    const iterator = answers[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toHaveLength(16_384);
    let before = -1;
    await eventually("the server has to wait", () => {
      const same = echo.written === before;
      before = echo.written;
      return same;
    });
    expect(echo.written).toBeLessThan(1500);
    let count = 1;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) count++;
    expect(count).toBe(2000);
    expect(await answers.trailers).toEqual({});
  });

  test("client streaming", async () => {
    const { client } = await worldOf();
    const call = client.clientStream(method("Collect"));
    for (const word of ["a", "b", "c"]) await call.send(word);
    call.end();
    expect((await call.answer).message).toBe("a+b+c");
    expect((await failureOf(call.send("late"))).code).toBe(GRPC_STATUS.CANCELLED);
  });

  test("both ways, question by question", async () => {
    const { client, world } = await worldOf();
    const call = client.bidiStream(method("Chat"));
    const iterator = call[Symbol.asyncIterator]();
    for (const word of ["one", "two"]) {
      await call.send(word);
      expect((await iterator.next()).value).toBe(word.toUpperCase());
    }
    call.end();
    expect((await iterator.next()).done).toBe(true);
    expect(world.context.openCalls).toBe(0);
  });
});

describe("ends before the end", () => {
  test("the deadline", async () => {
    const { client, echo } = await worldOf();
    expect((await failureOf(client.unary(method("Hang"), "x", { timeoutMs: 50 }))).code).toBe(
      GRPC_STATUS.DEADLINE_EXCEEDED,
    );
    await eventually("the server saw it", () => echo.cancelled === 1);
  });

  test("a signal, of its own or of the stream that asked", async () => {
    const { client, echo, world } = await worldOf();
    await client.unary(method("Unary"), "connects");
    for (const key of ["signal", "stream"] as const) {
      const abort = new AbortController();
      const promise = client.unary(
        method("Hang"),
        "x",
        key === "signal" ? { signal: abort.signal } : { stream: abort },
      );
      await eventually("under way", () => world.active("upstream_rq_active") === 1);
      abort.abort();
      expect((await failureOf(promise)).code).toBe(GRPC_STATUS.CANCELLED);
      expect((await failureOf(client.unary(method("Hang"), "x", { signal: abort.signal }))).details).toBe(
        "cancelled before it began",
      );
    }
    await eventually("no call is left", () => world.active("upstream_rq_active") === 0);
    await eventually("the server saw both", () => echo.cancelled === 2);
    expect(world.context.openCalls).toBe(0);
  });

  test("a reader that leaves", async () => {
    const { client, echo, world } = await worldOf();
    for await (const message of client.serverStream(method("Many"), "100000")) {
      expect(message).toHaveLength(16_384);
      break;
    }
    await eventually("the server saw it", () => echo.cancelled === 1);
    expect(world.context.openCalls).toBe(0);
  });

  test("the filter's end", async () => {
    const { client, world } = await worldOf();
    const hanging = Array.from({ length: 5 }, () => failureOf(client.unary(method("Hang"), "x", { timeoutMs: 0 })));
    const chat = client.bidiStream(method("Chat"));
    await chat.send("hello");
    await eventually("all are under way", () => world.active("upstream_rq_active") === 6);
    world.context.release();
    expect((await Promise.all(hanging)).map(({ code }) => code)).toEqual([1, 1, 1, 1, 1]);
    expect((await failureOf(all(chat))).code).toBe(GRPC_STATUS.CANCELLED);
    expect((await failureOf(client.unary(method("Unary"), "x"))).code).toBe(GRPC_STATUS.CANCELLED);
    expect([world.active("upstream_rq_active"), world.context.openCalls]).toEqual([0, 0]);
  });

  test("no host, or nobody there", async () => {
    const { world, client, echo } = await worldOf();
    echo.server.forceShutdown();
    expect((await failureOf(client.unary(method("Unary"), "x"))).code).toBe(GRPC_STATUS.UNAVAILABLE);
    world.configure([]);
    const nobody = await failureOf(world.origin.grpc().unary(method("Unary"), "x"));
    expect([nobody.code, nobody.details]).toEqual([GRPC_STATUS.UNAVAILABLE, 'cluster "origin" has no healthy host']);
  });
});

describe("TLS is the cluster's", () => {
  const server = () => {
    const { cert, key } = certificate("server");
    return ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }]);
  };

  test("a server that its authority vouches for is called", async () => {
    const { client } = await worldOf({ tls: upstreamTls({ trustedCa: pem("ca"), sni: "server.test" }) }, server());
    expect((await client.unary(method("Unary"), "hello")).message).toBe("hello server.test");
  });

  test("one that is not, or bears another name, is not", async () => {
    const stranger = await worldOf({ tls: upstreamTls({ trustedCa: pem("other-ca") }) }, server());
    const refused = await failureOf(stranger.client.unary(method("Unary"), "hello"));
    expect([refused.code, /tls_verify_error/.test(refused.details)]).toEqual([GRPC_STATUS.UNAVAILABLE, true]);
    const misnamed = await worldOf(
      { tls: upstreamTls({ trustedCa: pem("ca"), verifyHostname: "elsewhere.test" }) },
      server(),
    );
    expect((await failureOf(misnamed.client.unary(method("Unary"), "hello"))).details).toMatch(/tls_verify_san/);
  });

  test("auto_san_validation holds for calls too: the server must bear the name that is called", async () => {
    const http = { ...cluster("c").http, autoSni: true, autoSanValidation: true };
    const tls = upstreamTls({ trustedCa: pem("ca") });
    const { world } = await worldOf({ tls, http }, server());
    const named = world.origin.grpc({ authority: "server.test" });
    expect((await named.unary(method("Unary"), "hello")).message).toBe("hello server.test");
    const elsewhere = world.origin.grpc({ authority: "elsewhere.test" });
    expect((await failureOf(elsewhere.unary(method("Unary"), "hello"))).details).toMatch(/tls_verify_san/);
  });
});

test("hosts are called in turn", async () => {
  const servers = [await new EchoServer().listen(), await new EchoServer().listen()];
  const world = new UpstreamWorld({ ports: servers.map(({ port }) => port) });
  open.push(world);
  const client = world.origin.grpc();
  for (let i = 0; i < 6; i++) await client.unary(method("Unary"), "x");
  const totals = servers.map(({ port }) => world.services.count(`#host.origin#127.0.0.1:${port}#rq_success`));
  expect(totals).toEqual([3, 3]);
});
