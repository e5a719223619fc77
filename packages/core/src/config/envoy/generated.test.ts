/** What scripts/build-protos.ts made and the repository keeps is what it makes now. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { buildProtos } from "../../../scripts/build-protos.ts";

const kept = fileURLToPath(new URL("../../..", import.meta.url));
const fresh = mkdtempSync(join(tmpdir(), "sluice-generated-"));
afterAll(() => rmSync(fresh, { recursive: true }));

function files(root: string): string[] {
  const all = readdirSync(root, { recursive: true, encoding: "utf8" }).map((name) => join(root, name));
  return all
    .filter((file) => statSync(file).isFile())
    .map((file) => relative(root, file))
    .sort();
}

test("the descriptor set, its lines and the types are those of a fresh run", { timeout: 60_000 }, () => {
  buildProtos(fresh);
  const generated = "src/config/envoy/generated";
  expect(files(join(kept, generated))).toEqual(files(join(fresh, generated)));
  for (const file of files(fresh)) {
    expect(readFileSync(join(fresh, file)).equals(readFileSync(join(kept, file))), file).toBe(true);
  }
  expect(files(fresh).length).toBeGreaterThan(70);
});
