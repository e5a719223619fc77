// The API reference says what the docstrings say, and the public API does not change unseen. `UPDATE_DOCS=1` writes both.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readApi, withoutComments } from "./read-api.ts";
import { renderReference, renderSnapshot } from "./render-api.ts";

const repository = join(dirname(fileURLToPath(import.meta.url)), "../../..");

const entries = [
  {
    name: "sdk",
    entry: "packages/sdk/src/index.ts",
    title: "`@sluice/sdk`",
    intro: "What a filter is written against. It has no dependencies; a filter package names it as a peer dependency.",
  },
  {
    name: "testing",
    entry: "packages/core/src/testing/index.ts",
    title: "`@sluice/core/testing`",
    intro: "What a filter is tested with, without a socket. A devDependency of filter packages.",
  },
  {
    name: "core",
    entry: "packages/core/src/index.ts",
    title: "`@sluice/core`",
    intro: "The proxy inside a program of one's own, and the types of `sluice.config.ts`.",
  },
] as const;

/** Compares a file with what it should be, or writes it. */
function hold(path: string, text: string): void {
  const file = join(repository, path);
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(file, text);
  expect(readFileSync(file, "utf8"), `${path} is out of date: UPDATE_DOCS=1 vitest run test/docs`).toBe(text);
}

describe.each(entries)("$title", ({ name, entry, title, intro }) => {
  const sections = readApi(join(repository, entry));

  it("has the reference that its docstrings make", () => {
    hold(`docs/api/${name}.md`, renderReference(sections, { title, intro, folder: join(repository, "docs/api") }));
  });

  it("has the public API of the snapshot", () => {
    hold(`docs/api/${name}.api.txt`, renderSnapshot(sections));
  });

  it("documents what is public", () => {
    const silent = sections.flatMap(({ declarations }) =>
      declarations
        .filter(({ doc, text }) => doc === "" && !/\/\*\*/.test(text) && /^(?:function|class) /.test(text))
        .map((each) => each.name),
    );
    expect(silent).toEqual([]);
  });
});

describe("the reader", () => {
  it("keeps overloads, leaves out bodies, private members and comments", () => {
    const [sdk] = entries;
    const all = readApi(join(repository, sdk.entry)).flatMap(({ declarations }) => declarations);
    const reply = all.find(({ name }) => name === "reply");
    expect(reply).toMatchObject({ text: "function reply(options: LocalReplyOptions): LocalReply;" });
    expect(reply?.doc).toContain("Answers the stream locally");
    expect(all.filter(({ name }) => name === "Continue")).toHaveLength(2);
    expect(withoutComments("interface A {\n  /** words */\n  a: 1; // more\n}")).toBe("interface A {\n  a: 1;\n}");
  });
});
