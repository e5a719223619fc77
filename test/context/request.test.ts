// Requests that a filter sends itself, through real pools to real origins: what goes out, what comes back, back-pressure, and every way to end.
import type { IncomingMessage } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { UpstreamError, type UpstreamRequestInit } from "@sluice/sdk";
import { eventually, within } from "../support/eventually.ts";
import { cluster } from "../support/plain-config.ts";
import { Origin, UpstreamWorld, rawOrigin } from "./support/upstream-world.ts";

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0).toReversed()) each.close();
});

async function worldOf(...[listener]: Parameters<typeof Origin.start>): Promise<UpstreamWorld> {
  const origin = await Origin.start(listener);
  const world = new UpstreamWorld({ ports: [origin.port] });
  open.push(origin, world);
  return world;
}

async function rawWorld(onSocket: Parameters<typeof rawOrigin>[0]) {
  const origin = await rawOrigin(onSocket);
  const world = new UpstreamWorld({ ports: [origin.port] });
  open.push(origin, world);
  return { world, origin };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** Answers with what it was asked. */
const mirror = async (request: IncomingMessage): Promise<string> =>
  JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body: await textOf(request) });

async function failureOf(promise: Promise<unknown>): Promise<UpstreamError> {
  const error = await within(
    "the failure",
    promise.then(
      () => new Error("no failure"),
      (reason: unknown) => reason,
    ),
  );
  expect(error).toBeInstanceOf(UpstreamError);
  return error as UpstreamError;
}

describe("what goes out", () => {
  const cases: [string, UpstreamRequestInit, object][] = [
    ["a GET", { path: "/a?b=1" }, { method: "GET", url: "/a?b=1", headers: { host: "origin" }, body: "" }],
    [
      "a text with its length, an authority, headers with several values",
      {
        method: "POST",
        path: "/",
        authority: "api.test:1",
        body: "häl",
        headers: { "X-A": ["1", "2"], accept: "*/*" },
      },
      {
        method: "POST",
        url: "/",
        headers: { host: "api.test:1", "x-a": "1, 2", accept: "*/*", "content-length": "4" },
        body: "häl",
      },
    ],
    [
      "bytes",
      { method: "PUT", path: "/", body: Buffer.from("abc") },
      { method: "PUT", url: "/", headers: { host: "origin", "content-length": "3" }, body: "abc" },
    ],
    [
      "a POST of nothing",
      { method: "POST", path: "/", body: "" },
      { method: "POST", url: "/", headers: { host: "origin", "content-length": "0" }, body: "" },
    ],
    [
      "a stream in chunks",
      { method: "POST", path: "/", body: new Blob(["one", "two"]).stream(), headers: [["x-b", "1"]] },
      {
        method: "POST",
        url: "/",
        headers: { host: "origin", "x-b": "1", "transfer-encoding": "chunked" },
        body: "onetwo",
      },
    ],
  ];
  test.each(cases)("%s", async (_, init, expected) => {
    const world = await worldOf((request, response) => void mirror(request).then((text) => response.end(text)));
    const response = await world.origin.request(init);
    expect(response.status).toBe(200);
    expect(response.host.cluster).toBe("origin");
    expect(await response.body.json()).toEqual(expected);
    expect([...(await response.trailers)]).toEqual([]);
    expect([world.count("upstream_rq_total"), world.active("upstream_rq_active"), world.context.openCalls]).toEqual([
      1, 0, 0,
    ]);
  });

  test.each<[string, UpstreamRequestInit, RegExp]>([
    ["a path that is none", { path: "http://x/" }, /path "http:\/\/x\/" is not legal/],
    ["a space in it", { path: "/a b" }, /is not legal/],
    ["a method that is no token", { path: "/", method: "G ET" }, /method/],
    ["CONNECT", { path: "/", method: "CONNECT" }, /tunnel/],
    ["host as a header", { path: "/", headers: { Host: "x" } }, /header "host" is written by the engine/],
    ["a length of its own", { path: "/", headers: { "content-length": "5" } }, /content-length/],
    ["a header that breaks the line", { path: "/", headers: { a: "b\r\nc: d" } }, /a/],
    ["a body of another kind", { path: "/", body: 5 as never }, /expected a string, bytes, or an async iterable/],
    ["a time-out that is none", { path: "/", timeoutMs: -1 }, /timeoutMs is -1/],
  ])("%s is refused", async (_, init, message) => {
    const world = await worldOf((_request, response) => void response.end());
    await expect(world.origin.request(init)).rejects.toThrow(message);
    expect(world.count("upstream_cx_total")).toBe(0);
    expect(world.context.openCalls).toBe(0);
  });

  test("a connection is used again when the answer was read", async () => {
    const world = await worldOf((_request, response) => void response.end("ok"));
    for (let i = 0; i < 5; i++) expect(await (await world.origin.request({ path: "/" })).body.text()).toBe("ok");
    expect([world.count("upstream_rq_total"), world.count("upstream_cx_total")]).toEqual([5, 1]);
  });
});

describe("what comes back", () => {
  test("headers, chunks as they come, trailers; informational responses are dropped", async () => {
    const { world, origin } = await rawWorld((socket) => {
      socket.once("data", () =>
        socket.write(
          "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\nx-sum: 6\r\n\r\n",
        ),
      );
    });
    const { http } = cluster("origin");
    world.configure([origin.port], { http: { ...http, enableTrailers: true } });
    const response = await world.origin.request({ path: "/" });
    expect([response.status, response.headers.getAll("set-cookie")]).toEqual([201, ["a=1", "b=2"]]);
    let text = "";
    for await (const chunk of response.body) text += Buffer.from(chunk).toString();
    expect(text).toBe("onetwo");
    expect((await response.trailers).get("x-sum")).toBe("6");
    await expect(() => response.body[Symbol.asyncIterator]().next()).rejects.toThrow("read already");
  });

  test("a body larger than the limit is given up: by its length, or when it grows", async () => {
    const world = await worldOf((request, response) => {
      if (request.url === "/length") response.setHeader("content-length", "2000000");
      response.write(Buffer.alloc(2_000_000));
      if (request.url !== "/length") response.end();
    });
    const byLength = await failureOf((await world.origin.request({ path: "/length" })).body.bytes());
    expect(byLength.reason).toBe("too_large");
    const grown = await failureOf((await world.origin.request({ path: "/grown" })).body.text(1000));
    expect([grown.reason, grown.detail]).toEqual(["too_large", "the body is larger than 1000 bytes"]);
    expect(await (await world.origin.request({ path: "/all" })).body.bytes(2_000_000)).toHaveLength(2_000_000);
    expect(world.context.openCalls).toBe(0);
  });

  test("what is no JSON says so", async () => {
    const world = await worldOf((_request, response) => void response.end("{"));
    await expect((await world.origin.request({ path: "/" })).body.json()).rejects.toThrow(SyntaxError);
  });

  test("a body that ends before its time rejects, with what had come before it", async () => {
    const { world } = await rawWorld((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfive!"));
    });
    const response = await world.origin.request({ path: "/" });
    const read: string[] = [];
    const error = await failureOf(
      (async () => {
        for await (const chunk of response.body) read.push(Buffer.from(chunk).toString());
      })(),
    );
    expect([read.join(""), error.reason]).toEqual(["five!", "connection_termination"]);
    expect((await failureOf(response.trailers)).reason).toBe("connection_termination");
  });
});

describe("back-pressure", () => {
  test("a body that nobody reads stops its origin", async () => {
    let sent = 0;
    const world = await worldOf((_request, response) => {
      const fill = (): void => {
        while (sent < 64 * 2 ** 20) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536))) return void response.once("drain", fill);
        }
        response.end();
      };
      fill();
    });
    const response = await world.origin.request({ path: "/" });
    let before = -1;
    await eventually("the origin has to wait", () => {
      const same = sent === before;
      before = sent;
      return same;
    });
    expect(sent).toBeLessThan(48 * 2 ** 20);
    let read = 0;
    for await (const chunk of response.body) read += chunk.length;
    expect(read).toBe(64 * 2 ** 20);
    expect(world.count("upstream_flow_control_paused_reading_total")).toBeGreaterThan(0);
  });

  test("an origin that does not read stops the iterable", async () => {
    let made = 0;
    const { world, origin } = await rawWorld((socket) => void socket.pause());
    const body = {
      async *[Symbol.asyncIterator]() {
        for (; made < 1024; made++) yield new Uint8Array(65_536);
      },
    };
    const promise = world.origin.request({ method: "POST", path: "/", body });
    await eventually("connected", () => origin.sockets.length === 1);
    let before = -1;
    await eventually("the iterable has to wait", () => {
      const same = made === before && made > 0;
      before = made;
      return same;
    });
    expect(made).toBeLessThan(512);
    const socket = origin.sockets[0]!;
    let got = 0;
    socket.on("data", (data) => {
      got += data.length;
      if (data.subarray(-5).toString() === "0\r\n\r\n") socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
    socket.resume();
    expect((await within("the answer", promise, 20_000)).status).toBe(200);
    expect(got).toBeGreaterThan(1024 * 65_536);
  });
});

describe("the end before the end", () => {
  const silent = () => rawWorld(() => {});

  test("a signal, of its own or of the stream that asked, cancels", async () => {
    const { world, origin } = await silent();
    for (const key of ["signal", "stream"] as const) {
      const abort = new AbortController();
      const init = key === "signal" ? { signal: abort.signal } : { stream: abort };
      const promise = world.origin.request({ path: "/", ...init });
      await eventually("sent", () => origin.sockets.length === (key === "signal" ? 1 : 2));
      abort.abort();
      expect((await failureOf(promise)).reason).toBe("cancelled");
      expect((await failureOf(world.origin.request({ path: "/", ...init }))).detail).toBe("before it began");
    }
    await eventually("connections are gone", () => world.active("upstream_cx_active") === 0);
    expect([world.count("upstream_rq_tx_reset"), world.context.openCalls]).toEqual([2, 0]);
  });

  test("the time-out counts for the body too", async () => {
    const { world } = await rawWorld((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"));
    });
    const response = await world.origin.request({ path: "/", timeoutMs: 500 });
    expect((await failureOf(response.body.text())).reason).toBe("timeout");
    const { world: other } = await silent();
    expect((await failureOf(other.origin.request({ path: "/", timeoutMs: 30 }))).reason).toBe("timeout");
  });

  test("cancel gives the connection up, and readers hear of it", async () => {
    const { world } = await rawWorld((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"));
    });
    const response = await world.origin.request({ path: "/" });
    const reading = response.body.text();
    response.cancel();
    response.cancel();
    expect((await failureOf(reading)).reason).toBe("cancelled");
    await eventually("closed", () => world.active("upstream_cx_active") === 0);
  });

  test("a reader that leaves the loop cancels", async () => {
    const { world } = await rawWorld((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"));
    });
    const response = await world.origin.request({ path: "/" });
    for await (const chunk of response.body) {
      expect(Buffer.from(chunk).toString()).toBe("half");
      break;
    }
    await eventually("closed", () => world.active("upstream_cx_active") === 0);
    expect(world.context.openCalls).toBe(0);
  });

  test("the filter's end cancels what it has under way, and refuses what comes after", async () => {
    const { world, origin } = await silent();
    const { origin: target } = world;
    const requests = Array.from({ length: 20 }, () => failureOf(target.request({ path: "/", timeoutMs: 0 })));
    await eventually("all are under way", () => origin.sockets.length === 20);
    expect(world.context.openCalls).toBe(20);
    world.context.release();
    expect((await Promise.all(requests)).map(({ reason, detail }) => `${reason}: ${detail}`)).toEqual(
      Array.from({ length: 20 }, () => "cancelled: the filter is gone"),
    );
    expect((await failureOf(target.request({ path: "/" }))).reason).toBe("cancelled");
    expect(world.context.openCalls).toBe(0);
    await eventually("connections are gone", () => world.active("upstream_cx_active") === 0);
  });

  test("an answer before the request's end ends the request, and its iterable", async () => {
    const { world } = await rawWorld((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno"));
    });
    let returned = false;
    const body: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          await new Promise(setImmediate);
          return { done: false, value: new Uint8Array(10) };
        },
        return: async () => {
          returned = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const response = await world.origin.request({ method: "POST", path: "/", body });
    expect([response.status, await response.body.text()]).toEqual([413, "no"]);
    await eventually("the iterable was told", () => returned);
    expect(world.context.openCalls).toBe(0);
  });

  test("an iterable that throws as it is told of the end harms nobody", async () => {
    const { world } = await silent();
    const body: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => {}),
        return: () => {
          throw new Error("no return");
        },
      }),
    };
    expect((await failureOf(world.origin.request({ method: "POST", path: "/", body, timeoutMs: 20 }))).reason).toBe(
      "timeout",
    );
    expect(world.context.openCalls).toBe(0);
    await eventually("connections are gone", () => world.active("upstream_cx_active") === 0);
  });

  test("an iterable that fails ends the request, with its error as the cause", async () => {
    const { world } = await silent();
    const body = {
      async *[Symbol.asyncIterator]() {
        yield new Uint8Array(1);
        throw new Error("the source broke");
      },
    };
    const error = await failureOf(world.origin.request({ method: "POST", path: "/", body }));
    expect([error.reason, (error.cause as Error).message]).toEqual(["local_reset", "the source broke"]);
  });
});

describe("no answer", () => {
  test("no host, nobody there, or a peer that speaks something else", async () => {
    const none = new UpstreamWorld({ ports: [] });
    open.push(none);
    expect((await failureOf(none.origin.request({ path: "/" }))).reason).toBe("no_healthy_upstream");
    const gone = await rawOrigin(() => {});
    gone.close();
    const refused = new UpstreamWorld({ ports: [gone.port] });
    open.push(refused);
    expect((await failureOf(refused.origin.request({ path: "/" }))).reason).toBe("connection_failure");
    const { world } = await rawWorld((socket) => void socket.once("data", () => socket.write("hello\r\n\r\n")));
    expect((await failureOf(world.origin.request({ path: "/" }))).reason).toBe("protocol_error");
    expect(world.context.openCalls).toBe(0);
  });
});

describe("clusters", () => {
  test("are refused to filters that do not declare calls, by name", () => {
    const world = new UpstreamWorld({ calls: false });
    open.push(world);
    expect(() => world.context.clusters).toThrow(
      'filter "caller" uses context.clusters: its definition has to declare "calls: true"',
    );
  });

  test("are those of the configuration that is live", async () => {
    const world = await worldOf((_request, response) => void response.end("one"));
    const other = await Origin.start((_request, response) => void response.end("two"));
    open.push(other);
    expect(world.origin).toBe(world.origin);
    expect(world.context.clusters.get("nowhere")).toBe(undefined);
    expect(await (await world.origin.request({ path: "/" })).body.text()).toBe("one");
    world.configure([other.port]);
    expect(await (await world.origin.request({ path: "/" })).body.text()).toBe("two");
  });
});
