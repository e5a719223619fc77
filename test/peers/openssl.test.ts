// openssl s_client against TLS listeners: certificates by server name, versions, ALPN, client certificates, sessions that resume on any worker.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import type { SluiceConfig } from "../../packages/core/src/index.ts";
import { runProgram } from "../support/program.ts";
import { startProxyProcess } from "../support/proxy-process.ts";
import { ANY_PORT, startProxy } from "../support/proxy.ts";

const pem = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../config/fixtures/tls/${name}`, import.meta.url)), "utf8");
const CA = fileURLToPath(new URL("../config/fixtures/tls/ca.pem", import.meta.url));
const certificates = ["a", "b"].map((name) => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) }));
const folder = mkdtempSync(join(tmpdir(), "sluice-openssl-"));
afterAll(() => rmSync(folder, { recursive: true }));

function tlsListener(tls: object = {}): SluiceConfig {
  const http = { routes: [{ prefix: "/", respond: { status: 200, body: "over TLS\n" } }] };
  return { listeners: [{ name: "front", address: ANY_PORT, tls: { certificates, ...tls }, http }] };
}

const REQUEST = "GET / HTTP/1.1\r\nhost: a.example.com\r\nconnection: close\r\n\r\n";
const client = (port: number, ...args: string[]) =>
  runProgram("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", CA, "-ign_eof", ...args], REQUEST);

describe("server names", () => {
  test.each([
    ["a.example.com", "a.example.com"],
    ["b.example.com", "b.example.com"],
    ["B.Example.COM", "b.example.com"],
    ["unknown.example", "a.example.com"],
  ])("%s gets the certificate of %s", async (asked, given) => {
    await using proxy = await startProxy(tlsListener());
    const { out } = await client(proxy.port, "-servername", asked);
    expect(out).toMatch(new RegExp(`subject=CN ?= ?${given.replaceAll(".", "\\.")}`));
    expect(out).toContain("Verify return code: 0 (ok)");
    expect(out).toContain("over TLS");
  });

  test("no name gets the first certificate", async () => {
    await using proxy = await startProxy(tlsListener());
    const { out } = await client(proxy.port, "-noservername");
    expect(out).toMatch(/subject=CN ?= ?a\.example\.com/);
  });
});

describe("versions and ALPN", () => {
  test.each([
    ["-tls1_2", "TLSv1.2"],
    ["-tls1_3", "TLSv1.3"],
  ])("%s is taken", async (flag, version) => {
    await using proxy = await startProxy(tlsListener());
    const { out } = await client(proxy.port, flag);
    expect(out).toMatch(new RegExp(`New, ${version.replace(".", "\\.")}|Protocol *: ${version.replace(".", "\\.")}`));
    expect(out).toContain("over TLS");
  });

  test("less than the least version is refused", async () => {
    await using proxy = await startProxy(tlsListener({ min_version: "1.3" }));
    const { out, err, code } = await client(proxy.port, "-tls1_2");
    expect(code).not.toBe(0);
    expect(err).toMatch(/alert protocol version/);
    expect(out).not.toContain("over TLS");
    await proxy.admin.reaches("listener.127.0.0.1_0.ssl.connection_error", 1);
    await proxy.admin.reaches("listener.127.0.0.1_0.downstream_cx_active", 0);
  });

  test("the protocol is chosen by ALPN", async () => {
    await using proxy = await startProxy(tlsListener({ alpn: ["http/1.1"] }));
    expect((await client(proxy.port, "-alpn", "h2,http/1.1")).out).toContain("ALPN protocol: http/1.1");
  });

  test("a plain request to a TLS listener ends without harm", async () => {
    await using proxy = await startProxy(tlsListener());
    const { code } = await runProgram("curl", ["--silent", "--max-time", "5", `http://127.0.0.1:${proxy.port}/`]);
    expect(code).not.toBe(0);
    expect((await client(proxy.port)).out).toContain("over TLS");
  });
});

describe("client certificates", () => {
  const asked = { client_ca: pem("ca.pem") };

  test("are asked for: without one the connection is refused", async () => {
    await using proxy = await startProxy(tlsListener(asked));
    const { out } = await client(proxy.port);
    expect(out).not.toContain("over TLS");
  });

  test("are taken when the authority signed them", async () => {
    await using proxy = await startProxy(tlsListener(asked));
    const path = (name: string) => fileURLToPath(new URL(`../config/fixtures/tls/${name}`, import.meta.url));
    const { out } = await client(proxy.port, "-cert", path("b.pem"), "-key", path("b.key"));
    expect(out).toContain("over TLS");
  });

  test("are refused when they carry another name than those that are asked for", async () => {
    await using proxy = await startProxy(tlsListener({ ...asked, client_names: ["a.example.com"] }));
    const path = (name: string) => fileURLToPath(new URL(`../config/fixtures/tls/${name}`, import.meta.url));
    expect((await client(proxy.port, "-cert", path("b.pem"), "-key", path("b.key"))).out).not.toContain("over TLS");
    expect((await client(proxy.port, "-cert", path("a.pem"), "-key", path("a.key"))).out).toContain("over TLS");
  });
});

test.each(["-tls1_2", "-tls1_3"])("a session resumes on any of three workers (%s)", async (version) => {
  await using proxy = await startProxyProcess(tlsListener(), { concurrency: 3 });
  const session = join(folder, `session${version}`);
  await client(proxy.frontPort, version, "-sess_out", session);
  for (let count = 0; count < 8; count++) {
    const { out } = await client(proxy.frontPort, version, "-sess_in", session);
    expect(out).toMatch(/^Reused, TLSv1/m);
  }
  const stats = await proxy.admin.stats();
  const workers = [...stats].filter(([name, value]) => /\.worker_\d\.downstream_cx_total$/.test(name) && value > 0);
  expect(workers.length, "the connections came to several workers").toBeGreaterThan(1);
});
