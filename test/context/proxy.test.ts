// The context in a running proxy with worker threads: runtime values reach all of them, shared state is one, and all of it ends with its chain.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, get as httpGet } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type ProxyServer, createServer } from "../../packages/core/src/index.ts";
import { AdminClient } from "../support/admin-client.ts";
import { eventually } from "../support/eventually.ts";

// Threads start; on a busy machine each takes seconds.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "sluice-context-"));
const WORKERS = 2;
const answers: Facts[] = [];

beforeAll(() => {
  const sdk = import.meta.resolve("@sluice/sdk");
  // Answers with its thread, what the runtime says, and how often all threads together were asked.
  writeFileSync(
    join(folder, "facts.mjs"),
    `import { defineHttpFilter, reply } from "${sdk}";
    import { threadId } from "node:worker_threads";
    export default defineHttpFilter({ id: "acme.http.facts", maturity: "alpha", security: "unknown", config: { type: "object" }, create: (_, context) => {
      const color = context.runtime.key("acme.color", "none");
      const asked = context.shared.counter("asked");
      const store = context.shared.keyValue("store");
      const limits = context.shared.tokenBuckets("limits", { maxTokens: 10, fillIntervalMs: 3_600_000 });
      return {
        onRequestHeaders: () => reply({ status: 200, body: JSON.stringify({ thread: threadId, color: color.value, asked: asked.add(), seen: store.increment("seen"), admitted: limits.take("someone") }) }),
      };
    } });`,
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

interface Facts {
  readonly thread: number;
  readonly color: string;
  readonly asked: number;
  readonly seen: number;
  readonly admitted: boolean;
}

function ask(port: number): Promise<Facts> {
  return new Promise((resolve, reject) => {
    // A connection of its own each time, so that the system deals them out.
    httpGet({ port, host: "127.0.0.1", agent: new Agent({ keepAlive: false }) }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part: string) => (body += part));
      response.on("end", () => {
        const facts = JSON.parse(body) as Facts;
        answers.push(facts);
        resolve(facts);
      });
    }).on("error", reject);
  });
}

async function started(): Promise<{ server: ProxyServer; port: number; admin: AdminClient }> {
  const server = createServer(
    {
      extensions: [join(folder, "facts.mjs")],
      admin: "127.0.0.1:0",
      listeners: [
        {
          name: "front",
          address: "127.0.0.1:0",
          http: { filters: [{ "acme.http.facts": {} }], routes: [{ prefix: "/", respond: 200 }] },
        },
      ],
    } as never,
    { concurrency: WORKERS, log: { enabled: () => false, write() {} } },
  );
  const { listeners, admin } = await server.start();
  return { server, port: listeners[0]!.port, admin: new AdminClient(admin!) };
}

/** Asks until every worker has answered. */
async function askAll(port: number): Promise<Map<number, Facts>> {
  const seen = new Map<number, Facts>();
  await eventually("all workers answer", async () => {
    const facts = await ask(port);
    seen.set(facts.thread, facts);
    return seen.size === WORKERS;
  });
  return seen;
}

describe("with worker threads", () => {
  test("runtime values of the admin reach all of them at once; shared state counts for all together", async () => {
    const { server, port, admin } = await started();
    try {
      expect(new Set([...(await askAll(port)).values()].map(({ color }) => color))).toEqual(new Set(["none"]));
      expect((await admin.get("/runtime_modify?acme.color=blue")).status).not.toBe(200);
      expect((await admin.post("/runtime_modify")).status).toBe(400);
      expect(await admin.post("/runtime_modify?acme.color=blue&other=1")).toEqual({ status: 200, body: "OK\n" });
      expect(new Set([...(await askAll(port)).values()].map(({ color }) => color))).toEqual(new Set(["blue"]));
      expect(await admin.json("/runtime")).toEqual({
        layers: [""],
        entries: {
          "acme.color": { layer_values: ["blue"], final_value: "blue" },
          other: { layer_values: ["1"], final_value: "1" },
        },
      });
      expect(await admin.stat("runtime.num_keys")).toBe(2);
      await admin.post("/runtime_modify?acme.color=");
      expect(new Set([...(await askAll(port)).values()].map(({ color }) => color))).toEqual(new Set(["none"]));

      const first = await ask(port);
      const more = await Promise.all(Array.from({ length: 40 }, () => ask(port)));
      expect(new Set(more.map(({ asked }) => asked)).size).toBe(40);
      expect(Math.max(...more.map(({ asked }) => asked))).toBe(first.asked + 40);
      expect(Math.max(...more.map(({ seen }) => seen))).toBe(first.seen + 40);
      expect(answers.filter(({ admitted }) => admitted)).toHaveLength(10);
    } finally {
      await server.stop();
    }
  });
});
