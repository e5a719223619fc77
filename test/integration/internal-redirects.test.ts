// Redirects of upstreams that the proxy follows itself, over sockets: what the client gets, what the origin sees, what connections carry afterwards.
import { Agent } from "node:http";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Answer, type Echo, echo, HttpOrigin } from "../support/http-origin.ts";
import { parsed, send } from "../support/http-request.ts";
import { answerOf, Http2Client } from "../support/http2-client.ts";
import { forwardTo, type RunningProxy, startProxy } from "../support/proxy.ts";

/** `/moved…` redirects to the rest of its path, on the host that the request came for; `/held` answers when it is told. */
function redirecting(held?: PromiseWithResolvers<void>): Answer {
  return async (request, response) => {
    const { url = "" } = request;
    if (url.startsWith("/moved")) {
      request.resume();
      const status = /^\/moved(\d{3})/.exec(url)?.[1] ?? "302";
      const location = `http://${request.headers.host}${url.slice(url.indexOf("/", 1))}`;
      response.writeHead(Number(status), { location, "content-type": "text/plain" });
      response.end("gone there");
      return;
    }
    if (url === "/held") await held?.promise;
    await echo(request, response);
  };
}

function front(origin: HttpOrigin, max = 1): Promise<RunningProxy> {
  const internal_redirect = { max, statuses: [302, 303, 307] };
  return startProxy(
    forwardTo(origin.address, {
      http: { internal_addresses: ["127.0.0.0/8"], use_remote_address: true },
      route: { internal_redirect },
    }),
  );
}

describe("a redirect is followed", () => {
  test("for HTTP/1 clients: they get the answer, on a connection that goes on", async () => {
    await using origin = await HttpOrigin.start(redirecting());
    await using proxy = await front(origin);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 3; i++) {
      const response = await send(proxy.port, "/moved/here?x=1", { agent });
      expect(response.status).toBe(200);
      const { url, headers } = parsed<Echo>(response);
      expect([url, headers["x-envoy-original-url"]]).toEqual([
        "/here?x=1",
        `http://127.0.0.1:${proxy.port}/moved/here?x=1`,
      ]);
      expect(String(headers["x-forwarded-for"])).toBe("127.0.0.1");
    }
    agent.destroy();
    expect(origin.seen).toEqual(Array.from({ length: 3 }, () => ["GET /moved/here?x=1", "GET /here?x=1"]).flat());
    const stats = await proxy.admin.stats();
    expect(stats.get("http.front.downstream_cx_total")).toBe(1);
    expect(stats.get("cluster.web.upstream_internal_redirect_succeeded_total")).toBe(3);
    expect(stats.get("http.front.downstream_rq_active")).toBe(0);
    expect((await proxy.accessLog()).map(({ status, details }) => `${status} ${details}`)).toEqual(
      Array.from({ length: 3 }, () => ["302 internal_redirect", "200 via_upstream"]).flat(),
    );
  });

  test("for HTTP/2 clients, beside each other", async () => {
    await using origin = await HttpOrigin.start(redirecting());
    await using proxy = await front(origin);
    await using client = await Http2Client.open(proxy.port);
    const paths = Array.from({ length: 8 }, (_, i) => `/moved/to${i}`);
    const answers = await Promise.all(paths.map((path) => client.send({ ":path": path })));
    expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 200));
    expect(answers.map(({ body }) => (JSON.parse(body.toString()) as Echo).url)).toEqual(
      paths.map((path) => path.slice("/moved".length)),
    );
    expect((await client.send({ ":path": "/direct" })).status).toBe(200);
  });

  test.each([
    ["/moved307/put", "PUT", "a body"],
    ["/moved303/put", "GET", ""],
  ])("with its body and method where the status says so: %s", async (path, method, body) => {
    await using origin = await HttpOrigin.start(redirecting());
    await using proxy = await front(origin);
    const response = await send(proxy.port, path, { method: "PUT", body: "a body" });
    expect(parsed<Echo>(response)).toMatchObject({ method, url: "/put", body });
  });

  test("and what the client does afterwards reaches the new request", async () => {
    const held = Promise.withResolvers<void>();
    await using origin = await HttpOrigin.start(redirecting(held));
    await using proxy = await front(origin);
    await using client = await Http2Client.open(proxy.port);
    const stream = client.start({ ":path": "/moved/held" }, true);
    await eventually("the redirect is followed", () => origin.seen.length === 2);
    stream.close(8);
    await answerOf(stream);
    await eventually(
      "both streams have ended",
      async () => (await proxy.admin.stats()).get("http.front.downstream_rq_active") === 0,
    );
    held.resolve();
    expect((await client.send({ ":path": "/after" })).status).toBe(200);
    expect((await proxy.accessLog()).map(({ details }) => details)).toEqual([
      "internal_redirect",
      "http2.remote_reset",
      "via_upstream",
    ]);
  });
});

test("circles end, with the redirect for the client", async () => {
  await using origin = await HttpOrigin.start((request, response) => {
    response.writeHead(302, { location: `http://${request.headers.host}/moved` });
    response.end();
  });
  await using proxy = await front(origin, 40);
  expect((await send(proxy.port, "/moved")).status).toBe(302);
  expect(origin.seen).toHaveLength(41);
});
