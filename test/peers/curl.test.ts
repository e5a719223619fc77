// curl as the client: its many ways to ask, through the proxy to a real origin.
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { type Echo, HttpOrigin, echo, mirror } from "../support/http-origin.ts";
import { runProgram } from "../support/program.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";

const curl = (...args: string[]) => runProgram("curl", ["--silent", "--show-error", "--max-time", "20", ...args]);

describe("requests", () => {
  test("GET, with status, headers and body as the origin meant them", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    const { out, code } = await curl(
      "-H",
      "X-Mixed-Case: Value",
      "-A",
      "agent/1",
      `http://127.0.0.1:${proxy.port}/a%20b?c=d&e`,
    );
    expect(code).toBe(0);
    expect(JSON.parse(out) as Echo).toMatchObject({
      method: "GET",
      url: "/a%20b?c=d&e",
      headers: { "x-mixed-case": "Value", "user-agent": "agent/1" },
    });
  });

  test("HEAD ends at once, with the length that GET would have", async () => {
    await using origin = await HttpOrigin.start(
      (_, response) => void response.writeHead(200, { "content-length": 12345 }).end(),
    );
    await using proxy = await startProxy(forwardTo(origin.address));
    const { out, code } = await curl("--head", `http://127.0.0.1:${proxy.port}/`);
    expect(code).toBe(0);
    expect(out).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(out).toMatch(/content-length: 12345/i);
  });

  test("HTTP/1.0 gets an answer that ends with its connection", async () => {
    await using origin = await HttpOrigin.start(mirror);
    await using proxy = await startProxy(forwardTo(origin.address, { http: { http_10: true } }));
    const { out, code } = await curl(
      "--http1.0",
      "--data-binary",
      "old but gold",
      "-D",
      "-",
      `http://127.0.0.1:${proxy.port}/`,
    );
    expect(code).toBe(0);
    expect(out).not.toMatch(/transfer-encoding/i);
    expect(out.endsWith("\r\n\r\nold but gold")).toBe(true);
  });

  test("an upload from standard input goes in chunks and comes back whole", async () => {
    await using origin = await HttpOrigin.start(mirror);
    await using proxy = await startProxy(forwardTo(origin.address));
    const data = randomBytes(5_000_000);
    const args = ["--silent", "--show-error", "-T", "-", "-H", "Expect:", `http://127.0.0.1:${proxy.port}/upload`];
    const { bytes, code } = await runProgram("curl", args, data);
    expect(code).toBe(0);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(createHash("sha256").update(data).digest("hex"));
    expect(origin.seen).toEqual(["PUT /upload"]);
  });

  test("`Expect: 100-continue` is answered, so that curl does not wait its second", async () => {
    await using origin = await HttpOrigin.start(mirror);
    await using proxy = await startProxy(forwardTo(origin.address));
    const { err, out, code } = await curl(
      "--verbose",
      "--expect100-timeout",
      "15",
      "-H",
      "Expect: 100-continue",
      "--data-binary",
      "x".repeat(2000),
      `http://127.0.0.1:${proxy.port}/`,
    );
    expect(code).toBe(0);
    expect(err).toContain("< HTTP/1.1 100 Continue");
    expect(out).toBe("x".repeat(2000));
  });

  test("a compressed body passes as it is", async () => {
    const text = "again and again ".repeat(10_000);
    await using origin = await HttpOrigin.start(
      (_, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(text)),
    );
    await using proxy = await startProxy(forwardTo(origin.address));
    const { out, code } = await curl("--compressed", `http://127.0.0.1:${proxy.port}/`);
    expect([code, out]).toEqual([0, text]);
  });

  test("raw chunks are well formed", async () => {
    await using origin = await HttpOrigin.start((_, response) => {
      response.write("one");
      setImmediate(() => response.end("two!"));
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    const { out } = await curl("--raw", `http://127.0.0.1:${proxy.port}/`);
    expect(out).toMatch(/^(?:3\r\none\r\n4\r\ntwo!\r\n|7\r\nonetwo!\r\n)0\r\n\r\n$/);
  });

  test("a form with a file, and cookies, arrive", async () => {
    await using origin = await HttpOrigin.start(echo);
    await using proxy = await startProxy(forwardTo(origin.address));
    const { out } = await curl(
      "-F",
      "name=value",
      "-F",
      "file=@/etc/hostname",
      "-b",
      "a=1; b=2",
      `http://127.0.0.1:${proxy.port}/form`,
    );
    const seen = JSON.parse(out) as Echo;
    expect(seen.headers["cookie"]).toBe("a=1; b=2");
    expect(seen.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
    expect(seen.body).toContain('name="file"; filename="hostname"');
  });

  test("the offer of h2c is left aside", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    const { out, code } = await curl("--http2", `http://127.0.0.1:${proxy.port}/`);
    expect(code).toBe(0);
    const { headers } = JSON.parse(out) as Echo;
    expect([headers["upgrade"], headers["http2-settings"]]).toEqual([undefined, undefined]);
  });
});

describe("connections", () => {
  test("several requests of one curl take one connection", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    const url = `http://127.0.0.1:${proxy.port}/`;
    const { out, code } = await curl(
      "-o",
      "/dev/null",
      "-o",
      "/dev/null",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code} %{num_connects}\n",
      url,
      url,
      url,
    );
    expect([code, out]).toEqual([0, "200 1\n200 0\n200 0\n"]);
    expect(await proxy.admin.stat("cluster.web.upstream_cx_total")).toBe(1);
  });

  test("fifty at once are all answered", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    const { out, code } = await curl(
      "--parallel",
      "--parallel-immediate",
      "--parallel-max",
      "50",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code}\n",
      `http://127.0.0.1:${proxy.port}/[1-50]`,
    );
    expect(code).toBe(0);
    expect(out).toBe("200\n".repeat(50));
    expect(origin.seen.length).toBe(50);
  });

  test("a download that curl breaks off harms nobody", async () => {
    const block = Buffer.alloc(1 << 20);
    await using origin = await HttpOrigin.start((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(block));
      };
      response.on("drain", more);
      more();
    });
    await using proxy = await startProxy(forwardTo(origin.address));
    const { code } = await curl("--max-time", "0.5", "-o", "/dev/null", `http://127.0.0.1:${proxy.port}/endless`);
    expect(code).toBe(28);
    await proxy.admin.reaches("http.front.downstream_cx_active", 0);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect((await proxy.accessLog())[0]).toMatchObject({ status: 200, flags: "DC" });
  });

  test("over a Unix socket", async () => {
    await using origin = await HttpOrigin.start();
    const path = `/tmp/sluice-curl-${process.pid}.sock`;
    await using _proxy = await startProxy(forwardTo(origin.address, { listener: { address: `unix:${path}` } }));
    const { out, code } = await curl("--unix-socket", path, "http://somewhere/path");
    expect(code).toBe(0);
    expect(JSON.parse(out) as Echo).toMatchObject({ url: "/path", headers: { host: "somewhere" } });
  });
});

describe("as a forward proxy", () => {
  test("absolute-form targets", async () => {
    await using origin = await HttpOrigin.start();
    await using proxy = await startProxy(forwardTo(origin.address));
    const { out, code } = await curl("--proxy", `http://127.0.0.1:${proxy.port}`, "http://name.example/path?x");
    expect(code).toBe(0);
    expect(JSON.parse(out) as Echo).toMatchObject({ url: "/path?x", headers: { host: "name.example" } });
  });

  test("a CONNECT tunnel through an upstream proxy", async () => {
    await using target = await HttpOrigin.start();
    const tunnel = createServer((socket) => {
      socket.once("data", (head) => {
        const port = Number(/^CONNECT [^:]+:(\d+) /.exec(head.toString())?.[1]);
        const way = connect(port, "127.0.0.1", () => {
          socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
          way.pipe(socket).pipe(way);
        });
        way.on("error", () => socket.destroy());
      });
      socket.on("error", () => {});
    });
    tunnel.listen(0, "127.0.0.1");
    await once(tunnel, "listening");
    const routes = [{ connect: true, cluster: "web" }];
    await using proxy = await startProxy(
      forwardTo(`127.0.0.1:${(tunnel.address() as AddressInfo).port}`, { http: { upgrades: ["CONNECT"], routes } }),
    );
    const { out, code } = await curl(
      "--proxytunnel",
      "--proxy",
      `http://127.0.0.1:${proxy.port}`,
      `http://${target.address}/through`,
    );
    expect(code).toBe(0);
    expect((JSON.parse(out) as Echo).url).toBe("/through");
    tunnel.close();
  });
});
