// The file through real files and a real proxy: what is found, what is followed, and what a bad file does not break.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createUpstream, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createServer } from "@sluice/core";
import { loadConfig } from "../../../../packages/core/src/config/index.ts";
import { loadBuiltins } from "../../../../packages/core/src/cli/builtin.ts";
import { expect, onTestFinished, test, vi } from "vitest";
import fileWatch from "./index.ts";

async function upstream(name: string): Promise<string> {
  const server: Server = createUpstream((_, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serve(hosts: unknown) {
  const folder = mkdtempSync(join(tmpdir(), "sluice-file-watch-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "hosts.json");
  const write = (text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  if (hosts !== undefined) write(JSON.stringify(hosts));
  const server = createServer(
    {
      listeners: [{ name: "front", address: "127.0.0.1:0", http: { routes: [{ prefix: "/", cluster: "web" }] } }],
      clusters: { web: { discovery: { "file-watch": { path, poll_ms: 100 } } } },
      admin: "127.0.0.1:0",
    },
    { extensions: [fileWatch] },
  );
  onTestFinished(() => server.stop());
  const { listeners, admin } = await server.start();
  const get = async (): Promise<string> => {
    const response = await fetch(`http://${listeners[0]!.address}/`);
    const text = await response.text();
    return response.status === 200 ? text : `${response.status}`;
  };
  const stat = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://${admin}/stats?filter=${name}`)).text();
    return Number(/: (\d+)/.exec(text)?.[1] ?? 0);
  };
  const becomes = (text: string) => vi.waitFor(async () => expect(await get()).toBe(text), { timeout: 10_000 });
  return { write, get, stat, becomes };
}

test("hosts of the file serve, and those that take their place", async () => {
  const [one, two] = [await upstream("one"), await upstream("two")];
  const { write, get, becomes } = await serve([{ address: one }]);
  expect(await get()).toBe("one");
  write(JSON.stringify([{ address: two, weight: 2, metadata: { version: "2" } }]));
  await becomes("two");
});

test("a file that is wrong, empty or gone leaves the hosts as they are, and is counted", async () => {
  const one = await upstream("one");
  const { write, get, stat, becomes } = await serve([{ address: one }]);
  for (const text of ["[{", '[{ "address": "localhost:1" }]', '{ "address": 1 }']) {
    const before = await stat("cluster.web.update_failure");
    write(text);
    await vi.waitFor(async () => expect(await stat("cluster.web.update_failure")).toBeGreaterThan(before), {
      timeout: 10_000,
    });
    expect(await get()).toBe("one");
  }
  write("[]");
  await vi.waitFor(async () => expect(await stat("cluster.web.update_empty")).toBe(1), { timeout: 10_000 });
  expect(await get()).toBe("one");
  const two = await upstream("two");
  write(JSON.stringify([{ address: two }]));
  await becomes("two");
});

test("a file that comes later is found", async () => {
  const { write, get, becomes } = await serve(undefined);
  expect(await get()).toBe("503");
  write(JSON.stringify([{ address: await upstream("late") }]));
  await becomes("late");
}, 30_000);

test("proxy.yaml means what its README says", async () => {
  const { config, problems } = await loadConfig(
    { file: fileURLToPath(new URL("../proxy.yaml", import.meta.url)) },
    { registry: await loadBuiltins() },
  );
  expect(problems.format()).toBe("");
  expect(config?.clusters[0]?.discovery).toMatchObject({
    id: "acme.discovery.file-watch",
    config: { path: "hosts.json" },
  });
});
