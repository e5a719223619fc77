// Components in a whole proxy: named like any module, checked with their place in the file, one instance in each worker, and cut by the thread that they run in.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { loadConfig, translateConfig } from "../../packages/core/src/config/index.ts";
import type { SluiceConfig } from "../../packages/core/src/index.ts";
import { canReusePort } from "../../packages/core/src/main/probe.ts";
import { builtinRegistry } from "../config/support/filters.ts";
import { ANY_PORT, startProxy } from "../support/proxy.ts";
import { GREETING_AS, GREETING_C, PROBE, watComponent } from "./support/components.ts";

// Workers and threads start; on a busy machine each takes seconds.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "sluice-wasm-proxy-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Extension = NonNullable<SluiceConfig["extensions"]>[number];

const proxy = (extension: Extension, filter: object): SluiceConfig => ({
  extensions: [extension],
  listeners: [
    {
      name: "front",
      address: ANY_PORT,
      http: { filters: [filter as never], routes: [{ prefix: "/", respond: { status: 200, body: "ok" } }] },
    },
  ],
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** On a connection of its own. */
function ask(port: number, word = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ port, host: "127.0.0.1", agent: false, headers: word === "" ? {} : { "x-do": word } }, (response) => {
      response.resume().on("end", () => resolve({ status: response.statusCode!, headers: response.headers }));
    })
      .on("error", reject)
      .end();
  });
}

describe("configuration", () => {
  const problemsOf = async (text: string): Promise<string> => {
    const file = join(folder, "proxy.yaml");
    writeFileSync(file, text);
    const { problems } = await loadConfig({ file }, { registry: builtinRegistry() });
    return problems.format().replaceAll(folder, "<folder>");
  };

  test("every problem of an entry is told with its place", async () => {
    writeFileSync(join(folder, "plain.mjs"), "export default [];");
    expect(
      await problemsOf(`extensions:
  - { module: ${GREETING_C}, memory: 1, grants: [files], memroy: 1MiB }
  - { module: ./plain.mjs, grants: [random] }
  - { grants: [] }
listeners: [{ address: 127.0.0.1:0, tcp: { cluster: a } }]
clusters: { a: "127.0.0.1:1" }
`),
    ).toBe(`<folder>/proxy.yaml:2:${GREETING_C.length + 25}  extensions[0].memory  memory is something else, expected a size from 64KiB to 4GiB, like 16MiB
<folder>/proxy.yaml:2:${GREETING_C.length + 36}  extensions[0].grants  grants are something else, expected a list of clocks, environment, random, stdout
<folder>/proxy.yaml:2:${GREETING_C.length + 45}  extensions[0].memroy  unknown key "memroy"; did you mean "memory"?
<folder>/proxy.yaml:3:36  extensions[1].grants  grants is for WebAssembly components, and the module is none
<folder>/proxy.yaml:4:5  extensions[2]  an extension is something else, expected a package's name or a file as in ./filters/audit.ts, or a mapping { module: … }
5 errors
`);
  });

  test("a component that is none is refused where it is named", async () => {
    writeFileSync(join(folder, "broken.wasm"), "nothing");
    expect(await problemsOf("extensions: [./broken.wasm]\nlisteners: []\n")).toContain(
      "<folder>/proxy.yaml:1:14  extensions[0]  the extension ./broken.wasm cannot be loaded: the component is no WebAssembly file",
    );
  });

  test("its schema judges the filter's configuration, and the route's", async () => {
    const text = `extensions: [${GREETING_C}]
listeners:
  - address: 127.0.0.1:0
    http:
      filters: [{ acme.http.wasm-greeting: { valeu: hi } }]
      routes: [{ prefix: /, respond: 204, filters: { acme.http.wasm-greeting: { value: 1 } } }]
`;
    const problems = await problemsOf(text);
    expect(problems).toContain('property "value" is missing');
    expect(problems).toContain("unknown property");
    expect(problems).toContain("proxy.yaml:6:");
  });

  test("the long form says the same", async () => {
    const value = proxy(
      { module: GREETING_C, memory: "1MiB", grants: ["clocks"] },
      { "acme.http.wasm-greeting": { value: "hi" } },
    );
    const source = { value, name: "v" };
    const short = await loadConfig(source, { registry: builtinRegistry() });
    const { text } = await translateConfig(source, { registry: builtinRegistry() });
    const again = await loadConfig({ text: text!, name: "long" }, { registry: builtinRegistry() });
    expect(again.problems.format()).toBe("");
    expect(again.config?.extensions.map(({ url }) => url)).toEqual(short.config?.extensions.map(({ url }) => url));
    expect(short.config?.extensions[0]?.url).toMatch(/greeting-c\.wasm\?memory=1048576&grants=clocks$/);
  });
});

test.each([
  ["C", GREETING_C],
  ["AssemblyScript", GREETING_AS],
])("a real client is greeted in %s", async (_language, module) => {
  await using running = await startProxy(proxy(module, { "acme.http.wasm-greeting": { value: "hello" } }), {
    concurrency: 0,
  });
  expect(await ask(running.port)).toMatchObject({ status: 200, headers: { "x-greeting": "hello" } });
});

test("each worker has an instance of its own, for all of its requests", async ({ skip }) => {
  if (!(await canReusePort())) skip();
  await using running = await startProxy(proxy(PROBE, { "test.http.probe": {} }), { concurrency: 2 });
  const counts: number[] = [];
  // Each connection stays on the worker that took it; of so many, both get some.
  for (let i = 0; i < 40; i++) counts.push(Number((await ask(running.port)).headers["x-calls"]));
  expect(counts.filter((count) => count === 1)).toHaveLength(2);
  expect(Math.max(...counts)).toBeLessThan(40);
  expect(Math.max(...counts)).toBeGreaterThan(2);
});

test("a component that never ends is cut by the thread that it runs in, and replaced", async () => {
  const filter = { "test.http.probe": {}, runtime: { worker: { max_time: "0.2s" } } };
  await using running = await startProxy(proxy(PROBE, filter), { concurrency: 0 });
  expect((await ask(running.port)).headers["x-calls"]).toBe("1");
  expect((await ask(running.port)).headers["x-calls"]).toBe("2");
  expect((await ask(running.port, "loop")).status).toBe(500);
  await vi.waitFor(async () => expect((await ask(running.port)).headers["x-calls"]).toBe("1"), { timeout: 30_000 });
});

test("in a thread it does what it does inline", async () => {
  const filter = { "test.http.probe": {}, runtime: { worker: { max_time: "10s" } } };
  await using running = await startProxy(proxy(PROBE, filter), { concurrency: 0 });
  expect(await ask(running.port, "reply")).toMatchObject({ status: 418, headers: { "x-calls": "1" } });
  expect(await ask(running.port, "call")).toMatchObject({ status: 503 });
  expect(await ask(running.port, "timer")).toMatchObject({ status: 200 });
  expect(await ask(running.port, "trap")).toMatchObject({ status: 500 });
  expect(await ask(running.port)).toMatchObject({ status: 200, headers: { "x-calls": "1" } });
});

test("a configuration that the component does not take stops the proxy, with its words", async () => {
  const filter = { "test.http.probe": { mode: "refuse" } };
  await expect(startProxy(proxy(PROBE, filter), { concurrency: 0 })).rejects.toThrow('mode "refuse" is no mode');
});

test("a package may be a component", async () => {
  const root = join(folder, "node_modules/@acme/small");
  const { mkdirSync } = await import("node:fs");
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, "package.json"), '{ "name": "@acme/small", "version": "1.0.0", "exports": "./small.wasm" }');
  writeFileSync(join(root, "small.wasm"), await watComponent({}));
  const text =
    "extensions: ['@acme/small']\nlisteners: [{ address: 127.0.0.1:0, http: { filters: ['@acme/small'], routes: [{ prefix: /, respond: 204 }] } }]\n";
  const file = join(folder, "package.yaml");
  writeFileSync(file, text);
  const { config, problems } = await loadConfig({ file }, { registry: builtinRegistry() });
  expect(problems.format()).toBe("");
  expect(config?.extensions).toMatchObject([{ specifier: "@acme/small" }]);
});
