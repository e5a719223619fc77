// The components that are checked in are what their sources say: built anew by clang, they are the same bytes, or behave the same.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { httpHarness } from "@sluice/core/testing";
import { expect, onTestFinished, test } from "vitest";
import { componentDefinition } from "../../packages/core/src/isolate/wasm/component-definition.ts";
import { program } from "../support/program.ts";
import { root } from "../guard/tree.ts";

async function build(script: string): Promise<string> {
  const out = mkdtempSync(join(tmpdir(), "sluice-wasm-build-"));
  onTestFinished(() => rmSync(out, { recursive: true }));
  const args = ["--conditions=sluice-source", `${root}${script}`, out];
  await promisify(execFile)(process.execPath, args, { env: { ...process.env, CLANG: program("clang-19") } });
  return out;
}

test("the greeting in C and in AssemblyScript greets as the one that is checked in", async () => {
  const out = await build("examples/filters/wasm-greeting/scripts/build-components.ts");
  const responses: unknown[] = [];
  for (const folder of [out, `${root}examples/filters/wasm-greeting/wasm`]) {
    for (const language of ["c", "as"]) {
      const definition = await componentDefinition(join(folder, `greeting-${language}.wasm`));
      const harness = await httpHarness(definition, {
        config: { value: "hello" },
        routes: [{ routeConfig: { value: "ahoy" } }],
      });
      onTestFinished(() => harness.close());
      const { status, headers, body } = await harness.request({ body: "12345" });
      responses.push({ status, body, greeting: headers["x-greeting"], bytes: headers["x-request-bytes"] });
    }
  }
  expect(responses).toEqual(
    Array.from({ length: 4 }, () => ({ status: 200, body: "ok", greeting: "ahoy", bytes: "5" })),
  );
});

test.each([
  ["test/wasm/fixtures/build.ts", "test/wasm/fixtures/probe.wasm"],
  ["test/conformance/runtimes/component/build.ts", "test/conformance/runtimes/component/greeting.wasm"],
])("%s makes %s", async (script, path) => {
  const out = await build(script);
  const made = readFileSync(join(out, path.split("/").at(-1)!));
  // Another compiler version may choose other instructions; interfaces and description are the same.
  const { readComponentFile } = await import("../../packages/core/src/isolate/wasm/component-file.ts");
  const { plainModule: ours, ...said } = readComponentFile(made);
  const { plainModule: kept, ...saidBefore } = readComponentFile(readFileSync(`${root}${path}`));
  expect(said).toEqual(saidBefore);
  expect([ours === null, kept === null]).toEqual([false, false]);
});
