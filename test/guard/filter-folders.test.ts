// Every built-in filter has its files, its tests and its page with every configuration key.
import { describe, expect, test } from "vitest";
import { configKeys, type Describable, filterFolders, folderProblems, readmeProblems } from "./rules/filter-folders.ts";
import { file, repository, root } from "./tree.ts";

const folders = filterFolders(repository());

test("filter folders are complete", () => {
  expect(folderProblems(repository())).toEqual([]);
  expect(folders.map(({ name }) => name)).toEqual(expect.arrayContaining(["router", "tcp-proxy"]));
});

test.each(folders.map(({ path, files }) => ({ path, readme: files.get("README.md")?.text ?? "" })))(
  "the page of $path names its id and every configuration key",
  async ({ path, readme }) => {
    const module = (await import(`${root}${path}/index.ts`)) as Record<string, unknown>;
    const definitions = Object.values(module)
      .flat()
      .filter((value): value is Describable => isDefinition(value));
    expect(definitions.length, `${path}/index.ts exports a definition`).toBeGreaterThan(0);
    expect(definitions.flatMap((definition) => readmeProblems(path, readme, definition))).toEqual([]);
  },
);

function isDefinition(value: unknown): boolean {
  return typeof value === "object" && value !== null && Symbol.for("sluice.definition") in value;
}

describe("the rule refuses", () => {
  const complete = ["index.ts", "config.ts", "filter.ts", "README.md"].map((name) =>
    file(`packages/filters-l7/src/gate/${name}`),
  );
  const tests = ["config.test.ts", "filter.test.ts"].map((name) =>
    file(`packages/filters-l7/src/gate/${name}`, 'test("opens", () => {});'),
  );

  test("a folder without its files", () => {
    expect(folderProblems([...complete, ...tests])).toEqual([]);
    expect(folderProblems(complete.slice(1))).toEqual([
      "packages/filters-l7/src/gate: has no index.ts",
      "packages/filters-l7/src/gate: has no config.test.ts",
      "packages/filters-l7/src/gate: has no filter.test.ts",
    ]);
  });

  test("a test file without a test", () => {
    expect(folderProblems([...complete, tests[0]!, file(tests[1]!.path, "export {};")])).toEqual([
      "packages/filters-l7/src/gate/filter.test.ts: tests nothing",
    ]);
  });

  test("a filter that is a loose file", () => {
    expect(folderProblems([file("packages/filters-l7/src/gate.ts")])).toEqual([
      "packages/filters-l7/src/gate.ts: stands outside a filter's folder",
    ]);
  });

  const folder = "packages/filters-l7/src/gate";
  const gate: Describable = { id: "acme.http.gate", messages: { "acme.Gate": ["open_at", "hinge"] } };

  test("a page that leaves out a key, or names it only in prose or in an example", () => {
    expect(readmeProblems(folder, "# `acme.http.gate`\n`open_at`, `hinge`", gate)).toEqual([]);
    for (const page of [
      "`open_at`",
      "`open_at` and hinge",
      "`open_at`\n```yaml\nhinge: 1\n```",
      "`open_at` `hinges`",
    ]) {
      expect(readmeProblems(folder, `# \`acme.http.gate\`\n${page}`, gate)).toEqual([
        `${folder}/README.md: does not name the configuration key \`hinge\``,
      ]);
    }
  });

  test("a page without the id, and a folder named otherwise", () => {
    expect(readmeProblems(folder, "`open_at` `hinge`", { ...gate, id: "acme.http.door" })).toEqual([
      `${folder}/README.md: does not name the id \`acme.http.door\``,
      `${folder}: is not named after its id acme.http.door`,
    ]);
  });

  test("a definition that does not tell its keys", () => {
    expect(configKeys({ id: "a.b", config: { "~standard": {} } })).toBeNull();
    expect(configKeys({ id: "a.b", config: { properties: { x: {} } }, routeConfig: { shape: { y: {} } } })).toEqual([
      "x",
      "y",
    ]);
    expect(readmeProblems(folder, "`acme.http.gate`", { id: "acme.http.gate", config: {} })).toHaveLength(1);
  });
});
