// Access logs of a running proxy: Envoy's line, JSON lines, and a file that cannot be written.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { type Http, forwardTo, startProxy } from "../support/proxy.ts";

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "sluice-access-log-"));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

async function linesOf(
  access_log: NonNullable<Http["access_log"]>,
  file: string,
  paths: readonly string[],
): Promise<string[]> {
  await using origin = await HttpOrigin.start();
  const routes = [
    { name: "teapot", path: "/tea", respond: { status: 418, body: "short" } },
    { name: "web", prefix: "/", cluster: "web" },
  ] as const;
  {
    await using proxy = await startProxy(forwardTo(origin.address, { http: { access_log, routes: [...routes] } }));
    for (const path of paths)
      await send(proxy.port, path, { headers: { host: "a.example", "user-agent": "tester/1" } });
  }
  const text = await readFile(file, "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text.split("\n").slice(0, -1);
}

test("Envoy's line, one per request, whole when the proxy has stopped", async () => {
  const file = join(await folder(), "access.log");
  const lines = await linesOf(file, file, ["/a?b=c", "/tea"]);
  expect(lines).toHaveLength(2);
  const [forwarded, direct] = lines;
  const time = String.raw`\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\]`;
  const id = "[0-9a-f-]{36}";
  expect(forwarded).toMatch(
    new RegExp(
      `^${time} "GET /a\\?b=c HTTP/1\\.1" 200 - 0 \\d+ \\d+ \\d+ "-" "tester/1" "${id}" "a\\.example" "127\\.0\\.0\\.1:\\d+"$`,
    ),
  );
  expect(direct).toMatch(
    new RegExp(`^${time} "GET /tea HTTP/1\\.1" 418 - 0 5 \\d+ - "-" "tester/1" "${id}" "a\\.example" "-"$`),
  );
});

test("JSON lines keep types, and say null for what is missing", async () => {
  const file = join(await folder(), "access.log");
  const json = {
    status: "%RESPONSE_CODE%",
    route: "%ROUTE_NAME%",
    cluster: "%UPSTREAM_CLUSTER%",
    sent: "%BYTES_SENT%",
    none: "%REQ(X-NONE)%",
  };
  const lines = await linesOf({ to: file, json }, file, ["/tea"]);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { status: 418, route: "teapot", cluster: null, sent: 5, none: null },
  ]);
});

test("a file that cannot be opened refuses the configuration by its name", async () => {
  const file = join(await folder(), "none", "access.log");
  await expect(startProxy(forwardTo("127.0.0.1:1", { http: { access_log: file } }))).rejects.toThrow(file);
});
