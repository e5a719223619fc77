// The command line's commands in this process: what they print and how they end. Signals and standard input: test/integration/process.test.ts.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SDK_VERSION } from "@sluice/sdk";
import { afterAll, describe, expect, test, vi } from "vitest";
import { run } from "./program.ts";

// Processes and threads start; on a busy machine each takes seconds.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "sluice-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function sluice(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await run(argv, { out: (text) => (out += text), err: (text) => (err += text) });
  return { code, out, err };
}

const good = file(
  "good.yaml",
  "listeners:\n  - name: a\n    address: 127.0.0.1:0\n    tcp: web\nclusters:\n  web: { endpoints: ['127.0.0.1:1'] }\n",
);
const bad = file(
  "bad.yaml",
  "listeners:\n  - nam: a\n    address: 127.0.0.1:0\n    tcp: web\nclusters:\n  wob: { endpoints: ['127.0.0.1:1'] }\n",
);

describe("validate", () => {
  test("says nothing of a good configuration and ends with 0", async () => {
    expect(await sluice("validate", good)).toEqual({ code: 0, out: "", err: "" });
  });

  test("prints every problem with its place and ends with 1", async () => {
    const { code, out } = await sluice("validate", bad);
    expect(code).toBe(1);
    const lines = out.trim().split("\n");
    expect(lines[0]).toContain(`${bad}:2:5  listeners[0].nam  `);
    expect(lines.join("\n")).toContain(`${bad}:4:10`);
    expect(lines.at(-1)).toBe("2 errors");
  });

  test("tells of a file that is not there", async () => {
    const { code, out } = await sluice("validate", join(folder, "none.yaml"));
    expect(code).toBe(1);
    expect(out).toContain("none.yaml");
  });
});

describe("translate", () => {
  test("prints the long form, which means the same", async () => {
    const { code, out, err } = await sluice("translate", good);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("static_resources:");
    const long = file("long.yaml", out);
    expect(await sluice("validate", long)).toEqual({ code: 0, out: "", err: "" });
    expect((await sluice("translate", long)).out).toBe(out);
  });

  test("prints JSON where asked", async () => {
    const { out } = await sluice("translate", good, "--format", "json");
    expect(JSON.parse(out)).toHaveProperty("static_resources.listeners[0].name", "a");
  });

  test("keeps standard output clean of problems, and ends with 1", async () => {
    const { code, out, err } = await sluice("translate", bad);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("2 errors");
  });
});

describe("run", () => {
  test("ends with 2 and the problems on a bad configuration", async () => {
    const { code, out, err } = await sluice("run", bad, "--concurrency", "1");
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(`${bad}:2:5  listeners[0].nam  `);
  });

  test("ends with 2 and the place where a filter cannot be created", async () => {
    const sdk = import.meta.resolve("@sluice/sdk");
    file(
      "picky.mjs",
      `import { defineNetworkFilter } from "${sdk}";\nexport default defineNetworkFilter({ id: "acme.network.picky", maturity: "alpha", security: "unknown", config: {}, terminal: true, create() { throw new Error("I will not"); } });`,
    );
    const config = file(
      "picky.yaml",
      "extensions: [./picky.mjs]\nlisteners:\n  - address: 127.0.0.1:0\n    filters: [acme.network.picky]\n",
    );
    const { code, err } = await sluice("run", config, "--concurrency", "2", "--log-level", "off");
    expect(code).toBe(2);
    expect(err).toMatch(/picky\.yaml:\d+:\d+ {2}\S.* {2}network filter "acme\.network\.picky": I will not\n$/);
    expect(err.trim().split("\n")).toHaveLength(1);
  });

  test.each([
    [["run", good, "--concurrency", "-1"], "expected a whole number from 0 to 127"],
    [["run", good, "--concurrency", "two"], "expected a whole number from 0 to 127"],
    [["run", good, "--concurrency", "1000"], "expected a whole number from 0 to 127"],
    [["run", good, "--drain-time-s", "1.5"], "expected a whole number from 0 to 86400"],
    [["run", good, "--log-level", "loud"], "expected one of trace, debug, info"],
    [["run", good, "--log-format", "xml"], "Allowed choices are text, json"],
    [["run", "-", "--watch"], "--watch: standard input cannot be watched"],
    [["run"], "missing required argument 'file'"],
    [["explain"], "missing required argument 'file'"],
    [["frobnicate", good], "unknown command 'frobnicate'"],
  ])("%j is refused", async (argv, message) => {
    const { code, out, err } = await sluice(...argv);
    expect(code).toBe(1);
    expect(out + err).toContain(message);
  });
});

test("--version and --help end with 0", async () => {
  expect(await sluice("--version")).toEqual({ code: 0, out: `${SDK_VERSION}\n`, err: "" });
  const help = await sluice("--help");
  expect(help.code).toBe(0);
  for (const command of ["run", "validate", "translate"]) expect(help.out).toContain(command);
});
