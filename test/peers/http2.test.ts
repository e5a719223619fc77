// curl, nghttp and h2load as HTTP/2 clients of the proxy, plain and over TLS.
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type Echo, HttpOrigin, mirror } from "../support/http-origin.ts";
import { Daemon, runProgram, writeConfig } from "../support/program.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { certificate } from "../support/tls.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
const CA = fixture("ca.pem");
const CERT = fixture("server.pem");
const KEY = fixture("server.key");
const tls = (({ cert, key }) => ({ cert, key }))(certificate("server"));

test("curl with prior knowledge: GET, an upload of megabytes, HEAD", async () => {
  await using origin = await HttpOrigin.start();
  await using proxy = await startProxy(forwardTo(origin.address));
  const curl = (...args: string[]) =>
    runProgram("curl", ["-sS", "--max-time", "20", "--http2-prior-knowledge", ...args]);
  const url = `http://127.0.0.1:${proxy.port}`;
  const get = await curl("-w", "%{http_version}", "-H", "X-One: 1", `${url}/a?b=c`);
  expect(get.code).toBe(0);
  expect(get.out.endsWith("2")).toBe(true);
  expect(JSON.parse(get.out.slice(0, -1)) as Echo).toMatchObject({ url: "/a?b=c", headers: { "x-one": "1" } });
  const upload = await runProgram(
    "curl",
    ["-sS", "--http2-prior-knowledge", "--data-binary", "@-", `${url}/up`],
    Buffer.alloc(5 << 20, "x"),
  );
  expect((JSON.parse(upload.out) as Echo).body.length).toBe(5 << 20);
  expect((await curl("--head", `${url}/`)).out).toMatch(/^HTTP\/2 200/);
});

test("curl over TLS takes h2 from ALPN, and what asks for h2c by Upgrade is served over HTTP/1", async () => {
  await using origin = await HttpOrigin.start(mirror);
  await using secure = await startProxy(forwardTo(origin.address, { listener: { tls } }));
  const resolve = ["--resolve", `server.test:${secure.port}:127.0.0.1`, "--cacert", CA];
  const over = await runProgram("curl", ["-sSI", ...resolve, `https://server.test:${secure.port}/`]);
  expect(over.out).toMatch(/^HTTP\/2 200/);
  await using plain = await startProxy(forwardTo(origin.address));
  const upgrade = await runProgram("curl", ["-sSI", "--http2", `http://127.0.0.1:${plain.port}/`]);
  expect(upgrade.out).toMatch(/^HTTP\/1\.1 200/);
});

test("nghttp: several requests on one connection, with padding, priorities and a body", async () => {
  await using origin = await HttpOrigin.start(mirror);
  await using proxy = await startProxy(forwardTo(origin.address));
  const url = `http://127.0.0.1:${proxy.port}`;
  const many = await runProgram("nghttp", ["-n", "-s", "-m20", "--padding=50", `${url}/a`, `${url}/b`]);
  expect(many.code).toBe(0);
  expect(many.out.match(/ 200 /g)?.length).toBe(40);
  expect(await proxy.admin.stat("http.front.downstream_cx_http2_total")).toBe(1);
  const body = await runProgram("nghttp", [`--data=${CA}`, `${url}/`]);
  expect(body.out).toContain("-----BEGIN CERTIFICATE-----");
});

test.each([
  ["16 connections with 10 streams each", ["-c16", "-m10", "-n20000"]],
  ["64 connections with one stream each", ["-c64", "-m1", "-n10000"]],
  ["windows of 64 KB and bodies", ["-c4", "-m10", "-w16", "-W16", "-n2000", "-d", CA]],
])("h2load: %s, and no request fails", async (_, args) => {
  await using origin = await HttpOrigin.start(mirror);
  await using proxy = await startProxy(forwardTo(origin.address));
  const { out, code } = await runProgram("h2load", ["-t1", ...args, `http://127.0.0.1:${proxy.port}/`], "", 50_000);
  expect(code).toBe(0);
  const total = args.find((arg) => arg.startsWith("-n"))!.slice(2);
  expect(out).toContain(`${total} succeeded, 0 failed, 0 errored, 0 timeout`);
  await proxy.admin.reaches("http.front.downstream_rq_completed", Number(total));
  await proxy.admin.reaches("http.front.downstream_cx_active", 0);
  await proxy.admin.reaches("http2.streams_active", 0);
});

test.each([
  ["plain", ["--no-tls"], {}],
  ["over TLS, chosen by ALPN", [], { protocol: "auto", tls: { sni: "server.test", ca: CA } }],
] as const)("h2load through the proxy to nghttpd, %s: HTTP/2 on both sides", async (_, flags, cluster) => {
  await using origin = await Daemon.start("nghttpd", async (port, folder) => {
    await writeConfig(folder, "index.html", "hello\n".repeat(2000));
    const keys = flags.length === 0 ? [KEY, CERT] : [];
    return [...flags, "-a", "127.0.0.1", "-d", folder, String(port), ...keys];
  });
  await using proxy = await startProxy(forwardTo(origin.address, { cluster: { protocol: "http2", ...cluster } }));
  const load = ["-t1", "-c4", "-m20", "-n4000", `http://127.0.0.1:${proxy.port}/`];
  const { out } = await runProgram("h2load", load, "", 50_000);
  expect(out).toContain("4000 succeeded, 0 failed, 0 errored, 0 timeout");
  expect(await proxy.admin.stat("cluster.web.upstream_rq_total")).toBe(4000);
  expect(await proxy.admin.stat("cluster.web.upstream_cx_http1_total")).toBe(0);
});
