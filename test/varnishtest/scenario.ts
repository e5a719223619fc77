// One scenario of Varnish's `varnishtest`: the proxy on a free port between its clients (`-connect ${proxy}`) and its servers
// (`-listen ${origin}`). Comments ahead of the commands say how the proxy is configured and what it must have logged and counted.
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect } from "vitest";
import { runProgram, writeConfig } from "../support/program.ts";
import { type Forwarding, type RunningProxy, forwardTo, startProxy } from "../support/proxy.ts";
import { closedPort } from "../support/raw-origin.ts";

export interface Scenario {
  /** What varnishtest reads. */
  readonly text: string;
  readonly title: string;
  /** `# proxy: JSON`: what {@link forwardTo} takes. */
  readonly proxy: Forwarding;
  /** `# stats: JSON`: values that are reached in the end. */
  readonly stats: Readonly<Record<string, number>>;
  /** `# log: STATUS FLAGS DETAILS METHOD PATH …`, one a request: how its line in the access log begins; where there is none, lines are not looked at. */
  readonly log: readonly string[];
}

export async function readScenario(file: URL): Promise<Scenario> {
  return scenarioOf(await readFile(file, "utf8"), basename(file.pathname));
}

/** @throws Error where a scenario has no title, or no JSON where it should be. */
export function scenarioOf(text: string, name: string): Scenario {
  const title = /^varnishtest "(.+)"$/m.exec(text)?.[1];
  if (title === undefined) throw new Error(`${name}: begin with varnishtest "…"`);
  const said = (key: string) => [...text.matchAll(new RegExp(`^# ${key}: (.+)$`, "gm"))].map((match) => match[1]!);
  return {
    text,
    title,
    proxy: Object.assign({}, ...said("proxy").map((json) => JSON.parse(json) as Forwarding)) as Forwarding,
    stats: Object.assign({}, ...said("stats").map((json) => JSON.parse(json) as object)) as Record<string, number>,
    log: said("log"),
  };
}

/**
 * Runs it, and looks whether anything is left of it in the proxy. No window is opened beyond HTTP/2's own, since varnishtest expects
 * nothing but SETTINGS when a connection begins.
 *
 * @throws Error with varnishtest's log and the proxy's.
 */
export async function runScenario({ text, proxy: forwarding, stats, log }: Scenario): Promise<void> {
  const origin = `127.0.0.1:${await closedPort()}`;
  const http = { http2: { connection_window: 65_535 }, ...forwarding.http };
  await using proxy = await startProxy(forwardTo(origin, { ...forwarding, http }));
  const macros = { proxy: `127.0.0.1:${proxy.port}`, port: proxy.port, origin };
  const defined = Object.entries(macros).flatMap(([name, value]) => ["-D", `${name}=${value}`]);
  await using folder = await mkdtempDisposable(join(tmpdir(), "sluice-vtc-"));
  const file = await writeConfig(folder.path, "scenario.vtc", text);
  const { code, out, err } = await runProgram("varnishtest", ["-t", "20", ...defined, file], "", 40_000);
  if (code !== 0) throw new Error(`varnishtest ended with ${code}\n${relevant(out + err)}\n${await told(proxy)}`);
  for (const [name, value] of Object.entries({ ...NOTHING_LEFT, ...stats })) await proxy.admin.reaches(name, value);
  expect(proxy.log.filter(({ level }) => level === "error")).toEqual([]);
  if (log.length === 0) return;
  const lines = (await proxy.accessLog()).map(
    ({ status, flags, details, method, path }) => `${status} ${flags} ${details} ${method} ${path}`,
  );
  expect(lines.length, lines.join("\n")).toBe(log.length);
  log.forEach((beginning, i) => expect(`${lines[i]} `).toContain(`${beginning} `));
}

/** Nothing of a scenario may outlive its connections. */
const NOTHING_LEFT = {
  "http.front.downstream_rq_active": 0,
  "http.front.downstream_cx_active": 0,
  "cluster.web.upstream_rq_active": 0,
};

/** Without varnishtest's account of its own start. */
function relevant(output: string): string {
  const lines = output.split("\n").filter((line) => !/^\*+ +(top|dT) .*(macro def|extmacro)|^\*+ +dT /.test(line));
  return lines.slice(-MOST_LINES).join("\n");
}

const MOST_LINES = 150;

async function told(proxy: RunningProxy): Promise<string> {
  const log = proxy.log.map(({ level, component, message }) => `[${level}] ${component}: ${message}`);
  const access = (await proxy.accessLog()).map((line) => JSON.stringify(line));
  return ["-- the proxy's log", ...log, "-- its access log", ...access].join("\n");
}
