// Filters that are written in the configuration: functions and definitions in a `sluice.config.ts`, and definitions in the configuration of an embedding program.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { defineHttpFilter, defineNetworkFilter, parsedBy } from "@sluice/sdk";
import { request } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import { type CreateServerOptions, createServer } from "../../packages/core/src/index.ts";
import { WatchedProxy, Workspace } from "./support/watched-proxy.ts";

const CLI = fileURLToPath(new URL("../../packages/core/src/cli/main.ts", import.meta.url));

/** Configurations are typed where they stand: this one imports `defineConfig` from core, as a user's does. */
const config = (word = "one", filters = "") => `import { defineConfig } from "@sluice/core";
import { defineHttpFilter } from "@sluice/sdk";
import { suffix } from "./suffix.ts";

const configured = defineHttpFilter({
  id: "acme.http.configured",
  maturity: "alpha",
  security: "unknown",
  config: { type: "object", properties: { value: { type: "string" } } },
  create: (config: { value?: string }) => ({
    onResponseHeaders: (headers) => headers.set("x-configured", config.value ?? "unset"),
  }),
});

export default defineConfig({
  extensions: [configured],
  listeners: [
    {
      name: "front",
      address: "127.0.0.1:0",
      http: {
        filters: [
          (headers) => headers.set("x-seen", "by a function"),
          defineHttpFilter({
            id: "acme.http.word",
            maturity: "alpha",
            security: "unknown",
            config: { type: "object" },
            newState: () => ({ seen: "" }),
            create: () => ({
              onRequestHeaders(headers, _end, stream) {
                stream.state.seen = headers.get("x-seen") ?? "";
              },
              onResponseHeaders(headers, _end, stream) {
                headers.set("x-word", "${word}" + suffix);
                headers.set("x-seen", stream.state.seen);
              },
            }),
          }),
          { "acme.http.configured": { value: "yes" } },
          ${filters}
        ],
        routes: [{ prefix: "/", respond: 200 }],
      },
    },
  ],
});
`;
const files = { "sluice.config.ts": config(), "suffix.ts": 'export const suffix: string = "!";\n' };

async function headersOf(url: string): Promise<Readonly<Record<string, unknown>>> {
  const { headers, body } = await request(url);
  await body.dump();
  return headers;
}

async function started(
  source: Parameters<typeof createServer>[0],
  options: CreateServerOptions = {},
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const server = createServer(source, options);
  onTestFinished(() => server.stop());
  const { listeners } = await server.start();
  return { url: `http://127.0.0.1:${listeners[0]!.port}/`, stop: () => server.stop() };
}

describe.each([0, 2])("a sluice.config.ts, with concurrency %i", (concurrency) => {
  test("its functions and definitions are filters", async () => {
    using workspace = new Workspace(files);
    const { url, stop } = await started({ file: workspace.path("sluice.config.ts") }, { concurrency });
    expect(await headersOf(url)).toMatchObject({ "x-word": "one!", "x-seen": "by a function", "x-configured": "yes" });
    await stop();
  });

  test("an edit of it, and of what it imports, is swapped in", async () => {
    await using proxy = await WatchedProxy.start(files, { file: "sluice.config.ts", concurrency });
    expect(await proxy.word()).toBe("one!");
    await proxy.after(() => proxy.files.write("sluice.config.ts", config("two")));
    expect(await headersOf(proxy.url())).toMatchObject({ "x-word": "two!", "x-seen": "by a function" });
    await proxy.after(() => proxy.files.write("suffix.ts", 'export const suffix = "?";'));
    expect(await proxy.word()).toBe("two?");
    const lines = await proxy.after(() => proxy.files.write("sluice.config.ts", `${config("three")}\nnot typescript`));
    expect(lines[1]).toMatch(
      /sluice\.config\.ts {2}the module cannot be loaded: \S*sluice\.config\.ts:49:5 Expected ";"/,
    );
    expect(await proxy.word()).toBe("two?");
  });
});

test("translate names them by their place, and what it prints runs", async () => {
  using workspace = new Workspace(files);
  const { promise, resolve } = Promise.withResolvers<string>();
  const argv = ["--conditions=sluice-source", CLI, "translate", workspace.path("sluice.config.ts")];
  execFile(process.execPath, argv, (_error, stdout, stderr) => resolve(stdout + stderr));
  const text = await promise;
  const modules = [...text.matchAll(/module: (\S+)/g)].map(([, module]) => module);
  expect(modules).toEqual([
    "./sluice.config.ts#extensions.0",
    "./sluice.config.ts#listeners.0.http.filters.0",
    "./sluice.config.ts#listeners.0.http.filters.1",
  ]);
  expect(text).toContain("name: inline.listeners.0.http.filters.0");
  workspace.write("long.yaml", text);
  const { url } = await started({ file: workspace.path("long.yaml") });
  expect(await headersOf(url)).toMatchObject({ "x-word": "one!", "x-seen": "by a function", "x-configured": "yes" });
});

test.each([
  [
    "a function where no HTTP filter stands",
    "export default { clusters: { a: () => 1 } };",
    "clusters.a  found a function, expected plain data",
  ],
  [
    "a hook for connections",
    'export default { listeners: [{ address: "127.0.0.1:0", filters: [() => 1] }] };',
    "listeners[0].filters[0]  found a function, expected plain data",
  ],
  [
    "an HTTP filter among network filters",
    config("one").replace("http: {", "filters: [configured], http: {"),
    'listeners[0].filters[0]  "./sluice.config.ts#listeners.0.filters.0" is an HTTP filter, expected a filter of the kind network',
  ],
  [
    "an id that two definitions have",
    config("one", "{ ...configured },"),
    "listeners.0.http.filters.3  the extension ./sluice.config.ts#listeners.0.http.filters.3 acme.http.configured is defined already by ./sluice.config.ts#extensions.0",
  ],
  [
    "a configuration that an inline filter refuses",
    config("one").replace('config: { type: "object" }', 'config: { type: "object", required: ["a"] }'),
    'listeners[0].http.filters[1]  property "a" is missing',
  ],
])("%s is told with its place", async (_what, text, message) => {
  using workspace = new Workspace({ ...files, "sluice.config.ts": text });
  const server = createServer({ file: workspace.path("sluice.config.ts") });
  await expect(server.start()).rejects.toThrow(message);
});

describe("in the configuration of a program", () => {
  const word = defineHttpFilter({
    id: "acme.http.word",
    maturity: "alpha",
    security: "unknown",
    config: parsedBy((value) => value as { readonly word?: string }),
    create: (config) => ({
      onResponseHeaders: (headers) => headers.set("x-word", config.word ?? "unset"),
    }),
  });
  const pass = defineNetworkFilter({
    id: "acme.network.pass",
    maturity: "alpha",
    security: "unknown",
    config: { type: "object" },
    create: () => ({ onData() {} }),
  });
  test("definitions and functions are filters", async () => {
    const seen: string[] = [];
    const { url } = await started({
      listeners: [
        {
          address: "127.0.0.1:0",
          filters: [pass],
          http: { filters: [(headers) => void seen.push(headers.path), word], routes: [{ prefix: "/", respond: 200 }] },
        },
      ],
    });
    expect(await headersOf(url)).toMatchObject({ "x-word": "unset" });
    expect(seen).toEqual(["/"]);
  });

  test("a definition in extensions is configured by its id", async () => {
    const { url } = await started({
      extensions: [word],
      listeners: [
        {
          address: "127.0.0.1:0",
          http: { filters: [{ "acme.http.word": { word: "set" } }], routes: [{ prefix: "/", respond: 200 }] },
        },
      ],
    });
    expect(await headersOf(url)).toMatchObject({ "x-word": "set" });
  });

  test("they need concurrency 0", () => {
    const config = { listeners: [{ address: "127.0.0.1:0", http: { filters: [word] } }] };
    expect(() => createServer(config, { concurrency: 1 })).toThrow(
      'filters in the configuration cannot cross to worker threads: use concurrency 0, or name the configuration\'s file, as in { file: "sluice.config.ts" }',
    );
  });
});
