// @connectrpc's clients and server with the whole proxy between them: gRPC, gRPC-Web by the filter, and Connect's own protocol, over both versions of HTTP.
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import {
  createConnectTransport as createFetchConnectTransport,
  createGrpcWebTransport as createFetchGrpcWebTransport,
} from "@connectrpc/connect-web";
import { describe, expect, test } from "vitest";
import { type RunningProxy, forwardTo, startProxy } from "../support/proxy.ts";
import { type EchoClient, EchoServer, bytes, echoClient, textOf } from "./support/connect-service.ts";

interface Row {
  readonly name: string;
  readonly transport: (baseUrl: string) => Transport;
  readonly upstream: "HTTP/1" | "HTTP/2";
  /** What the server gets. */
  readonly type: RegExp;
  /** Client streaming and both ways: what fetch and HTTP/1 cannot do. */
  readonly streams: boolean;
  readonly filters?: readonly string[];
}

const h1 = { httpVersion: "1.1" } as const;
const h2 = { httpVersion: "2" } as const;
const GRPC = /^application\/grpc(\+proto)?$/;
const CONNECT = /^application\/(proto|connect\+proto)$/;

const ROWS: readonly Row[] = [
  {
    name: "gRPC",
    transport: (baseUrl) => createGrpcTransport({ baseUrl }),
    upstream: "HTTP/2",
    type: GRPC,
    streams: true,
  },
  {
    name: "gRPC-Web over HTTP/1",
    transport: (baseUrl) => createGrpcWebTransport({ baseUrl, ...h1 }),
    upstream: "HTTP/2",
    type: GRPC,
    streams: false,
    filters: ["grpc_web"],
  },
  {
    name: "gRPC-Web over HTTP/2",
    transport: (baseUrl) => createGrpcWebTransport({ baseUrl, ...h2 }),
    upstream: "HTTP/2",
    type: GRPC,
    streams: true,
    filters: ["grpc_web"],
  },
  {
    name: "gRPC-Web by fetch",
    transport: (baseUrl) => createFetchGrpcWebTransport({ baseUrl }),
    upstream: "HTTP/2",
    type: GRPC,
    streams: false,
    filters: ["grpc_web", "grpc_stats"],
  },
  {
    name: "gRPC-Web that the server speaks itself",
    transport: (baseUrl) => createGrpcWebTransport({ baseUrl, ...h1 }),
    upstream: "HTTP/1",
    type: /^application\/grpc-web\+proto$/,
    streams: false,
  },
  ...(["HTTP/1", "HTTP/2"] as const).flatMap((upstream): Row[] => [
    {
      name: `Connect over HTTP/1 to ${upstream}`,
      transport: (baseUrl) => createConnectTransport({ baseUrl, ...h1 }),
      upstream,
      type: CONNECT,
      streams: false,
    },
    {
      name: `Connect over HTTP/2 to ${upstream}`,
      transport: (baseUrl) => createConnectTransport({ baseUrl, ...h2 }),
      upstream,
      type: CONNECT,
      streams: upstream === "HTTP/2",
    },
  ]),
  {
    name: "Connect by fetch",
    transport: (baseUrl) => createFetchConnectTransport({ baseUrl, useBinaryFormat: true }),
    upstream: "HTTP/2",
    type: CONNECT,
    streams: false,
  },
];

class World implements AsyncDisposable {
  readonly server: EchoServer;
  readonly proxy: RunningProxy;
  readonly client: EchoClient;

  private constructor(server: EchoServer, proxy: RunningProxy, row: Row) {
    this.server = server;
    this.proxy = proxy;
    this.client = echoClient(row.transport(`http://127.0.0.1:${proxy.port}`));
  }

  static async start(row: Row): Promise<World> {
    const server = await EchoServer.start(row.upstream === "HTTP/2");
    const proxy = await startProxy(
      forwardTo(server.address, {
        http: { filters: row.filters ?? [] },
        cluster: row.upstream === "HTTP/2" ? { protocol: "http2" } : {},
      }),
    );
    return new World(server, proxy, row);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call did not fail");
}

async function* requests(count: number): AsyncGenerator<ReturnType<typeof bytes>> {
  for (let i = 0; i < count; i++) yield await Promise.resolve(bytes(`${i} `.repeat(500)));
}

describe.each(ROWS)("$name", (row) => {
  test("unary calls with headers and trailers, and large ones", async () => {
    await using world = await World.start(row);
    const heard = { initial: "", trailing: "" };
    const answer = await world.client.say(bytes("hello"), {
      headers: { "x-key": "value" },
      onHeader: (headers) => (heard.initial = headers.get("x-initial") ?? ""),
      onTrailer: (trailers) => (heard.trailing = trailers.get("x-trailing") ?? ""),
    });
    expect([textOf(answer), heard]).toEqual(["hello", { initial: "value", trailing: "yes" }]);
    const large = "x".repeat(500_000);
    expect(textOf(await world.client.say(bytes(large)))).toBe(large);
    for (const type of world.server.seen) expect(type).toMatch(row.type);
  });

  test("statuses, with their metadata", async () => {
    await using world = await World.start(row);
    const error = await failure(world.client.fail(bytes("nicht größer\n")));
    expect([error.code, error.rawMessage, error.metadata.get("x-why")]).toEqual([
      Code.FailedPrecondition,
      "nicht größer\n",
      "because",
    ]);
  });

  test("streams of answers", async () => {
    await using world = await World.start(row);
    const answers: string[] = [];
    for await (const answer of world.client.spread(bytes("40"))) answers.push(textOf(answer));
    expect(answers).toEqual(Array.from({ length: 40 }, (_, i) => `${i} `.repeat(1000)));
  });

  if (!row.streams) return;
  test("streams of requests, and both ways", async () => {
    await using world = await World.start(row);
    expect(textOf(await world.client.collect(requests(10)))).toBe("10000");
    const answers: string[] = [];
    for await (const answer of world.client.chat(requests(10))) answers.push(textOf(answer));
    expect(answers).toEqual(Array.from({ length: 10 }, (_, i) => `${i} `.repeat(500)));
  });
});
