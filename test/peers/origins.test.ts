// nginx, Apache and HAProxy as origins: files, ranges, conditions, compression, early refusals, kept connections.
import { createHash, randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { HttpOrigin, mirror } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { Daemon, writeConfig } from "../support/program.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";

const FILE = randomBytes(5_000_000);
const TEXT = "a line of text that compresses well\n".repeat(5000);
const digest = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

async function files(folder: string): Promise<void> {
  await writeFile(join(folder, "file.bin"), FILE);
  await writeFile(join(folder, "text.txt"), TEXT);
}

function nginx(): Promise<Daemon> {
  return Daemon.start("nginx", async (port, folder) => {
    await files(folder);
    const config = await writeConfig(
      folder,
      "nginx.conf",
      `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
       events {}
       http {
         types { text/plain txt; } access_log off;
         client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
         gzip on; gzip_types text/plain; gzip_min_length 1000;
         client_max_body_size 1k;
         server { listen 127.0.0.1:${port}; root ${folder}; }
       }`,
    );
    return ["-p", folder, "-c", config];
  });
}

function apache(): Promise<Daemon> {
  return Daemon.start("apache2", async (port, folder) => {
    await files(folder);
    const modules = ["mpm_event", "authz_core", "dir", "mime", "deflate", "filter"];
    const config = await writeConfig(
      folder,
      "apache.conf",
      `ServerRoot ${folder}\nServerName localhost\nListen 127.0.0.1:${port}\nPidFile ${folder}/pid\nErrorLog ${folder}/error.log\nMutex file:${folder}\nUser www-data\nGroup www-data
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
DocumentRoot ${folder}\nTypesConfig /dev/null\nAddType text/plain .txt\nAddOutputFilterByType DEFLATE text/plain\nLimitRequestBody 1024
<Directory ${folder}>\nRequire all granted\n</Directory>\n`,
    );
    return ["-f", config, "-DFOREGROUND"];
  });
}

function haproxy(server: string): Promise<Daemon> {
  return Daemon.start("haproxy", async (port, folder) => {
    const config = await writeConfig(
      folder,
      "haproxy.cfg",
      `defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\nfrontend front\n  bind 127.0.0.1:${port}
  http-request return status 200 content-type text/plain string "from haproxy" if { path /static }\n  http-request deny deny_status 403 if { path /denied }\n  default_backend web
backend web\n  server web ${server}\n`,
    );
    return ["-db", "-f", config];
  });
}

describe.each([
  ["nginx", nginx],
  ["apache2", apache],
])("%s", (_, start) => {
  test("serves files, ranges and conditions over one kept connection", async () => {
    await using origin = await start();
    await using proxy = await startProxy(forwardTo(origin.address));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const get = (path: string, headers = {}, method = "GET") => send(proxy.port, path, { agent, headers, method });
    const whole = await get("/file.bin");
    expect([whole.status, digest(whole.body)]).toEqual([200, digest(FILE)]);
    expect(whole.headers["content-length"]).toBe(String(FILE.length));
    const range = await get("/file.bin", { range: "bytes=100-199" });
    expect([range.status, range.body.equals(FILE.subarray(100, 200))]).toEqual([206, true]);
    const parts = await get("/file.bin", { range: "bytes=0-9,100-109" });
    expect([parts.status, parts.headers["content-type"]]).toEqual([
      206,
      expect.stringMatching(/^multipart\/byteranges/),
    ]);
    const unchanged = await get("/file.bin", { "if-none-match": String(whole.headers.etag) });
    expect([unchanged.status, unchanged.body.length]).toEqual([304, 0]);
    const head = await get("/file.bin", {}, "HEAD");
    expect([head.status, head.headers["content-length"], head.body.length]).toEqual([200, String(FILE.length), 0]);
    expect((await get("/missing")).status).toBe(404);
    agent.destroy();
    const stats = await proxy.admin.stats();
    expect(stats.get("cluster.web.upstream_rq_total")).toBe(6);
    expect(stats.get("cluster.web.upstream_cx_total")).toBe(1);
  });

  test("compresses in chunks", async () => {
    await using origin = await start();
    await using proxy = await startProxy(forwardTo(origin.address));
    const response = await fetch(`http://127.0.0.1:${proxy.port}/text.txt`, { headers: { "accept-encoding": "gzip" } });
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect((await response.text()) === TEXT).toBe(true);
  });

  test("refuses a large upload early, and the client hears it", async () => {
    await using origin = await start();
    await using proxy = await startProxy(forwardTo(origin.address));
    const body = Buffer.alloc(200_000);
    const response = await send(proxy.port, "/file.bin", {
      method: "POST",
      body,
      headers: { "content-length": body.length },
    });
    expect(response.status).toBe(413);
    await proxy.admin.reaches("http.front.downstream_rq_active", 0);
    expect((await send(proxy.port, "/text.txt")).text === TEXT).toBe(true);
  });

  test("a hundred clients at once get every byte", async () => {
    await using origin = await start();
    await using proxy = await startProxy(forwardTo(origin.address));
    const bodies = await Promise.all(Array.from({ length: 100 }, () => send(proxy.port, "/text.txt")));
    expect(bodies.filter(({ text }) => text === TEXT).length).toBe(100);
  });

  test("that stops is answered for with 503", async () => {
    const origin = await start();
    await using proxy = await startProxy(forwardTo(origin.address));
    expect((await send(proxy.port, "/text.txt")).status).toBe(200);
    await origin[Symbol.asyncDispose]();
    expect((await send(proxy.port, "/text.txt")).status).toBe(503);
    await proxy.admin.reaches("cluster.web.upstream_cx_active", 0);
    expect((await proxy.accessLog())[1]).toMatchObject({ status: 503, flags: "UF" });
  });
});

describe("haproxy", () => {
  test("passes chunks both ways, and keeps its connection", async () => {
    await using behind = await HttpOrigin.start(mirror);
    await using origin = await haproxy(behind.address);
    await using proxy = await startProxy(forwardTo(origin.address));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < FILE.length; at += 100_000) yield FILE.subarray(at, at + 100_000);
    }
    for (let round = 0; round < 3; round++) {
      const response = await send(proxy.port, "/", { method: "POST", body: body(), agent });
      expect(digest(response.body)).toBe(digest(FILE));
    }
    expect((await send(proxy.port, "/static", { agent })).text).toBe("from haproxy");
    expect((await send(proxy.port, "/denied", { agent })).status).toBe(403);
    agent.destroy();
    expect(await proxy.admin.stat("cluster.web.upstream_rq_total")).toBe(5);
  });

  test("its 503 for a dead server is passed on as it is", async () => {
    await using origin = await haproxy("127.0.0.1:1");
    await using proxy = await startProxy(forwardTo(origin.address));
    const response = await send(proxy.port, "/");
    expect([response.status, response.text]).toEqual([503, expect.stringContaining("No server is available")]);
    expect((await proxy.accessLog())[0]).toMatchObject({ status: 503, flags: "-", details: "via_upstream" });
  });
});
