// CONNECT that goes on as CONNECT to another proxy, between all versions of HTTP.
import { once } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { readSlowly, sendPattern } from "../support/bulk.ts";
import { within } from "../support/eventually.ts";
import { forwardTo, type RunningProxy, startProxy } from "../support/proxy.ts";
import { openTunnel, rest, take, UpstreamProxy, type Version } from "../support/tunnels.ts";

const CELLS: readonly (readonly [client: Version, upstream: Version])[] = [
  ["HTTP/1", "HTTP/1"],
  ["HTTP/1", "HTTP/2"],
  ["HTTP/2", "HTTP/1"],
  ["HTTP/2", "HTTP/2"],
];

function forwarding(upstream: UpstreamProxy, version: Version, route: object = {}): Promise<RunningProxy> {
  return startProxy(
    forwardTo(upstream.address, {
      http: { upgrades: ["CONNECT"], routes: [{ connect: true, cluster: "web", ...route }] },
      cluster: { protocol: version === "HTTP/2" ? "http2" : "http1" },
    }),
  );
}

describe.each(CELLS)("from %s to %s", (version, upstreamVersion) => {
  test("the target is named as it was; bytes and ends of both directions pass", async () => {
    await using upstream = await UpstreamProxy.start(upstreamVersion);
    await using proxy = await forwarding(upstream, upstreamVersion);
    const opening = openTunnel(version, proxy.port, "target.test:443");
    const asked = await upstream.asked();
    expect(asked.authority).toBe("target.test:443");
    for (const name of [":path", ":scheme", ":protocol", "content-length", "transfer-encoding", "connection"])
      expect(asked.headers).not.toHaveProperty([name]);
    const far = asked.accept();
    using tunnel = await opening;
    expect(tunnel.status).toBe(200);
    tunnel.stream.write("question");
    expect(await take(far, 8)).toBe("question");
    far.write("answer");
    expect(await take(tunnel.stream, 6)).toBe("answer");
    tunnel.stream.end("done");
    expect(await rest(far)).toBe("done");
    far.end("so am I");
    expect(await rest(tunnel.stream)).toBe("so am I");
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
  });

  test("a far end that ended and then resets cuts the client off: it does not talk into the void", async () => {
    await using upstream = await UpstreamProxy.start(upstreamVersion);
    await using proxy = await forwarding(upstream, upstreamVersion);
    const opening = openTunnel(version, proxy.port, "target.test:443");
    const far = (await upstream.asked()).accept();
    using tunnel = await opening;
    tunnel.stream.write("hello");
    expect(await take(far, 5)).toBe("hello");
    far.pause().end("bye");
    expect(await rest(tunnel.stream)).toBe("bye");
    const closed = once(tunnel.stream, "close").catch(() => {});
    if (upstreamVersion === "HTTP/1") (far as Socket).resetAndDestroy();
    else far.destroy(new Error("cut off"));
    // Behind an end a reset is seen by who writes.
    const talking = setInterval(() => tunnel.stream.write("anybody there?"), 10);
    await within("the close", closed).finally(() => clearInterval(talking));
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    expect(await proxy.accessLog()).toMatchObject([{ status: 200, flags: upstreamVersion === "HTTP/1" ? "UC" : "UR" }]);
  });

  test("the far end may end first; what the client still sends arrives whole", async () => {
    await using upstream = await UpstreamProxy.start(upstreamVersion);
    await using proxy = await forwarding(upstream, upstreamVersion);
    const opening = openTunnel(version, proxy.port, "target.test:443");
    const far = (await upstream.asked()).accept().pause();
    using tunnel = await opening;
    far.end("that is all");
    expect(await rest(tunnel.stream)).toBe("that is all");
    const received = readSlowly(far as Socket, 1_000_000, () => pause(15));
    const sent = await sendPattern(tunnel.stream as Socket, 6_000_000);
    expect(await received).toEqual({ digest: sent, bytes: 6_000_000 });
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
  });

  test("what is sent ahead of the answer does not leave before it", async () => {
    await using upstream = await UpstreamProxy.start(upstreamVersion);
    await using proxy = await forwarding(upstream, upstreamVersion);
    const early = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    const opening = openTunnel(version, proxy.port, "target.test:443", early);
    const asked = await upstream.asked();
    // Longer than a turn of every loop on the way.
    await proxy.admin.stats();
    await proxy.admin.stats();
    expect(asked.early()).toBe("");
    const far = asked.accept();
    using tunnel = await opening;
    expect(tunnel.status).toBe(200);
    expect(await take(far, early.length)).toBe(early);
  });

  test("a refusal is passed on with its body; what was sent ahead never arrives", async () => {
    await using upstream = await UpstreamProxy.start(upstreamVersion);
    await using proxy = await forwarding(upstream, upstreamVersion);
    const opening = openTunnel(version, proxy.port, "target.test:443", "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const asked = await upstream.asked();
    asked.refuse(407, "who are you");
    using tunnel = await opening;
    expect([tunnel.status, tunnel.headers["proxy-authenticate"]]).toEqual([407, "Basic"]);
    expect(await take(tunnel.stream, 11)).toBe("who are you");
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    expect(asked.early()).toBe("");
    expect(await proxy.admin.stat("http.front.downstream_cx_upgrades_total")).toBe(0);
    expect(await proxy.admin.stat("http.front.downstream_rq_total")).toBe(1);
    expect(await proxy.accessLog()).toMatchObject([{ status: 407, flags: "-", method: "CONNECT" }]);
  });

  test("either side's reset resets the other", async () => {
    await using upstream = await UpstreamProxy.start(upstreamVersion);
    await using proxy = await forwarding(upstream, upstreamVersion);
    for (const who of ["client", "far end"]) {
      const opening = openTunnel(version, proxy.port, "target.test:443");
      const far = (await upstream.asked()).accept();
      far.on("error", () => {});
      using tunnel = await opening;
      tunnel.stream.write("half");
      expect(await take(far, 4)).toBe("half");
      const [cut, other] = who === "client" ? [tunnel.stream, far] : [far, tunnel.stream];
      let ended = false;
      other.on("end", () => (ended = true));
      const closed = once(other, "close").catch(() => {});
      other.resume();
      if (who === "client") tunnel.abort();
      else if (upstreamVersion === "HTTP/1") (cut as Socket).resetAndDestroy();
      else cut.destroy(new Error("cut off"));
      await within(`the other side's end after the ${who}'s`, closed);
      // node:http2 ends what is cancelled.
      if (who === "client" && upstreamVersion === "HTTP/2") expect((far as ServerHttp2Stream).rstCode).toBe(8);
      else expect(ended, who).toBe(false);
    }
    await proxy.admin.reaches("http.front.downstream_cx_upgrades_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
  });
});

test("any 2xx opens the tunnel", async () => {
  await using upstream = await UpstreamProxy.start("HTTP/1");
  await using proxy = await forwarding(upstream, "HTTP/1");
  const opening = openTunnel("HTTP/2", proxy.port, "target.test:443");
  const far = (await upstream.asked()).accept(202);
  using tunnel = await opening;
  expect(tunnel.status).toBe(202);
  far.write("hi");
  expect(await take(tunnel.stream, 2)).toBe("hi");
});
