import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, describe, expect, test } from "vitest";
import { Problems } from "../problems.ts";
import { readSource } from "./read-source.ts";
import { readText } from "./read-text.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function read(name: string, content?: string | Uint8Array) {
  const file = join(folder, name);
  if (content !== undefined) writeFileSync(file, content);
  const problems = new Problems();
  const source = await readSource(file, problems);
  return { source, codes: [...problems].map(({ code }) => code), text: problems.format().replaceAll(`${folder}/`, "") };
}

describe("readSource", () => {
  test("a file becomes its value, and places in it bear its name", async () => {
    const { source, codes } = await read("good.yaml", "a: {b: 1}\n");
    expect(codes).toEqual([]);
    expect(source?.root).toEqual({ a: { b: 1 } });
    expect(source?.locate(source.root?.["a"] as object, "b")).toEqual({
      file: join(folder, "good.yaml"),
      line: 1,
      column: 8,
      path: "a.b",
    });
  });

  test("a file that does not exist", async () => {
    expect((await read("none.yaml")).text).toBe("none.yaml  the file cannot be read: it does not exist\n1 error\n");
  });

  test("a directory", async () => {
    mkdirSync(join(folder, "directory"));
    expect((await read("directory")).text).toContain("it is a directory");
  });

  test("an empty file", async () => {
    expect((await read("empty.yaml", "")).text).toBe(
      "empty.yaml:1:1  the file is empty, expected a mapping\n1 error\n",
    );
  });

  test("a file of 50 MB is refused by its size", async () => {
    const file = join(folder, "big.yaml");
    writeFileSync(file, "a: ");
    truncateSync(file, 50_000_000);
    const { source, codes, text } = await read("big.yaml");
    expect(source).toBeUndefined();
    expect(codes).toEqual(["ERR_CONFIG_TOO_LARGE"]);
    expect(text).toContain("the file is larger than 4194304 bytes");
  });

  test("a device that never ends is refused by its size", async () => {
    const problems = new Problems();
    expect(await readText("/dev/zero", problems, { maxBytes: 100_000 })).toBeUndefined();
    expect([...problems].map(({ code }) => code)).toEqual(["ERR_CONFIG_TOO_LARGE"]);
  });

  test("bytes that are no UTF-8 text", async () => {
    const { codes, text } = await read("latin1.yaml", Uint8Array.of(0x61, 0x3a, 0x20, 0xe9));
    expect(codes).toEqual(["ERR_CONFIG_READ"]);
    expect(text).toContain("the file is not UTF-8 text");
  });
});

describe("standard input", () => {
  test("is read by -, over chunk borders inside a character", async () => {
    const bytes = Buffer.from("a: é");
    const stdin = Readable.from([bytes.subarray(0, 4), bytes.subarray(4)]);
    expect(await readText("-", new Problems(), { maxBytes: 100, stdin })).toBe("a: é");
  });

  test("is not read beyond the limit", async () => {
    const problems = new Problems();
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(1000, 0x61);
      })(),
    );
    expect(await readText("-", problems, { maxBytes: 5000, stdin: endless })).toBeUndefined();
    expect(problems.format()).toBe("<stdin>  the file is larger than 5000 bytes\n1 error\n");
    expect(endless.destroyed).toBe(true);
  });
});
