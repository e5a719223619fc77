import { defineNetworkFilter, parsedBy, type TlsInfo } from "@sluice/sdk";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { describe, expect, test } from "vitest";
import { eventually } from "../../../../../test/support/eventually.ts";
import {
  type ListenerOptions,
  networkFilter,
  networkRegistry,
  startListener,
} from "../../../../../test/support/listeners.ts";
import { RawPeer } from "../../../../../test/support/raw-peer.ts";
import { type TestServices, testServices } from "../../../../../test/support/services.ts";
import { certificate, downstreamTls, exactSan, pem } from "../../../../../test/support/tls.ts";
import type { DownstreamTlsModel } from "../../config/model.ts";

const CA = pem("ca");

/** Keeps what is known of each connection, and echoes. */
function observer(seen: TlsInfo[]) {
  return defineNetworkFilter({
    id: "test.observer",
    maturity: "alpha",
    security: "unknown",
    terminal: true,
    config: parsedBy(() => ({})),
    create: () => ({
      onNewConnection({ connection }) {
        if (connection.tls !== null) seen.push(connection.tls);
      },
      onData: (data, end, connection) => connection.send(data, end),
    }),
  });
}

async function start(
  tls: Partial<DownstreamTlsModel>,
  services: TestServices = testServices(),
  options: ListenerOptions = {},
) {
  const seen: TlsInfo[] = [];
  const listener = await startListener(services, {
    tls: downstreamTls(tls),
    registry: networkRegistry([observer(seen)]),
    filters: [networkFilter("test.observer")],
    ...options,
  });
  return { listener, seen, services, [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose]() };
}

/** Connects, checks that bytes go round, and returns the open peer. */
async function talk(port: number, options: ConnectionOptions): Promise<RawPeer & { socket: TLSSocket }> {
  const peer = await RawPeer.openTls(port, { ca: CA, checkServerIdentity: () => undefined, ...options });
  expect(await peer.send("ping").through("ping")).toBe("ping");
  return peer as RawPeer & { socket: TLSSocket };
}

function clientIdentity(name: string): ConnectionOptions {
  const { cert, key } = certificate(name);
  return { cert, key };
}

describe("certificates by server name", () => {
  test.each([
    ["a.test", "a"],
    ["A.test", "a"],
    ["x.wild.test", "wildcard"],
    ["unknown.test", "server"],
    ["", "server"],
  ])("%j gets %s", async (servername, expected) => {
    await using proxy = await start({
      certificates: [certificate("server"), certificate("a"), certificate("wildcard")],
    });
    const peer = await talk(proxy.listener.port, { servername });
    expect(peer.socket.getPeerX509Certificate()?.subject).toBe(`CN=${expected}`);
    expect(proxy.seen[0]?.serverName).toBe(servername);
    peer.close();
  });

  test("of an RSA and an ECDSA certificate for one name the client gets the one that it can check", async () => {
    await using proxy = await start({ certificates: [certificate("a"), certificate("a-rsa"), certificate("server")] });
    for (const [sigalgs, expected] of [
      ["ecdsa_secp256r1_sha256", "CN=a"],
      ["rsa_pss_rsae_sha256", "CN=a-rsa"],
    ] as const) {
      const peer = await talk(proxy.listener.port, { servername: "a.test", sigalgs });
      expect(peer.socket.getPeerX509Certificate()?.subject).toBe(expected);
      peer.close();
    }
  });
});

describe("parameters", () => {
  test("version, cipher, ALPN and server name are known", async () => {
    await using proxy = await start({ alpn: ["http/1.1", "other"] });
    const peer = await talk(proxy.listener.port, { servername: "server.test", ALPNProtocols: ["other", "http/1.1"] });
    expect(proxy.seen).toEqual([
      {
        serverName: "server.test",
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        alpn: "http/1.1",
        peerCertificatePresented: false,
        peerCertificateVerified: false,
        peerSubject: "",
        peerUriSans: [],
        peerDnsSans: [],
      },
    ]);
    expect(proxy.services.count("listener.test.ssl.handshake")).toBe(1);
    expect(proxy.services.count("listener.test.ssl.no_certificate")).toBe(1);
    expect(proxy.services.count("listener.test.ssl.versions.TLSv1.3")).toBe(1);
    expect(proxy.services.count("listener.test.ssl.ciphers.TLS_AES_256_GCM_SHA384")).toBe(1);
    peer.close();
  });

  test("a client without a protocol in common is refused with an alert; one that names none goes on", async () => {
    await using proxy = await start({ alpn: ["http/1.1"] });
    await expect(talk(proxy.listener.port, { ALPNProtocols: ["other"] })).rejects.toThrow(/no application protocol/i);
    (await talk(proxy.listener.port, {})).close();
    expect(proxy.seen[0]?.alpn).toBe("");
  });

  test.each([
    ["older than the minimum", { minVersion: "TLSv1.3" }, { maxVersion: "TLSv1.2" }],
    ["newer than the maximum", { maxVersion: "TLSv1.2" }, { minVersion: "TLSv1.3" }],
    [
      "without a cipher in common",
      { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" },
      { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" },
    ],
    ["without a curve in common", { curves: "P-384" }, { ecdhCurve: "P-521" }],
  ] as const)("a client %s is refused, and counted", async (_title, tls, client) => {
    await using proxy = await start(tls);
    await expect(talk(proxy.listener.port, client)).rejects.toThrow();
    await eventually("counted", () => proxy.services.count("listener.test.ssl.connection_error") === 1);
    await eventually("gone", () => proxy.listener.listener.connections === 0);
    expect(proxy.seen).toEqual([]);
  });

  test("a list of ciphers of TLS 1.2 leaves TLS 1.3 on", async () => {
    await using proxy = await start({ ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" });
    (await talk(proxy.listener.port, {})).close();
    (await talk(proxy.listener.port, { maxVersion: "TLSv1.2" })).close();
    expect(proxy.seen.map(({ version, cipher }) => `${version} ${cipher}`)).toEqual([
      "TLSv1.3 TLS_AES_256_GCM_SHA384",
      "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256",
    ]);
  });

  test.each([
    [
      "a key of another certificate",
      { certificates: [{ ...certificate("server"), key: certificate("a").key }] },
      "server.pem",
    ],
    ["a cipher list that OpenSSL refuses", { ciphers: "NO-SUCH-CIPHER" }, "TLS context"],
  ])("%s stops the configuration", async (_title, tls, message) => {
    await expect(start(tls)).rejects.toThrow(message);
  });
});

describe("client certificates", () => {
  const required = { trustedCa: CA, requireClientCertificate: true } as const;

  test("a verified one is known by its names", async () => {
    await using proxy = await start(required);
    const peer = await talk(proxy.listener.port, clientIdentity("client"));
    expect(proxy.seen[0]).toMatchObject({
      peerCertificatePresented: true,
      peerCertificateVerified: true,
      peerSubject: "CN=client,O=Acme\\, Inc",
      peerUriSans: ["spiffe://test/client"],
      peerDnsSans: ["client.test"],
    });
    peer.close();
  });

  test("with an authority but without a demand a client may show none", async () => {
    await using proxy = await start({ trustedCa: CA });
    (await talk(proxy.listener.port, {})).close();
    expect(proxy.seen[0]).toMatchObject({ peerCertificatePresented: false, peerCertificateVerified: false });
  });

  test.each([
    ["none", required, {}, "fail_verify_no_cert"],
    ["one of another authority", required, clientIdentity("stranger"), "fail_verify_error"],
    [
      "one of another authority where none is demanded",
      { trustedCa: CA },
      clientIdentity("stranger"),
      "fail_verify_error",
    ],
    ["one that has expired", required, clientIdentity("expired"), "fail_verify_error"],
    [
      "the wrong identity",
      { ...required, sanMatchers: [exactSan("uri", "spiffe://test/client")] },
      clientIdentity("wrong"),
      "fail_verify_san",
    ],
    [
      "one with another hash",
      { ...required, certificateHashes: ["00"] },
      clientIdentity("client"),
      "fail_verify_cert_hash",
    ],
  ] as const)("%s is refused before a byte reaches a filter, and counted", async (_title, tls, identity, counter) => {
    for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const) {
      await using proxy = await start(tls);
      await expect(talk(proxy.listener.port, { ...identity, maxVersion })).rejects.toThrow();
      await eventually("counted", () => proxy.services.count(`listener.test.ssl.${counter}`) === 1);
      expect(proxy.seen).toEqual([]);
      expect(proxy.services.count("listener.test.ssl.handshake")).toBe(0);
      await eventually("gone", () => proxy.listener.listener.connections === 0);
    }
  });

  test("an intermediate authority may be the anchor of trust, as in Envoy", async () => {
    await using proxy = await start({ trustedCa: pem("intermediate"), requireClientCertificate: true });
    (await talk(proxy.listener.port, clientIdentity("chained"))).close();
    expect(proxy.seen).toHaveLength(1);
  });
});

describe("sessions", () => {
  async function resume(
    port: number,
    version: "TLSv1.2" | "TLSv1.3",
    session?: Buffer,
    identity: ConnectionOptions = {},
  ) {
    const options: ConnectionOptions = {
      ca: CA,
      checkServerIdentity: () => undefined,
      maxVersion: version,
      ...identity,
    };
    if (session !== undefined) options.session = session;
    const peer = await RawPeer.openTls(port, options);
    const socket = peer.socket as TLSSocket;
    let ticket: Buffer | null = null;
    socket.on("session", (session) => (ticket = session));
    await peer.send("ping").through("ping");
    const reused = socket.isSessionReused();
    if (version === "TLSv1.2") ticket = socket.getSession() ?? null;
    if (!reused) await eventually("a ticket", () => ticket);
    peer.close();
    return { reused, ticket: ticket ?? Buffer.alloc(0) };
  }

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "%s: a session resumes on another worker that has the same ticket keys",
    async (version) => {
      const ticketKeys = Buffer.alloc(48, 3);
      await using one = await start({}, testServices({ ticketKeys }));
      await using two = await start({}, testServices({ ticketKeys }));
      await using other = await start({}, testServices({ ticketKeys: Buffer.alloc(48, 4) }));
      const { ticket, reused } = await resume(one.listener.port, version);
      expect(reused).toBe(false);
      expect((await resume(two.listener.port, version, ticket)).reused).toBe(true);
      expect(two.services.count("listener.test.ssl.session_reused")).toBe(1);
      expect((await resume(other.listener.port, version, ticket)).reused).toBe(false);
    },
  );

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "%s: a resumed session still shows who the client is, and is verified anew",
    async (version) => {
      const ticketKeys = Buffer.alloc(48, 3);
      const rules = { trustedCa: CA, requireClientCertificate: true };
      await using one = await start(rules, testServices({ ticketKeys }));
      await using stricter = await start(
        { ...rules, sanMatchers: [exactSan("uri", "spiffe://test/other")] },
        testServices({ ticketKeys }),
      );
      const identity = clientIdentity("client");
      const { ticket } = await resume(one.listener.port, version, undefined, identity);
      expect((await resume(one.listener.port, version, ticket, identity)).reused).toBe(true);
      expect(one.seen[1]).toMatchObject({ peerUriSans: ["spiffe://test/client"], peerCertificateVerified: true });
      await expect(resume(stricter.listener.port, version, ticket, identity)).rejects.toThrow();
      expect(stricter.seen).toEqual([]);
    },
  );
});

describe("broken handshakes", () => {
  test("plain text, and a client that leaves, cost one connection and nothing more", async () => {
    await using proxy = await start({});
    const plain = await RawPeer.open(proxy.listener.port);
    plain.send("GET / HTTP/1.1\r\n\r\n");
    await plain.gone();
    const leaver = await RawPeer.open(proxy.listener.port);
    await eventually("accepted", () => proxy.listener.listener.connections > 0);
    leaver.reset();
    await eventually("all gone", () => proxy.listener.listener.connections === 0);
    expect(proxy.services.count("listener.test.ssl.connection_error")).toBe(2);
    expect(proxy.services.count("listener.test.downstream_cx_destroy")).toBe(2);
    (await talk(proxy.listener.port, {})).close();
  });

  test("a client that ends its side during the handshake is let go at once", async () => {
    await using proxy = await start({});
    const peer = await RawPeer.open(proxy.listener.port);
    peer.send(Buffer.from([0x16, 0x03, 0x01])).end();
    await peer.gone();
    await eventually("gone", () => proxy.listener.listener.connections === 0);
    expect(proxy.services.count("listener.test.ssl.connection_error")).toBe(1);
  });

  test("a client that does not finish its handshake is cut after the time-out", async () => {
    await using proxy = await start({}, testServices(), { handshakeTimeoutMs: 50 });
    const peer = await RawPeer.open(proxy.listener.port);
    await peer.gone();
    await eventually(
      "counted",
      () => proxy.services.count("listener.test.downstream_cx_transport_socket_connect_timeout") === 1,
    );
    await eventually("gone", () => proxy.listener.listener.connections === 0);
  });

  test("closing the listener's connections ends handshakes too", async () => {
    await using proxy = await start({});
    const peer = await RawPeer.open(proxy.listener.port);
    await eventually("accepted", () => proxy.listener.listener.connections === 1);
    proxy.listener.listener.closeConnections();
    await peer.gone();
    await eventually("gone", () => proxy.listener.listener.connections === 0);
  });
});

test("half-close and reset go through TLS", async () => {
  await using proxy = await start({});
  const half = await RawPeer.openTls(proxy.listener.port, {
    ca: CA,
    checkServerIdentity: () => undefined,
    allowHalfOpen: true,
  } as ConnectionOptions);
  half.send("x".repeat(100_000)).end();
  expect((await half.gone()).length).toBe(100_000);
  const reset = await talk(proxy.listener.port, {});
  await eventually("one left", () => proxy.listener.listener.connections === 1);
  reset.close();
  await eventually("gone", () => proxy.listener.listener.connections === 0);
});
