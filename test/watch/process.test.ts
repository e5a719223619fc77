// `sluice run --watch` and SIGHUP, as a process sees them.
import { request } from "undici";
import { expect, onTestFinished, test } from "vitest";
import { SluiceProcess } from "../support/sluice-process.ts";
import { Workspace, configOf, filterOf } from "./support/watched-proxy.ts";

function start(workspace: Workspace, ...argv: string[]): SluiceProcess {
  const sluice = new SluiceProcess(["run", ...argv]);
  onTestFinished(async () => {
    await sluice.kill();
    workspace[Symbol.dispose]();
  });
  return sluice;
}

async function wordOf(sluice: SluiceProcess): Promise<unknown> {
  const { headers, body } = await request(`http://127.0.0.1:${sluice.port("front")}/`);
  await body.dump();
  return headers["x-word"];
}

test("--watch swaps a filter in every worker, and ends as without it", async () => {
  const workspace = new Workspace({ "proxy.yaml": configOf(), "filter.ts": filterOf('"one"') });
  const sluice = start(workspace, workspace.path("proxy.yaml"), "--watch", "--concurrency", "2");
  await sluice.says(/\[watch\] watching \S*proxy\.yaml, \S*filter\.ts/);
  expect(await wordOf(sluice)).toBe("one");
  workspace.write("filter.ts", filterOf('"two"'));
  await sluice.says(/\[watch\] swapped in after \d+ ms/);
  expect(await wordOf(sluice)).toBe("two");
  sluice.signal("SIGTERM");
  expect(await sluice.exited).toBe(0);
  expect(sluice.err).toMatch(/exiting\n$/);
});

test("a configuration that is wrong from the beginning ends it with 2", async () => {
  const workspace = new Workspace({ "proxy.yaml": configOf(), "filter.ts": "export default 1 +;" });
  const sluice = start(workspace, workspace.path("proxy.yaml"), "--watch");
  expect(await sluice.exited).toBe(2);
  expect(sluice.err).toMatch(
    /proxy\.yaml:1:14 {2}extensions\[0\] {2}the extension \.\/filter\.ts cannot be loaded: \S*filter\.ts:1:19 Unexpected ";"/,
  );
});

test("SIGHUP reads the configuration again; one that is wrong leaves the last one serving", async () => {
  const workspace = new Workspace({
    "proxy.yaml": configOf("acme.http.word: { word: one }"),
    "filter.ts": filterOf("config.word ?? ''"),
  });
  const sluice = start(workspace, workspace.path("proxy.yaml"), "--concurrency", "2");
  await sluice.serves();
  workspace.write("proxy.yaml", configOf("acme.http.word: { word: two }"));
  sluice.signal("SIGHUP");
  await sluice.says(/\[main\] swapped in/);
  expect(await wordOf(sluice)).toBe("two");
  workspace.write("proxy.yaml", configOf("acme.http.word: { word: 3 }"));
  sluice.signal("SIGHUP");
  await sluice.says(/\[main\] not applied: the last good version goes on serving/);
  expect(sluice.err).toMatch(/proxy\.yaml:6:\d+ {2}listeners\[0\]\.http\.filters\[0\]\S* {2}must be string/);
  expect(await wordOf(sluice)).toBe("two");
  expect(sluice.err).not.toContain("[watch]");
});

test("SIGHUP cannot load a module again, and says what does", async () => {
  const workspace = new Workspace({
    "sluice.config.mjs":
      'export default { listeners: [{ name: "front", address: "127.0.0.1:0", http: { routes: [{ prefix: "/", respond: 200 }] } }] };',
  });
  const sluice = start(workspace, workspace.path("sluice.config.mjs"), "--concurrency", "0");
  await sluice.serves();
  sluice.signal("SIGHUP");
  await sluice.says(/a configuration that is a module is loaded once: start it with --watch/);
});
