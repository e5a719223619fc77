// `runtime: worker` in a whole proxy, behind real clients: configured in the short form, in worker threads and without them.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { ConfigurationError, createServer, type SluiceConfig } from "../../packages/core/src/index.ts";
import { eventually } from "../support/eventually.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { type Http, forwardTo, startProxy } from "../support/proxy.ts";
import "./support.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const HOSTILE = fileURLToPath(new URL("./hostile.ts", import.meta.url));
const WITHIN_MS = 60_000;

type Filters = NonNullable<Http["filters"]>;

function isolated(origin: HttpOrigin, worker: object | "worker", more: object = {}): SluiceConfig {
  const runtime = worker === "worker" ? "worker" : { worker };
  const filters = [{ "test.http.hostile": {}, name: "hostile", runtime, ...more }] as Filters;
  const routes: Http["routes"] = [
    { prefix: "/free", cluster: "web", filters: { hostile: false } },
    { prefix: "/", cluster: "web" },
  ];
  return forwardTo(origin.address, { http: { filters, routes }, config: { extensions: [HOSTILE] } });
}

const doing = (port: number, what: string, path = "/") => send(port, path, { headers: { "x-do": what } });

describe.each([0, 1])("with concurrency %i", (concurrency) => {
  test("a filter runs in a thread of its own, and a fault of it is answered, counted and forgotten", async () => {
    await using origin = await HttpOrigin.start();
    const limits = { max_time: "0.5s", max_held_time: "60s" };
    await using proxy = await startProxy(isolated(origin, limits), { concurrency });
    const first = await doing(proxy.port, "nothing");
    expect([first.status, first.headers["x-state"]]).toEqual([200, "1"]);
    expect((await doing(proxy.port, "loop")).status).toBe(500);
    await proxy.admin.reaches("http.front.hostile.isolate.terminated", 1);
    await proxy.admin.reaches("http.front.hostile.isolate.restarts", 1);
    const next = await doing(proxy.port, "nothing");
    expect([next.status, next.headers["x-state"]]).toEqual([200, "1"]);
    expect((await doing(proxy.port, "exit")).status).toBe(500);
    await proxy.admin.reaches("http.front.hostile.isolate.errors", 1);
    expect((await doing(proxy.port, "nothing", "/free")).headers["x-state"]).toBeUndefined();
  });
});

test("while it loops, other routes are answered as fast as the worker's own loop turns", async () => {
  await using origin = await HttpOrigin.start();
  await using proxy = await startProxy(isolated(origin, { max_time: "3s", max_held_time: "60s" }));
  await doing(proxy.port, "nothing");
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const looping = doing(proxy.port, "loop");
  delay.enable();
  let answered = 0;
  let isOver = false;
  void looping.then(() => (isOver = true));
  while (!isOver && answered < 300) {
    expect((await doing(proxy.port, "loop", "/free")).status).toBe(200);
    answered++;
  }
  delay.disable();
  expect(answered).toBeGreaterThan(10);
  // Three seconds of standstill would show.
  expect(delay.max / 1e6).toBeLessThan(2500);
  expect((await looping).status).toBe(500);
});

test("a body goes through the thread in both directions, whatever its size", async () => {
  await using origin = await HttpOrigin.start();
  await using proxy = await startProxy(isolated(origin, { max_time: "20s", max_held_time: "60s" }));
  const body = Buffer.alloc(3_000_000, "sluice");
  const response = await send(proxy.port, "/", { method: "POST", body });
  expect(response.status).toBe(200);
  expect(Number(response.headers["x-state"])).toBe(1 + body.length);
});

test("`--permission` keeps the thread's hands off files and processes, which it may read its own code from", async () => {
  await using origin = await HttpOrigin.start();
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const exec_argv = ["--permission", `--allow-fs-read=${root}*`];
  await using proxy = await startProxy(isolated(origin, { exec_argv, max_time: "20s", max_held_time: "60s" }));
  expect((await doing(proxy.port, "nothing")).headers["x-state"]).toBe("1");
  expect((await doing(proxy.port, "read a file")).headers["x-done"]).toBe("ERR_ACCESS_DENIED");
  expect((await doing(proxy.port, "start a process")).headers["x-done"]).toBe("ERR_ACCESS_DENIED");
});

describe("what cannot run in a thread is refused where the configuration asks for it", () => {
  const config = (filter: object, extensions: string[] = []): SluiceConfig =>
    forwardTo("127.0.0.1:1", { http: { filters: [filter] as Filters }, config: { extensions } });

  const problems = async (given: SluiceConfig, extensions: never[] = []): Promise<string> => {
    const server = createServer(given, { extensions });
    const error: unknown = await server.start().then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).message;
  };

  test("a filter that does not say that it is portable", async () => {
    const text = await problems(config({ buffer: { max_request_bytes: 1 }, runtime: "worker" }));
    expect(text).toContain('envoy.filters.http.buffer does not declare "portable: true"');
    expect(text).toContain("listeners[0].http.filters[0].runtime");
  });

  test("the router", async () => {
    const text = await problems(config({ router: {}, runtime: "worker" }));
    expect(text).toContain("envoy.filters.http.router is a terminal filter");
  });

  test("a filter that refuses in its thread", async () => {
    const filter = { "test.http.refusing": { how: "throw" }, runtime: "worker" };
    expect(await problems(config(filter, [HOSTILE]))).toContain("not with this configuration");
  });
});

test("no thread is left when the proxy stops", async () => {
  await using origin = await HttpOrigin.start();
  const server = createServer(isolated(origin, "worker"));
  await server.start();
  const ports = (): number => process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length;
  expect(ports()).toBeGreaterThan(0);
  await server.stop();
  await eventually("its port is closed", () => ports() === 0, WITHIN_MS);
});
