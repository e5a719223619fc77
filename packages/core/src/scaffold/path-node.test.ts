// Which Node the scripts of a new package would find.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { needsNode } from "./path-node.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-path-node-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A folder with a `node` that does what the script says. */
function bin(name: string, script: string, mode = 0o755): string {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "node"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(place, "node"), mode);
  return place;
}

const old = bin("old", "echo v20.19.5");
const recent = bin("recent", "echo v22.19.0");
const brought = bin("node_modules/.bin", "echo v24.9.0");
const broken = bin("broken", "exit 1");
const inert = bin("inert", "echo v20.19.5", 0o644);

test.each([
  ["the first is new enough", [recent, old], false],
  ["the first is too old", [old, recent], true],
  ["a package's own does not count", [brought, old], true],
  ["a package's own does not count", [brought, recent], false],
  ["a file that is no program does not count", [inert, join(folder, "missing"), "", recent], false],
  ["one that does not run", [broken, recent], true],
  ["there is none", [join(folder, "missing")], true],
])("%s: %j", (_what, path, expected) => {
  expect(needsNode(path.join(delimiter))).toBe(expected);
});
