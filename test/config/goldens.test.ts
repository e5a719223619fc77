// Every file below goldens/: what a configuration means in Envoy's form and in the compiled model, or all that is wrong with it.
// UPDATE_GOLDENS=1 writes what comes out; read the difference before it is committed.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../packages/core/src/config/index.ts";
import { builtinRegistry } from "./support/filters.ts";
import { formatGolden, type GoldenFile, parseGolden, partAt, stableJson } from "./support/golden-file.ts";

const folder = fileURLToPath(new URL("goldens", import.meta.url));
const isUpdate = process.env["UPDATE_GOLDENS"] === "1";

for (const kind of ["good", "bad"] as const) {
  describe(`${kind} configurations`, () => {
    for (const name of readdirSync(join(folder, kind)).sort()) {
      test(name.replace(/\.yaml$/, "").replaceAll("-", " "), async () => {
        const file = join(folder, kind, name);
        const golden = parseGolden(readFileSync(file, "utf8"));
        const { isGood, sections } = await outcome(golden);
        if (isUpdate) writeFileSync(file, formatGolden(golden.input, sections));
        else expect(Object.fromEntries(sections)).toEqual(Object.fromEntries(golden.sections));
        expect(isGood).toBe(kind === "good");
      });
    }
  });
}

async function outcome({
  input,
  models,
  allowsUnsupported,
}: GoldenFile): Promise<{ isGood: boolean; sections: Map<string, string> }> {
  const source = { text: input, name: "proxy.yaml" };
  const { config, problems } = await loadConfig(source, {
    registry: builtinRegistry(),
    allowUnsupported: allowsUnsupported,
  });
  const sections = new Map<string, string>();
  if (config !== null) {
    sections.set("long form", stableJson(config.bootstrap));
    for (const path of models) sections.set(`model ${path}`, stableJson(partAt(config, path)));
  }
  if (problems.size > 0) sections.set("problems", problems.format());
  return { isGood: config !== null, sections };
}

test("the long form of a good short form means the same", async () => {
  for (const name of readdirSync(join(folder, "good"))) {
    const { input, allowsUnsupported } = parseGolden(readFileSync(join(folder, "good", name), "utf8"));
    const options = { registry: builtinRegistry(), allowUnsupported: allowsUnsupported };
    const first = await loadConfig({ text: input, name: "proxy.yaml" }, options);
    const second = await loadConfig({ text: JSON.stringify(first.config?.bootstrap), name: "long.json" }, options);
    expect(withoutPlaces(second.config), name).toEqual(withoutPlaces(first.config));
  }
});

function withoutPlaces(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, each: unknown) => (key === "place" ? undefined : each)));
}
