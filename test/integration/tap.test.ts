// POST /tap: live streams become a fixture, and the fixture plays in the harness.
import { type ClientRequest, request } from "node:http";
import { replay, type TapFixture, type TapFrame } from "@sluice/core/testing";
import { defineHttpFilter, parsedBy, reply } from "@sluice/sdk";
import { describe, expect, test, vi } from "vitest";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { type ProxyProcess, startProxyProcess } from "../support/proxy-process.ts";
import { ANY_PORT, type RunningProxy, startProxy } from "../support/proxy.ts";

vi.setConfig({ testTimeout: 60_000 });

const shouting = defineHttpFilter({
  id: "acme.http.shouting",
  maturity: "alpha",
  security: "unknown",
  config: parsedBy(() => ({})),
  create: () => ({
    onRequestHeaders: (headers) => void headers.set("x-seen", "yes"),
    onResponseHeaders: (headers) => void headers.delete("content-length"),
    onResponseData: (data) => Buffer.from(Buffer.from(data).toString("latin1").toUpperCase(), "latin1"),
  }),
});

const echoing = (): Promise<HttpOrigin> =>
  HttpOrigin.start((req, res) => {
    res.writeHead(200, { "content-type": "text/plain", "set-cookie": "secret=1" });
    req.on("data", (chunk: Buffer) => res.write(chunk)).on("end", () => res.end("!"));
  });

function listen(origin: HttpOrigin): Promise<RunningProxy> {
  const http = { filters: [{ shouting: {} }], routes: [{ prefix: "/", cluster: "web" }] };
  return startProxy(
    {
      admin: ANY_PORT,
      listeners: [
        { name: "front", address: ANY_PORT, http },
        { name: "back", address: ANY_PORT, http },
      ],
      clusters: { web: origin.address },
    },
    { extensions: [shouting] },
  );
}

interface Tapped {
  readonly status: number;
  readonly body: string;
}

/** Sends until the tap has what it asks for: nobody outside knows when it begins. */
async function during(tapping: Promise<Tapped>, sendOne: () => Promise<unknown>): Promise<Tapped> {
  let reply: Tapped | null = null;
  void tapping.then((made) => (reply = made));
  while (reply === null) await sendOne();
  return reply;
}

function fixtureOf({ status, body }: Tapped): TapFixture {
  expect(status, body).toBe(200);
  return JSON.parse(body) as TapFixture;
}

const text = (frames: readonly TapFrame[]): string =>
  frames.map((frame) => (frame.kind === "data" ? Buffer.from(frame.data, "base64").toString() : "")).join("");

test("a stream is recorded from both ends, without its secrets, and plays again in the harness", async () => {
  await using origin = await echoing();
  await using proxy = await listen(origin);
  const post = () =>
    send(proxy.port, "/words?x=1", {
      method: "POST",
      headers: { authorization: "Bearer secret", cookie: "a=1", "x-plain": "shown" },
      body: "quiet words",
    });
  const fixture = fixtureOf(await during(proxy.admin.post("/tap?listener=front&path_prefix=/words&count=2"), post));
  expect(fixture.streams).toHaveLength(2);
  const [stream] = fixture.streams;
  expect(stream).toMatchObject({ complete: true, cut: false, details: "via_upstream", client: { ip: "127.0.0.1" } });
  expect(stream!.from_client[0]).toMatchObject({ kind: "request", method: "POST", path: "/words?x=1" });
  const headers = Object.fromEntries((stream!.from_client[0] as Extract<TapFrame, { kind: "request" }>).headers);
  expect(headers).toMatchObject({ authorization: "[redacted]", cookie: "[redacted]", "x-plain": "shown" });
  expect(headers["x-seen"]).toBeUndefined();
  expect([text(stream!.from_client), text(stream!.from_upstream), text(stream!.to_client)]).toEqual([
    "quiet words",
    "quiet words!",
    "QUIET WORDS!",
  ]);
  expect(JSON.stringify(fixture)).not.toContain("secret");

  const played = await replay(fixture, shouting, { restore: { authorization: "Bearer other" } });
  for (const { response, recorded } of played) {
    expect(response).toMatchObject({ status: 200, body: "QUIET WORDS!", ended: true });
    expect(response.upstream!.headers).toMatchObject({ "x-seen": "yes", authorization: "Bearer other" });
    const sent = recorded.to_client.filter(({ kind }) => kind === "data");
    expect(response.chunks).toEqual(
      sent.map((frame) => Buffer.from((frame as Extract<TapFrame, { kind: "data" }>).data, "base64").length),
    );
  }
});

test("a filter that answers another way is seen in the replay", async () => {
  await using origin = await echoing();
  await using proxy = await listen(origin);
  const fixture = fixtureOf(await during(proxy.admin.post("/tap"), () => send(proxy.port, "/")));
  const refusing = defineHttpFilter({
    id: "acme.http.refusing",
    maturity: "alpha",
    security: "unknown",
    config: parsedBy(() => ({})),
    create: () => ({ onRequestHeaders: () => reply({ status: 403 }) }),
  });
  const [played] = await replay(fixture, refusing);
  expect(played!.response).toMatchObject({ status: 403, upstream: null });
});

test("only what was asked for is recorded", async () => {
  await using origin = await echoing();
  await using proxy = await listen(origin);
  const mixed = async () => {
    await send(proxy.port, "/other");
    await send(proxy.portOf("back"), "/words");
    await send(proxy.port, "/words/1");
  };
  const { streams } = fixtureOf(await during(proxy.admin.post("/tap?listener=front&path_prefix=/words"), mixed));
  expect(streams.map(({ from_client: [head] }) => (head as { path?: string }).path)).toEqual(["/words/1"]);
});

test("bodies are bounded, and a cut stream does not play", async () => {
  await using origin = await echoing();
  await using proxy = await listen(origin);
  const post = () => send(proxy.port, "/", { method: "POST", body: "0123456789".repeat(100) });
  const fixture = fixtureOf(await during(proxy.admin.post("/tap?max_bytes=1500"), post));
  const [stream] = fixture.streams;
  const bytes = [stream!.from_client, stream!.from_upstream, stream!.to_client].map((frames) => text(frames).length);
  expect(bytes.reduce((sum, each) => sum + each, 0)).toBe(1500);
  expect(stream!.cut).toBe(true);
  await expect(replay(fixture, shouting)).rejects.toThrow("larger max_bytes");
});

test("an upstream that is lost is recorded and played as lost", async () => {
  await using proxy = await startProxy(
    {
      admin: ANY_PORT,
      listeners: [{ name: "front", address: ANY_PORT, http: { routes: [{ prefix: "/", cluster: "web" }] } }],
      clusters: { web: "127.0.0.1:1" },
    },
    {},
  );
  const fixture = fixtureOf(await during(proxy.admin.post("/tap"), () => send(proxy.port, "/")));
  expect(fixture.streams[0]!.from_upstream).toMatchObject([{ kind: "reset", reason: "connection_failure" }]);
  const [played] = await replay(fixture, shouting);
  expect(played!.response).toMatchObject({ status: 503, flags: ["UF"] });
});

test.each([
  ["count=0", "count is 0, expected a whole number from 1 to 100"],
  ["max_bytes=x", "max_bytes is x"],
  ["count=100&max_bytes=16777216", "expected at most 67108864"],
  ["listener=nowhere", 'no listener "nowhere", expected one of front, back'],
  ["cuont=2", 'unknown parameter "cuont"'],
])("%s is refused", async (query, message) => {
  await using origin = await echoing();
  await using proxy = await listen(origin);
  expect(await proxy.admin.post(`/tap?${query}`)).toMatchObject({
    status: 400,
    body: expect.stringContaining(message) as string,
  });
  expect((await proxy.admin.get("/tap")).status).toBe(405);
});

test("it ends with its time, with what is not over yet", async () => {
  await using origin = await HttpOrigin.start(() => {});
  await using proxy = await listen(origin);
  const open = new Set<ClientRequest>();
  await vi.waitFor(async () => {
    const tapping = proxy.admin.post("/tap?timeout_ms=300");
    const more = setInterval(
      () =>
        open.add(
          request({ port: proxy.port, path: "/slow" })
            .on("error", () => {})
            .end(),
        ),
      20,
    );
    const { streams } = fixtureOf(await tapping);
    clearInterval(more);
    expect(streams).toMatchObject([{ complete: false, to_client: [] }]);
  }, 20_000);
  for (const each of open) each.destroy();
});

test("one tap at a time; it ends when the one who asked goes away", async () => {
  await using origin = await echoing();
  await using proxy = await listen(origin);
  const abort = new AbortController();
  const first = proxy.admin.post("/tap?path_prefix=/never&timeout_ms=600000", abort.signal).catch(() => "gone");
  // The first may come second: one of both is refused while the other waits.
  await vi.waitFor(async () => expect((await proxy.admin.post("/tap?timeout_ms=1")).status).toBe(409), 10_000);
  abort.abort();
  expect(await first).toBe("gone");
  await vi.waitFor(async () => expect((await proxy.admin.post("/tap?timeout_ms=1")).status).toBe(200), 10_000);
});

describe("with worker threads", () => {
  test("streams of all workers are recorded", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy: ProxyProcess = await startProxyProcess({
      listeners: [{ name: "front", address: ANY_PORT, http: { routes: [{ prefix: "/", cluster: "web" }] } }],
      clusters: { web: origin.address },
    });
    const fixture = fixtureOf(
      await during(proxy.admin.post("/tap?count=8"), () =>
        send(proxy.frontPort, "/", { headers: { connection: "close" } }),
      ),
    );
    expect(fixture.streams).toHaveLength(8);
    expect(fixture.streams.every(({ complete }) => complete)).toBe(true);
  });
});
