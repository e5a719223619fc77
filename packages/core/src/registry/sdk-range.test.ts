// A package says for which sdk it was written; what does not fit is one sentence with both versions.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { sdkRangeProblem } from "./sdk-range.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-range-"));
afterAll(() => rmSync(folder, { recursive: true }));
let packages = 0;

/** URL of a module in a package with that manifest. */
function moduleOf(manifest: object): string {
  const root = join(folder, `p${packages++}`);
  mkdirSync(join(root, "dist"), { recursive: true });
  writeFileSync(join(root, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(root, "dist/index.js"), "");
  return pathToFileURL(join(root, "dist/index.js")).href;
}

const asks = (range: unknown) =>
  moduleOf({ name: "@acme/x", version: "3.1.4", peerDependencies: { "@sluice/sdk": range } });

describe("the range of the sdk that a package states", () => {
  it.each([
    ["^1.2.0", "1.9.0"],
    ["^0.1.0", "0.1.7"],
    [">=0.1 <2", "1.0.0-beta.1"],
    ["*", "7.0.0"],
    ["file:../sdk", "0.1.0"],
    ["workspace:^", "0.1.0"],
  ])("%s fits %s", (range, version) => {
    expect(sdkRangeProblem(asks(range), version)).toBeNull();
  });

  it.each([
    ["^1.2.0", "2.0.0"],
    ["^0.1.0", "0.2.0"],
    ["^2.0.0", "1.9.9"],
  ])("%s does not fit %s, and the sentence names both", (range, version) => {
    expect(sdkRangeProblem(asks(range), version)).toBe(
      `@acme/x 3.1.4 needs @sluice/sdk ${range}, which does not fit the ${version} of this Sluice`,
    );
  });

  it("is looked for among the dependencies, too", () => {
    const url = moduleOf({ dependencies: { "@sluice/sdk": "^9.0.0" } });
    expect(sdkRangeProblem(url, "1.0.0")).toBe(
      "its package needs @sluice/sdk ^9.0.0, which does not fit the 1.0.0 of this Sluice",
    );
  });

  it("is refused where it is no range", () => {
    expect(sdkRangeProblem(asks("latest and greatest"), "1.0.0")).toBe(
      '@acme/x 3.1.4 asks for @sluice/sdk "latest and greatest", which is no range of versions; this Sluice has 1.0.0',
    );
  });

  it("may be missing", () => {
    expect(sdkRangeProblem(moduleOf({ name: "plain" }), "1.0.0")).toBeNull();
    expect(sdkRangeProblem("data:text/javascript,1", "1.0.0")).toBeNull();
  });
});
