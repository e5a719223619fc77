// `run --watch`: an edit serves in all new streams, or the version before goes on and the log says why, with the place.
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { WatchedProxy, configOf, filterOf } from "./support/watched-proxy.ts";

const files = {
  "proxy.yaml": configOf(),
  "filter.ts": filterOf("word", { imports: 'import { word } from "./lib/word.ts";' }),
  "lib/word.ts": 'export const word: string = "one";\n',
};
const GOES_ON = "error watch: not applied: the last good version goes on serving";

describe.each([0, 2])("with concurrency %i", (concurrency) => {
  test("the filter, a file that it imports, and the configuration are swapped in", async () => {
    await using proxy = await WatchedProxy.start(files, { concurrency });
    expect(await proxy.word()).toBe("one");
    const lines = await proxy.after(() => proxy.files.write("lib/word.ts", 'export const word = "two";'));
    expect(lines[0]).toMatch(/^info watch: changed: \S*lib\/word\.ts$/);
    expect(lines[1]).toMatch(/^info watch: swapped in after \d+ ms: /);
    expect(await proxy.word()).toBe("two");
    await proxy.after(() => proxy.files.write("filter.ts", filterOf('config.word ?? "three"')));
    expect(await proxy.word()).toBe("three");
    await proxy.after(() => proxy.files.write("proxy.yaml", configOf("acme.http.word: { word: four }")));
    expect(await proxy.word()).toBe("four");
  });

  test("what does not compile leaves the last good one serving, and its repair is swapped in", async () => {
    await using proxy = await WatchedProxy.start(files, { concurrency });
    const lines = await proxy.after(() => proxy.files.write("lib/word.ts", "\nexport const word: string = ;"));
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(
        /^error watch: \/proxy\.yaml:1:14 {2}extensions\[0\] {2}the extension \.\/filter\.ts cannot be loaded: \S*lib\/word\.ts:2:29 Unexpected ";"$/,
      ),
      GOES_ON,
    ]);
    expect(await proxy.word()).toBe("one");
    await proxy.after(() => proxy.files.write("lib/word.ts", 'export const word = "two";'));
    expect(await proxy.word()).toBe("two");
  });

  test("what throws in create is refused with its line, in every worker", async () => {
    await using proxy = await WatchedProxy.start(files, { concurrency });
    const create = 'const places: string[] = [];\n    if (places.length === 0) throw new Error("no places");';
    const lines = await proxy.after(() => proxy.files.write("filter.ts", filterOf('"two"', { create })));
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(
        /^error watch: \/proxy\.yaml:6:17 {2}listeners\[0\]\.http\.filters\[0\] {2}HTTP filter "acme\.http\.word": no places \(file:\/\/\/filter\.ts:10:36\)$/,
      ),
      GOES_ON,
    ]);
    expect(await proxy.word()).toBe("one");
    const undone = await proxy.after(() => proxy.files.write("filter.ts", files["filter.ts"]));
    expect(undone.at(-1)).toBe("info watch: nothing to swap: it means the same as before");
    expect(await proxy.word()).toBe("one");
  });
});

test("a schema that no longer takes the configuration is refused where the configuration has it", async () => {
  await using proxy = await WatchedProxy.start({ ...files, "proxy.yaml": configOf("acme.http.word: { word: a }") });
  const strict = files["filter.ts"].replace('word: { type: "string" }', 'word: { type: "number" }');
  const lines = await proxy.after(() => proxy.files.write("filter.ts", strict));
  expect(lines[1]).toMatch(/^error watch: \/proxy\.yaml:6:\d+ {2}listeners\[0\]\.http\.filters\[0\]\S* {2}.*number/);
  expect(lines[2]).toBe(GOES_ON);
});

test("what throws while it is loaded is told with its line", async () => {
  await using proxy = await WatchedProxy.start(files);
  const lines = await proxy.after(() =>
    proxy.files.write("lib/word.ts", '\nthrow new Error("not today");\nexport const word = "";'),
  );
  expect(lines[1]).toMatch(/cannot be loaded: not today \(file:\/\/\/lib\/word\.ts:2:7\)$/);
});

test("a problem of the configuration itself is told with its place", async () => {
  await using proxy = await WatchedProxy.start(files);
  const lines = await proxy.after(() => proxy.files.write("proxy.yaml", configOf().replace("prefix: /", "prefx: /")));
  expect(lines[1]).toMatch(/^error watch: \/proxy\.yaml:7:16 {2}listeners\[0\]\.http\.routes\[0\] {2}one of prefix/);
  expect(await proxy.word()).toBe("one");
});

test("an import that is missing is tried again once it is there", async () => {
  await using proxy = await WatchedProxy.start(files);
  const lines = await proxy.after(() =>
    proxy.files.write("filter.ts", filterOf("late", { imports: 'import { late } from "./deep/down/late.ts";' })),
  );
  expect(lines[1]).toMatch(/filter\.ts:2:\d+ there is no file \.\/deep\/down\/late\.ts$/);
  await proxy.after(() => proxy.files.write("deep/down/late.ts", 'export const late = "late";'));
  expect(await proxy.word()).toBe("late");
});

test("an extension that the configuration names too early is tried again once it is there", async () => {
  await using proxy = await WatchedProxy.start(files);
  const early = configOf().replace('"./filter.ts"', '"./filter.ts", "./other.ts"');
  expect((await proxy.after(() => proxy.files.write("proxy.yaml", early)))[1]).toContain("there is no file ./other.ts");
  const other = filterOf('"x"').replace("acme.http.word", "acme.http.other");
  expect((await proxy.after(() => proxy.files.write("other.ts", other))).at(-1)).toContain("swapped in");
});

test("saved by renaming, again and again", async () => {
  await using proxy = await WatchedProxy.start(files);
  for (const word of ["a", "b", "c"]) {
    await proxy.after(() => proxy.files.replace("lib/word.ts", `export const word = "${word}";`));
    expect(await proxy.word()).toBe(word);
  }
});

test("of two quick edits the last one serves", async () => {
  await using proxy = await WatchedProxy.start(files);
  proxy.files.write("lib/word.ts", 'export const word = "two";');
  proxy.files.write("lib/word.ts", 'export const word = "three";');
  await eventually("the last edit serves", async () => (await proxy.word()) === "three");
  // While one is under way another one comes.
  const swaps = () => proxy.lines.filter((line) => line.includes("swapped in")).length;
  const before = swaps();
  proxy.files.write("lib/word.ts", 'export const word = "four";');
  await eventually("a change is seen", () => proxy.lines.filter((line) => line.includes("changed:")).length > before);
  proxy.files.write("lib/word.ts", 'export const word = "five";');
  await eventually("the last edit serves", async () => (await proxy.word()) === "five");
});

test("a file that is deleted leaves the last version serving; back again, it is swapped in", async () => {
  await using proxy = await WatchedProxy.start(files);
  expect(await proxy.after(() => proxy.files.remove("filter.ts"))).toEqual([
    expect.stringContaining("changed: "),
    expect.stringContaining("there is no file ./filter.ts"),
    GOES_ON,
  ]);
  expect(await proxy.word()).toBe("one");
  await proxy.after(() => proxy.files.write("filter.ts", filterOf('"back"')));
  expect(await proxy.word()).toBe("back");
});

test("a whole folder may go and come back", async () => {
  await using proxy = await WatchedProxy.start(files);
  await proxy.after(() => renameSync(proxy.files.path("lib"), proxy.files.path("away")));
  expect(await proxy.word()).toBe("one");
  await proxy.after(() => {
    mkdirSync(proxy.files.path("lib"));
    proxy.files.write("lib/word.ts", 'export const word = "two";');
  });
  expect(await proxy.word()).toBe("two");
  rmSync(proxy.files.path("away"), { recursive: true });
  await proxy.after(() => proxy.files.write("lib/word.ts", 'export const word = "three";'));
  expect(await proxy.word()).toBe("three");
});

test("a comment in the configuration changes nothing, though all that follows has moved", async () => {
  await using proxy = await WatchedProxy.start(files);
  const lines = await proxy.after(() => proxy.files.write("proxy.yaml", `# a comment\n${configOf()}`));
  expect(lines.at(-1)).toBe("info watch: nothing to swap: it means the same as before");
});

test("files beside those that are watched change nothing", async () => {
  await using proxy = await WatchedProxy.start(files);
  proxy.files.write("lib/notes.txt", "hello");
  proxy.files.write("lib/word.ts.swp", "hello");
  const lines = await proxy.after(() => proxy.files.write("lib/word.ts", 'export const word = "two";'));
  expect(lines.filter((line) => line.includes("changed:"))).toHaveLength(1);
});

test("a filter that fails is told in the lines of its TypeScript", async () => {
  await using proxy = await WatchedProxy.start({
    ...files,
    "filter.ts": filterOf("fail(1)", { imports: 'import { fail } from "./lib/fail.ts";' }),
    "lib/fail.ts":
      'interface Gone {\n  a: string;\n}\n\nexport function fail(_times: number): string {\n  throw new Error("on purpose");\n}\n',
  });
  expect(await proxy.word()).toBeUndefined();
  const told = await eventually("the failure is logged", () => proxy.lines.find((line) => line.includes("on purpose")));
  expect(told).toContain("failed in onResponseHeaders");
  expect(told).toContain("at fail (file:///lib/fail.ts:6:9)");
  expect(told).toContain("(file:///filter.ts:12:31)");
});

test("without esbuild it says what is missing", async () => {
  const missing = () => Promise.reject(new Error("Cannot find package 'esbuild'"));
  await expect(WatchedProxy.start(files, { loadEsbuild: missing })).rejects.toThrow(
    "run --watch needs esbuild, which is not installed here: npm install --save-dev esbuild",
  );
});
