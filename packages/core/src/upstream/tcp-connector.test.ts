import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { describe, expect, test } from "vitest";
import { eventually } from "../../../../test/support/eventually.ts";
import { LoopbackServer, openUpstream } from "../../../../test/support/loopback.ts";
import { Recorder } from "../../../../test/support/recorder.ts";
import { testServices, virtualServices } from "../../../../test/support/services.ts";
import { certificate, exactSan, pem, upstreamTls } from "../../../../test/support/tls.ts";
import type { AddressModel } from "../config/model.ts";
import { TlsStats } from "../network/tls/tls-stats.ts";
import { connectUpstream } from "./tcp-connector.ts";

const CA = pem("ca");

async function listen(server: Server, path?: string): Promise<AddressModel & AsyncDisposable> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (path === undefined) server.listen(0, "127.0.0.1", resolve);
  else server.listen(path, resolve);
  await promise;
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  const address: AddressModel =
    path === undefined
      ? { kind: "ip", host: "127.0.0.1", port: (server.address() as { port: number }).port }
      : { kind: "pipe", path, mode: 0 };
  return Object.assign(address, {
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
}

/** Reads and drops everything; closes when the other side does. */
function swallow(socket: Socket): void {
  socket.on("error", () => {});
  socket.on("end", () => socket.end()).resume();
}

/** A TLS origin that echoes, and notes the server names that clients asked for. */
async function tlsOrigin(name: string, options: TlsOptions = {}) {
  const { cert, key } = certificate(name);
  const names: (string | false)[] = [];
  const server = createTlsServer({ cert, key, allowHalfOpen: true, ...options }, (socket) => {
    names.push((socket as unknown as { servername: string | false }).servername);
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  server.on("tlsClientError", () => {});
  return Object.assign(await listen(server), { names });
}

describe("plain connections", () => {
  test("carry bytes both ways and know their addresses", async () => {
    const services = testServices();
    await using server = await LoopbackServer.start((socket) => void socket.pipe(socket));
    const connection = await openUpstream(services, server.address);
    const recorder = new Recorder(connection);
    connection.write(Buffer.from("hello"));
    connection.end();
    expect(await recorder.closed()).toBe("");
    expect(recorder.text).toBe("hello");
    expect(connection.info.directRemote.address).toBe(`127.0.0.1:${server.port}`);
    expect(connection.info.local.ip).toBe("127.0.0.1");
    expect(connection.info.local.port).toBeGreaterThan(0);
    expect(connection.info.tls).toBe(null);
  });

  test("over a Unix socket", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "sluice-")), "s");
    await using address = await listen(
      createServer((socket) => void socket.pipe(socket)),
      path,
    );
    const connection = await openUpstream(testServices(), address);
    const recorder = new Recorder(connection);
    connection.write(Buffer.from("unix"));
    await recorder.saw("data");
    expect(connection.info.directRemote).toEqual({ address: path, ip: "", port: 0 });
    connection.destroy(true);
    expect(await recorder.closed()).toBe("");
  });

  test("a peer's reset is told by its code", async () => {
    const peers: Socket[] = [];
    await using server = await LoopbackServer.start((socket) => peers.push(socket));
    const recorder = new Recorder(await openUpstream(testServices(), server.address));
    (await eventually("the peer", () => peers[0])).resetAndDestroy();
    expect(await recorder.closed()).toBe("ECONNRESET");
  });
});

describe("failures", () => {
  test("a refused connection is told by its code, after the call has returned", async () => {
    const server = await LoopbackServer.start(() => {});
    await server[Symbol.asyncDispose]();
    await expect(openUpstream(testServices(), server.address)).rejects.toThrow("connection_failure: ECONNREFUSED");
    await expect(openUpstream(testServices(), { kind: "pipe", path: "/nowhere/at/all", mode: 0 })).rejects.toThrow(
      "connection_failure: ENOENT",
    );
  });

  test("no connection in time", async () => {
    const { services, time } = virtualServices();
    await using server = await LoopbackServer.start(swallow);
    // A handshake that is never answered: the peer accepts and stays silent.
    const opening = openUpstream(services, server.address, { tls: upstreamTls(), timeoutMs: 250 });
    await eventually("the peer has accepted", () => server.open === 1);
    time.advance(300);
    await expect(opening).rejects.toThrow("connection_timeout: connect_timeout");
    await eventually("no socket left", () => server.open === 0);
    expect(time.timers.size).toBe(0);
  });

  test.each([undefined, upstreamTls()])("after cancel() nothing fires and no socket stays (%#)", async (tls) => {
    const services = testServices();
    let accepted = 0;
    await using server = await LoopbackServer.start((socket) => {
      accepted++;
      swallow(socket);
    });
    const { ClientTls } = await import("../network/tls/client-tls.ts");
    const events: string[] = [];
    const connecting = connectUpstream(
      {
        address: server.address,
        tls: tls === undefined ? null : new ClientTls(tls),
        serverName: "",
        timeoutMs: 5000,
        highWatermark: 1000,
        workerIndex: 0,
        environment: services,
        tlsStats: null,
      },
      { onConnected: () => void events.push("connected"), onConnectFailed: () => void events.push("failed") },
    );
    if (tls !== undefined) await eventually("the peer has accepted", () => accepted === 1);
    connecting.cancel();
    connecting.cancel();
    await using probe = await LoopbackServer.start((socket) => socket.end());
    await new Recorder(await openUpstream(services, probe.address)).saw("end");
    expect(events).toEqual([]);
    await eventually("no socket left", () => server.open === 0);
    expect(services.timers).toHaveProperty("size", 0);
  });
});

describe("TLS in Envoy's form", () => {
  const stats = (services = testServices()) => ({ services, tlsStats: new TlsStats(services.stats, "cluster.c.") });

  test("without an authority nothing is verified, and no server name is sent unless configured", async () => {
    await using origin = await tlsOrigin("stranger");
    const { services, tlsStats } = stats();
    const connection = await openUpstream(services, origin, { tls: upstreamTls(), tlsStats });
    const recorder = new Recorder(connection);
    connection.write(Buffer.from("hello"));
    await recorder.saw("data");
    expect(recorder.text).toBe("hello");
    expect(origin.names).toEqual([false]);
    expect(connection.info.tls).toMatchObject({ peerCertificatePresented: true, peerCertificateVerified: false });
    expect(services.count("cluster.c.ssl.handshake")).toBe(1);
    connection.destroy(true);
    await recorder.closed();
  });

  test("the configured server name is sent, a given one takes its place", async () => {
    await using origin = await tlsOrigin("server");
    const tls = upstreamTls({ sni: "configured.test" });
    for (const serverName of ["", "given.test"]) {
      const connection = await openUpstream(testServices(), origin, { tls, serverName });
      const recorder = new Recorder(connection);
      connection.write(Buffer.from("hello"));
      await recorder.saw("data");
      connection.destroy();
    }
    expect(origin.names).toEqual(["configured.test", "given.test"]);
  });

  test("with an authority and no names any certificate of that authority will do", async () => {
    await using origin = await tlsOrigin("wrong");
    const connection = await openUpstream(testServices(), origin, {
      tls: upstreamTls({ trustedCa: CA, sni: "server.test" }),
    });
    expect(connection.info.tls).toMatchObject({
      serverName: "server.test",
      peerCertificateVerified: true,
      peerDnsSans: ["wrong.test"],
    });
    connection.destroy();
  });

  test.each([
    ["a certificate of another authority", "stranger", { trustedCa: CA }, /tls_verify_error:/, "fail_verify_error"],
    ["an expired one", "expired", { trustedCa: CA }, "tls_verify_error:CERT_HAS_EXPIRED", "fail_verify_error"],
    [
      "the wrong identity under the right authority",
      "wrong",
      { trustedCa: CA, sanMatchers: [exactSan("dns", "server.test")] },
      "tls_verify_san",
      "fail_verify_san",
    ],
    ["another hash", "server", { certificateHashes: ["00"] }, "tls_verify_cert_hash", "fail_verify_cert_hash"],
  ] as const)("%s is refused before a byte is sent, and counted", async (_title, name, rules, message, counter) => {
    await using origin = await tlsOrigin(name);
    const { services, tlsStats } = stats();
    await expect(openUpstream(services, origin, { tls: upstreamTls(rules), tlsStats })).rejects.toThrow(message);
    expect(services.count(`cluster.c.ssl.${counter}`)).toBe(1);
    expect(services.count("cluster.c.ssl.handshake")).toBe(0);
    expect(services.timers).toHaveProperty("size", 0);
  });

  test("the right identity and the right hash are believed", async () => {
    await using origin = await tlsOrigin("server");
    const hash = createHash("sha256")
      .update(new X509Certificate(pem("server")).raw)
      .digest("hex");
    const rules = { trustedCa: CA, sanMatchers: [exactSan("dns", "server.test")], certificateHashes: [hash] };
    (await openUpstream(testServices(), origin, { tls: upstreamTls(rules) })).destroy();
  });

  test("a client certificate is shown where one is configured", async () => {
    await using origin = await tlsOrigin("server", { requestCert: true, rejectUnauthorized: true, ca: CA });
    const connection = await openUpstream(testServices(), origin, {
      tls: upstreamTls({ certificates: [certificate("client")] }),
    });
    const recorder = new Recorder(connection);
    connection.write(Buffer.from("hello"));
    await recorder.saw("data");
    connection.destroy();
  });

  test("a handshake that breaks off is a connection failure", async () => {
    await using plain = await LoopbackServer.start((socket) => void socket.end("this is no TLS"));
    const { services, tlsStats } = stats();
    await expect(openUpstream(services, plain.address, { tls: upstreamTls(), tlsStats })).rejects.toThrow(
      /connection_failure: (ERR_SSL|EPROTO|ECONNRESET)/,
    );
    expect(services.count("cluster.c.ssl.connection_error")).toBe(1);
  });
});

describe("TLS in the short form", () => {
  test("the host's name is checked against the authority that was given", async () => {
    await using origin = await tlsOrigin("server");
    const verified = (verifyHostname: string) => upstreamTls({ trustedCa: CA, verifyHostname, sni: verifyHostname });
    (await openUpstream(testServices(), origin, { tls: verified("server.test") })).destroy();
    await expect(openUpstream(testServices(), origin, { tls: verified("other.test") })).rejects.toThrow(
      "tls_verify_san",
    );
    (
      await openUpstream(testServices(), origin, { tls: upstreamTls({ trustedCa: CA, verifyHostname: "127.0.0.1" }) })
    ).destroy();
  });

  test("the system's authorities do not know ours", async () => {
    await using origin = await tlsOrigin("server");
    const tls = upstreamTls({ systemCa: true, verifyHostname: "server.test" });
    await expect(openUpstream(testServices(), origin, { tls })).rejects.toThrow("tls_verify_error:");
  });
});
