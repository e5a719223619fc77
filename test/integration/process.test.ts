// `sluice run` as a process: start, drain, end, with real HTTP clients and origins.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, type IncomingMessage, type RequestListener, createServer, request } from "node:http";
import { type AddressInfo, createServer as createNetServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { SluiceProcess } from "../support/sluice-process.ts";

// Processes and threads start; on a busy machine each takes seconds.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "sluice-process-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function sluice(argv: readonly string[], stdin?: string): SluiceProcess {
  const proxy = new SluiceProcess(argv, stdin);
  ends.push(() => proxy.kill());
  return proxy;
}

async function origin(handle: RequestListener): Promise<number> {
  const server = createServer(handle);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const toOrigin = (port: number) => `
listeners: [{ name: web, address: "127.0.0.1:0", http: { routes: [{ prefix: /, cluster: origin, timeout: 20s }] } }]
clusters: { origin: { endpoints: ["127.0.0.1:${port}"] } }
admin: 127.0.0.1:0
`;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

function get(port: number, path: string, options: { agent?: Agent; method?: string } = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request({ host: "127.0.0.1", port, path, ...options }, (response) => {
    let body = "";
    response.setEncoding("utf8").on("data", (text: string) => (body += text));
    response
      .on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
      .on("error", reject);
  });
  sent.on("error", reject).end();
  return promise;
}

test("reads its configuration from standard input, serves, tells where, and ends with 0 on SIGTERM", async () => {
  const addressFile = join(folder, "admin.address");
  const port = await origin((request_, response) => void response.end(`origin saw ${request_.url}`));
  const proxy = sluice(["run", "-", "--concurrency", "2", "--admin-address-path", addressFile], toOrigin(port));
  await proxy.serves();
  expect(await get(proxy.port("web"), "/x")).toMatchObject({ status: 200, body: "origin saw /x" });
  expect(readFileSync(addressFile, "utf8")).toBe(`127.0.0.1:${proxy.port("admin address")}`);
  expect(await get(proxy.port("admin address"), "/ready")).toMatchObject({ status: 200, body: "LIVE\n" });
  proxy.signal("SIGTERM");
  expect(await proxy.exited).toBe(0);
  expect(proxy.out).toBe("");
});

test("SIGTERM loses no request: what runs ends, what comes on open connections is answered, idle ones are closed", async () => {
  const held = Promise.withResolvers<() => void>();
  const port = await origin((request_, response) => {
    if (request_.url === "/held") held.resolve(() => void response.end("held to the end"));
    else response.end("quick");
  });
  const proxy = sluice(["run", "-", "--concurrency", "2", "--drain-time-s", "10"], toOrigin(port));
  await proxy.serves();
  const web = proxy.port("web");
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  ends.push(() => agent.destroy());
  // An open connection that has served, and one in the middle of a request.
  expect((await get(web, "/", { agent })).headers.connection).not.toBe("close");
  const slow = get(web, "/held");
  const finish = await held.promise;
  proxy.signal("SIGTERM");
  await proxy.says(/draining/);
  // Requests go on, on the old connection or a new one, until the client heeds `connection: close`.
  const answers = await Promise.all(Array.from({ length: 20 }, () => get(web, "/")));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(answers.every(({ headers }) => headers.connection === "close")).toBe(true);
  expect((await get(web, "/", { agent })).status).toBe(200);
  finish();
  expect(await slow).toMatchObject({ status: 200, body: "held to the end", headers: { connection: "close" } });
  expect(await proxy.exited).toBe(0);
});

test.each(["0", "1"])("a promise that a filter drops costs a line of the log, with %s threads", async (threads) => {
  const filter = join(folder, `drops-${threads}.ts`);
  const sdk = import.meta.resolve("@sluice/sdk");
  writeFileSync(
    filter,
    `import { defineHttpFilter } from ${JSON.stringify(sdk)};
    void Promise.reject(new Error("dropped while it was loaded"));
    export default defineHttpFilter({
      id: "test.http.drops", maturity: "alpha", security: "unknown", config: {},
      create: () => ({ onRequestHeaders: () => void Promise.reject(new Error("dropped in a hook")) }),
    });`,
  );
  const config = `
extensions: [${JSON.stringify(filter)}]
listeners: [{ name: web, address: "127.0.0.1:0", http: { filters: [test.http.drops: {}], routes: [{ prefix: /, respond: { status: 204 } }] } }]
`;
  const proxy = sluice(["run", "-", "--concurrency", threads], config);
  await proxy.serves();
  expect((await get(proxy.port("web"), "/")).status).toBe(204);
  await proxy.says(/dropped in a hook/);
  expect(proxy.err).toContain("dropped while it was loaded");
  expect((await get(proxy.port("web"), "/")).status).toBe(204);
});

test("the drain time ends what does not end itself, and a second signal ends everything at once", async () => {
  const port = await origin(() => {});
  const patient = sluice(["run", "-", "--concurrency", "1", "--drain-time-s", "1"], toOrigin(port));
  const hurried = sluice(["run", "-", "--concurrency", "1", "--drain-time-s", "600"], toOrigin(port));
  await Promise.all([patient.serves(), hurried.serves()]);
  const cut = [patient, hurried].map((proxy) =>
    get(proxy.port("web"), "/never").catch((error: unknown) => (error as NodeJS.ErrnoException).code),
  );
  for (const proxy of [patient, hurried]) {
    const admin = proxy.port("admin address");
    while (!(await get(admin, "/stats?filter=http.web.downstream_rq_active")).body.endsWith(": 1\n"));
    proxy.signal("SIGTERM");
    await proxy.says(/draining/);
  }
  hurried.signal("SIGINT");
  expect(await Promise.all([patient.exited, hurried.exited])).toEqual([0, 0]);
  expect(await Promise.all(cut)).toEqual(["ECONNRESET", "ECONNRESET"]);
});

test("POST /quitquitquit drains and ends it", async () => {
  const port = await origin((_, response) => void response.end());
  const proxy = sluice(["run", "-", "--concurrency", "0"], toOrigin(port));
  await proxy.serves();
  expect(await get(proxy.port("admin address"), "/quitquitquit", { method: "POST" })).toMatchObject({
    status: 200,
    body: "OK\n",
  });
  expect(await proxy.exited).toBe(0);
});

test("a port in use ends it with 2 and the sentence at its place, whether a plain server or another sluice has it", async () => {
  const plain = createNetServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  plain.listen(0, "127.0.0.1", resolve);
  await promise;
  ends.push(() => plain.close());
  const first = sluice(["run", "-", "--concurrency", "2"], toOrigin(1));
  await first.serves();
  for (const port of [(plain.address() as AddressInfo).port, first.port("web")]) {
    const file = join(folder, `taken-${port}.yaml`);
    writeFileSync(file, toOrigin(1).replace("127.0.0.1:0", `127.0.0.1:${port}`));
    const second = sluice(["run", file, "--concurrency", "2"]);
    expect(await second.exited).toBe(2);
    expect(second.err).toMatch(
      new RegExp(
        `taken-${port}\\.yaml:2:\\d+ {2}\\S.* {2}listener "web": 127\\.0\\.0\\.1:${port} is in use by another socket \\(EADDRINUSE\\)`,
      ),
    );
  }
});

test("an admin address in use ends it with 2", async () => {
  const first = sluice(["run", "-", "--concurrency", "0"], toOrigin(1));
  await first.serves();
  const admin = first.port("admin address");
  const second = sluice(
    ["run", "-", "--concurrency", "1"],
    toOrigin(1).replace("admin: 127.0.0.1:0", `admin: 127.0.0.1:${admin}`),
  );
  expect(await second.exited).toBe(2);
  expect(second.err).toContain(`admin: 127.0.0.1:${admin} is in use by another socket (EADDRINUSE)`);
});

test("with --log-format json every line on standard error is an object", async () => {
  const proxy = sluice(["run", "-", "--concurrency", "1", "--log-format", "json"], toOrigin(1));
  await proxy.serves();
  proxy.signal("SIGINT");
  expect(await proxy.exited).toBe(0);
  const lines = proxy.err
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.length).toBeGreaterThan(2);
  for (const line of lines)
    expect(line).toMatchObject({
      time: expect.any(String),
      level: "info",
      component: expect.any(String),
      message: expect.any(String),
    });
});

test("a Unix socket is gone, or made anew, at the next start", async () => {
  const path = join(folder, "web.sock");
  const config = `listeners: [{ name: web, address: "unix:${path}", http: { routes: [{ prefix: /, respond: { status: 204 } }] } }]`;
  for (const signal of ["SIGTERM", "SIGKILL", "SIGTERM"] as const) {
    const proxy = sluice(["run", "-", "--concurrency", "2"], config);
    await proxy.serves();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    request({ socketPath: path, path: "/" }, (response) => resolve(response.resume().statusCode ?? 0))
      .on("error", reject)
      .end();
    expect(await promise).toBe(204);
    proxy.signal(signal);
    await proxy.exited;
  }
  expect(existsSync(path)).toBe(false);
});
