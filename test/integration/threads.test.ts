// Worker threads with the real listeners, chains and clusters: what one thread does to itself, the others do not feel.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { defineHttpFilter } from "@sluice/sdk";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ConfigurationError, type LogSink, type ProxyServer, createServer } from "../../packages/core/src/index.ts";
import { canReusePort } from "../../packages/core/src/main/probe.ts";

// Processes and threads start; on a busy machine each takes seconds.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "sluice-threads-"));
const servers: ProxyServer[] = [];
const agents: Agent[] = [];
let lines: string[] = [];
let reusePort = false;

const log: LogSink = {
  enabled: () => true,
  write: (_level, component, message) => void lines.push(`[${component}] ${message}`),
};

beforeAll(async () => {
  reusePort = await canReusePort();
  const sdk = import.meta.resolve("@sluice/sdk");
  // Does what the query says; answers with the number of its thread.
  writeFileSync(
    join(folder, "misbehave.mjs"),
    `import { defineHttpFilter, reply } from "${sdk}";
    import { threadId } from "node:worker_threads";
    export default defineHttpFilter({ id: "acme.http.misbehave", maturity: "alpha", security: "unknown", config: { type: "object" }, create: (_, context) => ({
      onRequestHeaders(headers) {
        if (headers.path === "/loop") for (;;);
        if (headers.path === "/timer") context.setTimer(() => { throw new Error("thrown by a timer"); }, 1);
        if (headers.path === "/late") setImmediate(() => { throw new Error("thrown by an immediate"); });
        return reply({ status: 200, body: String(threadId) });
      },
    }) });`,
  );
});

afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  lines = [];
});

afterAll(() => rmSync(folder, { recursive: true }));

function get(
  port: number,
  path: string,
  agent = new Agent({ keepAlive: true, maxSockets: 1 }),
): Promise<{ status: number; body: string }> {
  agents.push(agent);
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const sent = request({ host: "127.0.0.1", port, path, agent }, (response) => {
    let body = "";
    response.setEncoding("utf8").on("data", (text: string) => (body += text));
    response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
  });
  sent.on("error", reject).end();
  return promise;
}

/** A connection to each of two threads, by what `/who` answers. */
async function oneEach(port: number): Promise<Agent[]> {
  const found = new Map<string, Agent>();
  while (found.size < (reusePort ? 2 : 1)) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const { body } = await get(port, "/who", agent);
    if (!found.has(body)) found.set(body, agent);
  }
  return [...found.values()];
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("a filter", () => {
  const config = (watchdog: string) => `
node: { id: x, cluster: y }
static_resources:
  listeners:
    - name: web
      address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
      filter_chains:
        - filters:
            - name: hcm
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: web
                http_filters:
                  - name: misbehave
                    typed_config: { "@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: type.googleapis.com/acme.http.misbehave, value: {} }
                  - name: router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
                route_config: { name: r, virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, direct_response: { status: 200 } }] }] }
watchdogs: ${watchdog}
bootstrap_extensions:
  - name: misbehave
    typed_config: { "@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: type.googleapis.com/sluice.extension, value: { module: ./misbehave.mjs } }
`;

  async function start(watchdog: string) {
    const file = join(folder, "misbehave.yaml");
    writeFileSync(file, config(watchdog));
    const server = createServer({ file }, { concurrency: 2, log });
    servers.push(server);
    return (await server.start()).listeners[0]!.port;
  }

  test("that loops for ever is named; its worker is replaced, the other one goes on", async () => {
    const port = await start("{ worker_watchdog: { miss_timeout: 0.1s, megamiss_timeout: 0.3s, kill_timeout: 1.5s } }");
    const [victim, other] = await oneEach(port);
    const lost = get(port, "/loop", victim).catch((error: unknown) => (error as NodeJS.ErrnoException).code);
    await until(() =>
      lines.some((line) => /worker \d is silent; the filter that it entered last: misbehave/.test(line)),
    );
    if (other !== undefined) expect(await get(port, "/who", other)).toMatchObject({ status: 200 });
    expect(await lost).toBe("ECONNRESET");
    await until(() => lines.some((line) => /worker \d serves again/.test(line)));
    expect(
      lines.some((line) =>
        /worker \d is dead and will be replaced: it was silent for \d+ ms; the filter that it entered last: misbehave/.test(
          line,
        ),
      ),
    ).toBe(true);
    await oneEach(port);
  });

  test("whose timer throws is told and counted, and nothing else happens", async () => {
    const port = await start("{}");
    const [agent] = await oneEach(port);
    await get(port, "/timer", agent);
    await until(() => lines.includes("[misbehave] a timer of the filter failed"));
    expect(await get(port, "/who", agent)).toMatchObject({ status: 200 });
    expect(lines.some((line) => line.includes("is dead"))).toBe(false);
  });

  test("that throws where nobody can catch it costs its worker, not the other one", async () => {
    const port = await start("{}");
    const [victim, other] = await oneEach(port);
    await get(port, "/late", victim);
    await until(() => lines.some((line) => /worker \d is dead.*thrown by an immediate/s.test(line)));
    if (other !== undefined) expect(await get(port, "/who", other)).toMatchObject({ status: 200 });
    await until(() => lines.some((line) => /worker \d serves again/.test(line)));
    await oneEach(port);
  });
});

test("a TLS session begun on one worker resumes on any other", async () => {
  const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
  const server = createServer(
    {
      listeners: [
        {
          name: "tls",
          address: "127.0.0.1:0",
          tls: { cert: fixture("server.pem"), key: fixture("server.key") },
          http: { routes: [{ prefix: "/", respond: { status: 204 } }] },
        },
      ],
      admin: "127.0.0.1:0",
    },
    { concurrency: 2, log },
  );
  servers.push(server);
  const { listeners, admin } = await server.start();
  const handshake = async (session?: Buffer) => {
    const socket = connect({ host: "127.0.0.1", port: listeners[0]!.port, rejectUnauthorized: false, session });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let ticket = session;
    socket
      .on("session", (given) => (ticket = given))
      .on("error", reject)
      .on("data", () => resolve());
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await promise;
    const resumed = socket.isSessionReused();
    socket.destroy();
    return { ticket, resumed };
  };
  const { ticket } = await handshake();
  // Enough connections that both workers have taken some.
  for (let i = 0; i < 24; i++) expect((await handshake(ticket)).resumed).toBe(true);
  if (!reusePort) return;
  const perWorker = await get(Number(admin!.split(":")[1]), "/stats?filter=worker_.*downstream_cx_total");
  for (const line of perWorker.body.trim().split("\n")) expect(line).not.toMatch(/: 0$/);
});

test("one token bucket for all workers lets through exactly what it holds", async () => {
  const server = createServer(
    {
      listeners: [
        {
          name: "web",
          address: "127.0.0.1:0",
          http: {
            filters: [
              {
                local_ratelimit: {
                  stat_prefix: "limit",
                  token_bucket: { max_tokens: 50, tokens_per_fill: 1, fill_interval: "3600s" },
                },
              },
            ],
            routes: [{ prefix: "/", respond: { status: 200 } }],
          },
        },
      ],
    },
    { concurrency: 2, log },
  );
  servers.push(server);
  const { port } = (await server.start()).listeners[0]!;
  const statuses = await Promise.all(Array.from({ length: 120 }, async () => (await get(port, "/")).status));
  expect(statuses.filter((status) => status === 200)).toHaveLength(50);
  expect(statuses.filter((status) => status === 429)).toHaveLength(70);
});

describe("createServer", () => {
  test("runs a definition in memory in the calling thread", async () => {
    const seen: string[] = [];
    const spy = defineHttpFilter({
      id: "acme.http.spy",
      maturity: "alpha",
      security: "unknown",
      config: { type: "object" },
      create: () => ({ onRequestHeaders: ({ path }) => void seen.push(path) }),
    });
    const http = { filters: [{ "acme.http.spy": {} }], routes: [{ prefix: "/", respond: { status: 204 } }] };
    const server = createServer(
      { listeners: [{ name: "web", address: "127.0.0.1:0", http }], admin: "127.0.0.1:0" },
      { extensions: [spy] },
    );
    servers.push(server);
    const { listeners, admin, warnings } = await server.start();
    expect(listeners).toEqual([{ name: "web", address: `127.0.0.1:${listeners[0]!.port}`, port: expect.any(Number) }]);
    expect(admin).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(warnings).toEqual([]);
    expect(await get(listeners[0]!.port, "/seen")).toMatchObject({ status: 204 });
    expect(seen).toEqual(["/seen"]);
  });

  test("refuses definitions in memory for worker threads", () => {
    expect(() => createServer({}, { extensions: [{ id: "acme.x" }], concurrency: 1 })).toThrow(
      "definitions in memory cannot cross to worker threads",
    );
    expect(() => createServer({}, { concurrency: -1 })).toThrow("concurrency is -1");
  });

  test("tells everything that is wrong at once, and leaves nothing open", async () => {
    const server = createServer("listeners:\n  - address: 127.0.0.1:0\n    tcp: nowhere\n  - adress: 127.0.0.1:0\n", {
      concurrency: 1,
    });
    const error = await server.start().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigurationError);
    const { message, problems } = error as ConfigurationError;
    expect(problems.length).toBeGreaterThanOrEqual(2);
    expect(message).toContain('config:3:10  listeners[0].tcp  the cluster "nowhere" is not defined');
    expect(message).toContain("config:4:5  listeners[1].adress  unknown");
    await server.stop();
  });

  test("may be stopped before it was started, and twice", async () => {
    const server = createServer({ listeners: [] });
    await server.stop();
    await server.start();
    await server.stop();
    await server.stop();
  });
});
