// tcp_proxy whose connections go upstream inside a CONNECT or a POST, and the whole way: client, tunnelling proxy, terminating proxy, server.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { readSlowly, sendPattern, untilStalled } from "../support/bulk.ts";
import { within } from "../support/eventually.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { ANY_PORT, forwardTo, type RunningProxy, startProxy } from "../support/proxy.ts";
import { rest, take, TcpTarget, UpstreamProxy, type Version } from "../support/tunnels.ts";

const VERSIONS: readonly Version[] = ["HTTP/1", "HTTP/2"];
const FORMAT = "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_TRANSPORT_FAILURE_REASON%";

/** The flags, details and failure of each connection stand in the columns of the access log. */
function tunnelling(address: string, version: Version, tunnel: unknown, tcp: object = {}): Promise<RunningProxy> {
  return startProxy({
    listeners: [
      {
        name: "front",
        address: ANY_PORT,
        tcp: {
          cluster: "web",
          stat_prefix: "t",
          tunnel: tunnel as string,
          access_log: { to: "LOG_FILE", format: FORMAT },
          ...tcp,
        },
      },
    ],
    clusters: { web: { endpoints: [address], protocol: version === "HTTP/2" ? "http2" : "http1" } },
  });
}

function client(proxy: RunningProxy): Socket {
  const socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  return socket;
}

describe.each(VERSIONS)("over %s", (version) => {
  test("the CONNECT names the target and carries the headers; bytes wait for its answer", async () => {
    await using upstream = await UpstreamProxy.start(version);
    await using proxy = await tunnelling(upstream.address, version, {
      to: "db.test:5432",
      headers: { "x-client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" },
    });
    const socket = client(proxy);
    socket.write("GET /smuggled HTTP/1.1\r\n\r\n");
    const asked = await upstream.asked();
    expect(asked.authority).toBe("db.test:5432");
    expect(asked.headers).toMatchObject({ "x-client": "127.0.0.1" });
    await proxy.admin.stats();
    expect(asked.early()).toBe("");
    const far = asked.accept();
    expect(await take(far, 26)).toBe("GET /smuggled HTTP/1.1\r\n\r\n");
    far.write("answer");
    expect(await take(socket, 6)).toBe("answer");
    socket.end();
    expect(await rest(far)).toBe("");
    far.end("last words");
    expect(await rest(socket)).toBe("last words");
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    expect(await proxy.admin.stat("tcp.t.downstream_cx_total")).toBe(1);
    socket.destroy();
  });

  test("an answer that is no 2xx closes the connection, after as many attempts as there may be", async () => {
    await using upstream = await UpstreamProxy.start(version);
    await using proxy = await tunnelling(upstream.address, version, "db.test:5432", { max_connect_attempts: 2 });
    const socket = client(proxy);
    socket.write("secret");
    const closed = once(socket, "end");
    socket.resume();
    for (const _ of [1, 2]) {
      const asked = await upstream.asked();
      expect(asked.early()).toBe("");
      asked.refuse(403, "no");
    }
    await within("the close", closed);
    expect(socket.bytesRead).toBe(0);
    expect(await proxy.admin.stat("cluster.web.upstream_cx_connect_attempts_exceeded")).toBe(1);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    const [line] = await proxy.accessLog();
    expect(Object.values(line!).join(" ")).toContain("upstream_connect_failed tunnel_refused{403}");
    socket.destroy();
  });

  test("the whole way to a server and back, many connections at once, megabytes whole", async () => {
    await using target = await TcpTarget.start();
    await using far = await startProxy(
      forwardTo(target.address, { http: { routes: [{ connect: true, cluster: "web", tunnel: true }] } }),
    );
    await using proxy = await tunnelling(`127.0.0.1:${far.port}`, version, "db.test:5432");
    const size = 2_000_000;
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const socket = client(proxy);
        const sending = sendPattern(socket, size);
        const echo = readSlowly(socket, 500_000, () => untilStalled(socket));
        const accepted = await target.accepted();
        accepted.pipe(accepted);
        expect(await echo).toEqual({ digest: await sending, bytes: size });
      }),
    );
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    await far.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await far.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect(await proxy.admin.stat(`cluster.web.upstream_cx_${version === "HTTP/2" ? "http2" : "http1"}_total`)).toBe(
      version === "HTTP/2" ? 1 : 10,
    );
  });

  test("a reset at either end is one at the other", async () => {
    await using target = await TcpTarget.start();
    await using far = await startProxy(
      forwardTo(target.address, { http: { routes: [{ connect: true, cluster: "web", tunnel: true }] } }),
    );
    await using proxy = await tunnelling(`127.0.0.1:${far.port}`, version, "db.test:5432");
    for (const who of ["client", "server"]) {
      const socket = client(proxy);
      socket.write("hello");
      const accepted = await target.accepted();
      expect(await take(accepted, 5)).toBe("hello");
      const [cut, other] = who === "client" ? [socket, accepted] : [accepted, socket];
      const ended = once(other, "end");
      other.resume();
      cut.resetAndDestroy();
      await expect(within("a reset", ended), who).rejects.toThrow("ECONNRESET");
    }
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
  });

  test("a POST carries the bytes as its body, and gets them as the answer's", async () => {
    await using target = await TcpTarget.start();
    await using far = await startProxy(
      forwardTo(target.address, {
        http: { routes: [{ path: "/tunnel", cluster: "web", tunnel: { allow_post: true } }] },
      }),
    );
    await using proxy = await tunnelling(`127.0.0.1:${far.port}`, version, { to: "db.test", post: "/tunnel" });
    const socket = client(proxy);
    socket.write("question");
    const accepted = await target.accepted();
    expect(await take(accepted, 8)).toBe("question");
    accepted.write("answer");
    expect(await take(socket, 6)).toBe("answer");
    socket.end("over");
    expect(await rest(accepted)).toBe("over");
    accepted.end("and out");
    expect(await rest(socket)).toBe("and out");
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    expect(await far.accessLog()).toMatchObject([{ status: 200, method: "POST", path: "/tunnel" }]);
  });
});

test("the answer's headers are in the access log where they are kept", async () => {
  await using upstream = await UpstreamProxy.start("HTTP/2");
  await using proxy = await tunnelling(
    upstream.address,
    "HTTP/2",
    { to: "db.test:1", keep_response_headers: true },
    {
      access_log: {
        to: "LOG_FILE",
        format: "- %FILTER_STATE(envoy.tcp_proxy.propagate_response_headers:TYPED)%",
      },
    },
  );
  const socket = client(proxy);
  const far = (await upstream.asked()).accept(201);
  far.end();
  socket.end();
  await rest(socket);
  const [line] = await proxy.accessLog();
  expect(line!.flags).toContain('{"key":":status","value":"201"}');
});

test("an origin that is no proxy answers, and its answer reaches nobody", async () => {
  await using origin = await HttpOrigin.start((_, response) => void response.end("hello"));
  await using proxy = await tunnelling(origin.address, "HTTP/1", { to: "db.test", post: true });
  const socket = client(proxy);
  // A POST that is answered 200 is a tunnel, whoever answers: what comes is what was said.
  expect(await rest(socket)).toBe("hello");
  socket.destroy();
  await using refusing = await tunnelling(origin.address, "HTTP/1", "db.test:1");
  const other = client(refusing);
  expect(await rest(other)).toBe("");
  other.destroy();
});
