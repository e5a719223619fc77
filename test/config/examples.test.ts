// The examples are right, and the one that exists in both forms says the same in both.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loadConfig, translateConfig } from "../../packages/core/src/config/index.ts";
import { builtinRegistry } from "./support/filters.ts";

const folder = fileURLToPath(new URL("../../examples", import.meta.url));

for (const name of readdirSync(folder).filter((file) => file.endsWith(".yaml"))) {
  test(`examples/${name} has no problems`, async () => {
    const { config, problems } = await loadConfig({ file: join(folder, name) }, { registry: builtinRegistry() });
    expect(problems.format()).toBe("");
    expect(config?.listeners.length).toBeGreaterThan(0);
  });
}

test("quickstart.envoy.yaml is the translation of quickstart.yaml", async () => {
  const { text } = await translateConfig({ file: join(folder, "quickstart.yaml") }, { registry: builtinRegistry() });
  const [, ...lines] = readFileSync(join(folder, "quickstart.envoy.yaml"), "utf8").split("\n");
  expect(lines.join("\n")).toBe(text);
});
