// curl and HAProxy put PROXY headers before their connections, plain and with TLS.
import { describe, expect, test } from "vitest";
import { type Echo, HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { Daemon, runProgram, writeConfig } from "../support/program.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";

type Listener = NonNullable<Parameters<typeof forwardTo>[1]>["listener"];

function proxyTo(origin: HttpOrigin, listener: Listener = {}, concurrency = 0) {
  const http = { use_remote_address: true };
  return startProxy(forwardTo(origin.address, { http, listener: { proxy_protocol: true, ...listener } }), {
    concurrency,
  });
}

const tls = { cert: "test/fixtures/tls/a.pem", key: "test/fixtures/tls/a.key" };
const curl = (...args: string[]) => runProgram("curl", ["--silent", "--show-error", "--max-time", "20", ...args]);

/** HAProxy in TCP mode in front of `port`, speaking the PROXY protocol as `option` says. */
function haproxy(upstream: number, option: string): Promise<Daemon> {
  return Daemon.start("haproxy", async (port, folder) => {
    const config = await writeConfig(
      folder,
      "haproxy.cfg",
      `defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
listen front
  bind 127.0.0.1:${port}
  server sluice 127.0.0.1:${upstream} ${option}
`,
    );
    return ["-db", "-f", config];
  });
}

describe("curl", () => {
  test.each([
    ["plain", false, 0],
    ["TLS behind the header", true, 0],
    ["TLS behind the header, in worker threads", true, 2],
  ] as const)("--haproxy-protocol, %s", async (_title, isTls, concurrency) => {
    await using origin = await HttpOrigin.start();
    await using proxy = await proxyTo(origin, isTls ? { tls, listener_filters: ["tls_inspector"] } : {}, concurrency);
    const url = `${isTls ? "https" : "http"}://127.0.0.1:${proxy.port}/`;
    const { out, code, err } = await curl("--insecure", "--haproxy-protocol", url);
    expect([code, err]).toEqual([0, ""]);
    expect((JSON.parse(out) as Echo).headers["x-forwarded-for"]).toBe("127.0.0.1");
    await proxy.admin.reaches("proxy_proto.versions.v1.found", 1);
  });

  test("without the header it is closed; where that is allowed it is served", async () => {
    await using origin = await HttpOrigin.start();
    await using strict = await proxyTo(origin);
    expect((await curl(`http://127.0.0.1:${strict.port}/`)).code).not.toBe(0);
    await using lenient = await proxyTo(origin, { proxy_protocol: { allow_requests_without_proxy_protocol: true } });
    const { out } = await curl(`http://127.0.0.1:${lenient.port}/`);
    expect((JSON.parse(out) as Echo).headers["x-forwarded-for"]).toBe("127.0.0.1");
  });
});

describe("HAProxy", () => {
  test.each(["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options unique-id,crc32c"])(
    "%s",
    async (option) => {
      await using origin = await HttpOrigin.start();
      await using proxy = await proxyTo(origin);
      await using balancer = await haproxy(proxy.port, option);
      const { status, text } = await send(balancer.port, "/");
      expect(status).toBe(200);
      expect((JSON.parse(text) as Echo).headers["x-forwarded-for"]).toBe("127.0.0.1");
      const found = option === "send-proxy" ? "v1" : "v2";
      // One is the look whether HAProxy is there.
      await proxy.admin.reaches(`proxy_proto.versions.${found}.found`, 2);
    },
  );

  test("its health checks come without an address, and are served", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await proxyTo(origin);
    await using balancer = await haproxy(proxy.port, "send-proxy-v2 check inter 200ms");
    expect((await send(balancer.port, "/")).status).toBe(200);
    await expect.poll(() => proxy.admin.stat("proxy_proto.versions.v2.found"), { timeout: 8000 }).toBeGreaterThan(2);
    expect(await proxy.admin.stat("downstream_cx_proxy_proto_error")).toBe(0);
  });
});
