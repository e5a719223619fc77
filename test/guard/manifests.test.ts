// Every published package.json is complete.
import { describe, expect, test } from "vitest";
import { type Manifest, manifestProblems, publishedManifests } from "./rules/manifests.ts";
import { file, repository, type SourceFile } from "./tree.ts";

test("every published package.json is complete", () => {
  expect([...publishedManifests(repository()).values()].map(({ name }) => name)).toEqual(
    expect.arrayContaining(["@sluice/sdk", "@sluice/core", "@sluice/filters-l4", "@sluice/filters-l7"]),
  );
  expect(manifestProblems(repository())).toEqual([]);
});

describe("the rule refuses", () => {
  const good: Manifest = {
    name: "@sluice/filters-l7",
    version: "1.0.0",
    description: "A package made up for this test",
    license: "Apache-2.0",
    type: "module",
    engines: { node: ">=22.19" },
    files: ["dist"],
    exports: {
      ".": { "sluice-source": "./src/index.ts", types: "./dist/index.d.ts", default: "./dist/index.js" },
      "./package.json": "./package.json",
    },
    publishConfig: { access: "public" },
    peerDependencies: { "@sluice/sdk": "^1.0.0" },
  };
  const files = (manifest: unknown): SourceFile[] => [
    file("packages/filters-l7/package.json", JSON.stringify(manifest)),
    file("packages/filters-l7/src/index.ts"),
    file("packages/filters-l7/LICENSE"),
  ];

  test("nothing of a complete one", () => {
    expect(manifestProblems(files(good))).toEqual([]);
  });

  test.each([
    [{ version: undefined }, "has no version"],
    [{ description: "" }, "has no description"],
    [{ license: "MIT" }, "is not under Apache-2.0"],
    [{ type: "commonjs" }, "is not ESM"],
    [{ engines: {} }, "engines.node"],
    [{ files: ["src"] }, "files does not list dist"],
    [{ publishConfig: {} }, "publishConfig.access"],
    [{ exports: { "./package.json": "./package.json" } }, 'exports has no "."'],
    [{ exports: { ".": "./dist/index.js" } }, "exports hides package.json"],
    [{ exports: { ...good.exports, "./x": { default: "./dist/x.js" } } }, "has the conditions"],
    [
      { exports: { ...good.exports, "./x": { "sluice-source": "./src/x.ts", types: "./dist/x.d.ts", default: "" } } },
      "does not exist",
    ],
    [
      { exports: { ...good.exports, ".": { "sluice-source": "./src/index.ts", types: "./dist/i.d.ts", default: "" } } },
      ".types is not",
    ],
    [{ bin: { gate: "./src/gate.ts" } }, "bin gate is not in dist"],
    [{ peerDependencies: {} }, "does not take the sdk as a peer"],
    [{ dependencies: { "@sluice/sdk": "^1.0.0" } }, "takes the sdk as a dependency"],
    [{ dependencies: { yaml: "file:../yaml" } }, "cannot be published"],
    [{ dependencies: { "@sluice/filters-l7": "^0.9.0" } }, "but it is 1.0.0"],
  ])("%j", (change, problem) => {
    expect(manifestProblems(files({ ...good, ...change }))).toEqual([expect.stringContaining(problem)]);
  });

  test("an sdk that depends on something, and a package without a licence", () => {
    const [manifest, source] = files({ ...good, name: "@sluice/sdk" });
    expect(manifestProblems([manifest!, source!])).toEqual([
      "packages/filters-l7/package.json: the sdk depends on nothing",
      "packages/filters-l7: has no LICENSE to ship",
    ]);
  });
});
