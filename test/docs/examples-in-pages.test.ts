// The filters and configurations that pages show are run as they stand there.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { createServer } from "../../packages/core/src/index.ts";
import { root } from "../guard/tree.ts";
import { type RequestOptions, type Response, send } from "../support/http-request.ts";

/** The code of a page whose first line is a comment with a file's name. */
function filesIn(page: string): Map<string, string> {
  const text = readFileSync(`${root}${page}`, "utf8");
  const blocks = [...text.matchAll(/^```\w+\n(?:\/\/|#) (\S+)\n([^]*?)^```/gm)];
  return new Map(blocks.map(([, name = "", code = ""]) => [name, code]));
}

function temporaryFolder(parent: string): string {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "sluice-pages-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs the page's configuration with its filter, and asks its first listener. */
async function run(page: string): Promise<(path: string, options?: RequestOptions) => Promise<Response>> {
  // Below the repository, where its packages are found.
  const folder = temporaryFolder(`${root}node_modules/.cache`);
  const sockets = temporaryFolder(tmpdir());
  let configuration = "";
  for (const [name, code] of filesIn(page)) {
    if (name.endsWith(".yaml")) configuration = join(folder, name);
    if (name === "sluice.config.ts") configuration = join(folder, "sluice.config.js");
    // Node strips no types below node_modules.
    const plain = name.endsWith(".ts") ? stripTypeScriptTypes(code) : code;
    writeFileSync(join(folder, name.replace(/\.ts$/, ".js")), ownAddresses(plain.replace(/\.ts"/g, '.js"'), sockets));
  }
  const server = createServer({ file: configuration });
  const { listeners } = await server.start();
  onTestFinished(() => server.stop());
  return (path, options) => send(listeners[0]!.port, path, options);
}

/** The front and admin on any port, upstreams on sockets in a folder: no port is taken for granted. */
function ownAddresses(code: string, folder: string): string {
  return code.replace(/127\.0\.0\.1:(\d+)/g, (_, port: string) =>
    port === "10000" || port === "9901" ? "127.0.0.1:0" : `unix:${folder}/${port}`,
  );
}

test("README.md: its filter greets in its configuration", async () => {
  const get = await run("README.md");
  const response = await get("/");
  expect(response.text).toBe("hello\n");
  expect(response.headers["x-hello"]).toBe("good morning");
});

test("first-filter.md: its filter refuses what is too much, on each route by its own measure", async () => {
  const get = await run("docs/extending/first-filter.md");
  const dear = async () => (await get("/dear")).status;
  expect([await dear(), await dear(), await dear()]).toEqual([200, 200, 429]);
  expect((await get("/")).text).toBe("cheap\n");
});

test("testing.md: its tests pass", async () => {
  const folder = temporaryFolder(`${root}node_modules/.cache`);
  const files = filesIn("docs/extending/testing.md");
  for (const [name, code] of files)
    writeFileSync(join(folder, name.replace(/\.ts$/, ".js")), stripTypeScriptTypes(code).replace(/\.ts"/g, '.js"'));
  const args = ["--conditions=sluice-source", "--test", "--test-reporter=tap", "words.test.js"];
  // Its own runner: not the one that runs this test.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env });
  expect(stdout).toMatch(/^# pass 13$/m);
  expect(stdout).toMatch(/^# fail 0$/m);
}, 60_000);

test("packages/core/README.md: its configuration answers", async () => {
  const get = await run("packages/core/README.md");
  expect((await get("/")).text).toBe("hello\n");
});

test("watching.md: the filters that stand in its configuration answer", async () => {
  const get = await run("docs/extending/watching.md");
  expect((await get("/")).headers["x-audit"]).toBe("seen");
  expect((await get("/internal/keys")).status).toBe(404);
});
