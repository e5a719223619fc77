// gRPC calls of a filter to a cluster that the test plays: every shape of call, statuses, deadlines, cancelled calls.
import { defineHttpFilter, GrpcError, type GrpcClient, type GrpcMethod, parsedBy, reply } from "@sluice/sdk";
import { expect, test } from "vitest";
import { fakeCluster } from "./fake-cluster.ts";
import type { GrpcHandler } from "./fake-grpc.ts";
import { httpHarness } from "./http-filter-harness.ts";

const text = (path: string): GrpcMethod<string, string> => ({
  path,
  serialize: (message) => Buffer.from(message),
  deserialize: (bytes) => Buffer.from(bytes).toString(),
});
const CHECK = text("/acme.Auth/Check");

type Use = (client: GrpcClient, stream: { readonly signal: AbortSignal }) => Promise<string>;

/** A filter that answers with what its call gave. */
function calling(use: Use): ReturnType<typeof defineHttpFilter> {
  return defineHttpFilter({
    id: "acme.http.calling",
    maturity: "alpha",
    security: "unknown",
    calls: true,
    config: parsedBy(() => ({})),
    create: (_config, context) => ({
      async onRequestHeaders(_headers, _end, stream) {
        try {
          return reply({ status: 200, body: await use(context.clusters.get("auth")!.grpc(), stream) });
        } catch (error) {
          if (!(error instanceof GrpcError)) throw error;
          return reply({ status: 503, body: `${error.code} ${error.details}` });
        }
      },
    }),
  }) as ReturnType<typeof defineHttpFilter>;
}

async function ask(use: Use, handler: GrpcHandler): Promise<string> {
  const auth = fakeCluster({ grpc: { [CHECK.path]: handler } });
  const h = await httpHarness(calling(use), { clusters: { auth } });
  return (await h.request()).body;
}

test("unary: message, metadata and trailers", async () => {
  const body = await ask(
    async (client) => {
      const { message, trailers } = await client.unary(CHECK, "Ann", { metadata: { "x-key": "1" } });
      return `${message} ${String(trailers["x-cost"])}`;
    },
    async (call) => {
      const asked: string[] = [];
      for await (const bytes of call.requests) asked.push(Buffer.from(bytes).toString());
      call.trailers = { "x-cost": "3" };
      return Buffer.from(`hello ${asked.join()} ${String(call.metadata["x-key"])}`);
    },
  );
  expect(body).toBe("hello Ann 1 3");
});

test("streams of answers, of requests, and of both", async () => {
  const count: GrpcHandler = async function* (call) {
    for await (const bytes of call.requests) {
      for (const letter of Buffer.from(bytes).toString()) {
        await call.delay(10);
        yield Buffer.from(letter);
      }
    }
  };
  const joined: GrpcHandler = async (call) => {
    let all = "";
    for await (const bytes of call.requests) all += Buffer.from(bytes).toString();
    return Buffer.from(all);
  };
  const read = async (answers: AsyncIterable<string>): Promise<string> => {
    const found: string[] = [];
    for await (const answer of answers) found.push(answer);
    return found.join("-");
  };
  expect(await ask((client) => read(client.serverStream(CHECK, "abc")), count)).toBe("a-b-c");
  const upload: Use = async (client) => {
    const call = client.clientStream(CHECK);
    await call.send("one ");
    await call.send("two");
    call.end();
    return (await call.answer).message;
  };
  expect(await ask(upload, joined)).toBe("one two");
  const talk: Use = async (client) => {
    const call = client.bidiStream(CHECK);
    await call.send("x");
    await call.send("yz");
    call.end();
    return read(call);
  };
  expect(await ask(talk, count)).toBe("x-y-z");
});

test.each<[string, GrpcHandler, string]>([
  [
    "a status that the server throws",
    () => {
      throw new GrpcError(7, "not you");
    },
    "7 not you",
  ],
  [
    "another error of the server",
    () => {
      throw new Error("oh");
    },
    "2 Error: oh",
  ],
  [
    "a deadline, in virtual time",
    (call) => call.delay(60_000).then(() => Buffer.alloc(0)),
    "4 no answer within 500 ms",
  ],
])("%s", async (_what, handler, expected) => {
  expect(await ask(async (client) => (await client.unary(CHECK, "", { timeoutMs: 500 })).message, handler)).toBe(
    expected,
  );
});

test("a method that the fake does not have, a cluster that fails", async () => {
  const auth = fakeCluster({ grpc: { [CHECK.path]: () => Buffer.alloc(0) } });
  const other = calling(async (client) => (await client.unary(text("/acme.Auth/Chek"), "")).message);
  const h = await httpHarness(other, { clusters: { auth } });
  expect((await h.request()).body).toBe(
    '12 the fake cluster "auth" has no method /acme.Auth/Chek, only /acme.Auth/Check',
  );
  auth.failure = "no_healthy_upstream";
  expect((await h.request()).body).toBe("14 no_healthy_upstream");
});

test("a client that leaves cancels the call that was made for it", async () => {
  let signal: AbortSignal | null = null;
  const never: GrpcHandler = (call) => {
    ({ signal } = call);
    return new Promise(() => {});
  };
  const auth = fakeCluster({ grpc: { [CHECK.path]: never } });
  const use: Use = async (client, stream) => (await client.unary(CHECK, "", { stream })).message;
  const h = await httpHarness(calling(use), { clusters: { auth } });
  const s = h.open().headers();
  await h.settle();
  expect(signal!.aborted).toBe(false);
  s.abort();
  expect(signal!.aborted).toBe(true);
});
