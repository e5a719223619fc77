// TLS on both sides of a running proxy: termination with SNI, and upstreams that are verified or refused.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { HttpOrigin, mirror } from "../support/http-origin.ts";
import { header, statusOf } from "../support/http-message.ts";
import { send } from "../support/http-request.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { RawPeer } from "../support/raw-peer.ts";

const pem = (name: string) => readFileSync(fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url)), "utf8");
const CA = pem("ca.pem");
const certificate = (name: string) => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) });

async function secureOrigin(name: string): Promise<{ address: string; [Symbol.asyncDispose](): Promise<void> }> {
  const server = createServer(certificate(name), (request, response) => {
    response.setHeader("x-sni", String((request.socket as { servername?: string | false }).servername || "none"));
    request.pipe(response);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe("downstream", () => {
  test("the certificate is chosen by server name, and megabytes pass", async () => {
    await using origin = await HttpOrigin.start(mirror);
    await using proxy = await startProxy(
      forwardTo(origin.address, {
        listener: { tls: { certificates: [certificate("server"), certificate("a"), certificate("wildcard")] } },
      }),
    );
    for (const [servername, subject] of [
      ["server.test", "server"],
      ["a.test", "a"],
      ["x.wild.test", "wildcard"],
    ] as const) {
      using client = await RawPeer.openTls(proxy.port, { servername, ca: CA });
      const { subject: got } = (
        client.socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }
      ).getPeerCertificate();
      expect(got.CN).toBe(subject);
      const body = Buffer.alloc(3 << 20, servername);
      client.send(`POST / HTTP/1.1\r\nhost: ${servername}\r\ncontent-length: ${body.length}\r\n\r\n`).send(body);
      expect((await client.next()).body.equals(body)).toBe(true);
    }
    expect(await proxy.admin.stat("http.front.downstream_cx_ssl_total")).toBe(3);
    expect(await proxy.admin.stat("listener.127.0.0.1_0.ssl.handshake")).toBe(3);
    await proxy.admin.reaches("http.front.downstream_cx_ssl_active", 0);
  });

  test("a client that never ends its handshake is cut by the handshake's time-out", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(
      forwardTo(origin.address, { listener: { tls: { ...certificate("server"), handshake_timeout: "0.2s" } } }),
    );
    using client = await RawPeer.open(proxy.port);
    client.send("\x16\x03\x01");
    await client.gone();
    await proxy.admin.reaches("listener.127.0.0.1_0.downstream_cx_active", 0);
  });

  test("the origin is told that the client came by https", async () => {
    await using origin = await HttpOrigin.start(
      (request, response) => void response.end(String(request.headers["x-forwarded-proto"])),
    );
    await using proxy = await startProxy(forwardTo(origin.address, { listener: { tls: certificate("server") } }));
    using client = await RawPeer.openTls(proxy.port, { servername: "server.test", ca: CA });
    client.send("GET / HTTP/1.1\r\nhost: server.test\r\n\r\n");
    expect((await client.next()).body.toString()).toBe("https");
  });

  test("300 clients that break off in and after the handshake leave nothing behind", { timeout: 30_000 }, async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address, { listener: { tls: certificate("server") } }));
    for (let round = 0; round < 100; round++) {
      const half = await RawPeer.open(proxy.port);
      half.send("\x16\x03\x01\x02\x00\x01");
      const plain = await RawPeer.open(proxy.port);
      plain.send("GET / HTTP/1.1\r\n\r\n");
      const secure = await RawPeer.openTls(proxy.port, { servername: "server.test", ca: CA });
      secure.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf");
      for (const client of [half, plain]) client.reset();
      secure.close();
    }
    await proxy.admin.reaches("listener.127.0.0.1_0.downstream_cx_active", 0);
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    await proxy.admin.reaches("http.front.downstream_cx_ssl_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_rq_active", 0);
    expect(await proxy.admin.stat("listener.127.0.0.1_0.downstream_cx_total")).toBe(300);
  });
});

describe("upstream", () => {
  test("with the right authority and name is used, by its server name", async () => {
    await using origin = await secureOrigin("server");
    await using proxy = await startProxy(
      forwardTo(origin.address, { cluster: { tls: { ca: CA, sni: "server.test" } } }),
    );
    const body = Buffer.alloc(2 << 20, "x");
    const response = await send(proxy.port, "/", { method: "POST", body });
    expect([response.status, response.headers["x-sni"], response.body.equals(body)]).toEqual([
      200,
      "server.test",
      true,
    ]);
    expect(await proxy.admin.stat("cluster.web.ssl.handshake")).toBe(1);
  });

  test.each([
    ["another name than the one that is asked for", "server", { ca: CA, sni: "wrong.test" }, "fail_verify_san"],
    ["another authority", "stranger", { ca: CA, sni: "client.test" }, "fail_verify_error"],
    ["an expired certificate", "expired", { ca: CA, sni: "server.test" }, "fail_verify_error"],
  ])("with %s is never spoken to: 503 UF", async (_, name, tls, counter) => {
    await using origin = await secureOrigin(name);
    await using proxy = await startProxy(forwardTo(origin.address, { cluster: { tls } }));
    const response = await send(proxy.port, "/");
    expect(response.status).toBe(503);
    expect(await proxy.admin.stat(`cluster.web.ssl.${counter}`)).toBe(1);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect((await proxy.accessLog())[0]).toMatchObject({ status: 503, flags: "UF" });
  });

  test("that speaks no TLS is 503 UF", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(
      forwardTo(origin.address, { cluster: { tls: { ca: CA, sni: "server.test" } } }),
    );
    using client = await RawPeer.open(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const response = await client.next();
    expect([statusOf(response), header(response, "server")]).toEqual([503, "envoy"]);
    expect(origin.seen).toEqual([]);
  });
});
