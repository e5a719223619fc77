// Which changes of files are told, and how often: by real folders and a clock that the test moves.
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../../../test/support/eventually.ts";
import { ReadFiles } from "./file-signature.ts";
import { FileWatcher, type WatchTimers } from "./file-watcher.ts";

let folder = "";
let watcher: FileWatcher;
let armed: (() => void) | null = null;
let settings = 0;
let changes: string[][] = [];

const timers: WatchTimers = {
  set: (callback) => {
    settings++;
    armed = callback;
    return callback;
  },
  clear: (timer) => {
    if (armed === timer) armed = null;
  },
};

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "sluice-files-")));
  armed = null;
  settings = 0;
  changes = [];
  const onChange = (paths: readonly string[]): void =>
    void changes.push(paths.map((path) => path.slice(folder.length + 1)));
  watcher = new FileWatcher({ timers, onChange, log: { enabled: () => false, write: () => {} } });
});
afterEach(() => {
  watcher.close();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, text?: string): string {
  const path = join(folder, name);
  if (text !== undefined) writeFileSync(path, text);
  return path;
}

function watch(...names: string[]): void {
  const files = new ReadFiles();
  for (const name of names) files.note(join(folder, name));
  watcher.watch(files.all);
}

/** Waits for an event of the file system, then lets the quiet moment pass. */
async function pass(): Promise<void> {
  const from = settings;
  await eventually("an event of the file system", () => settings > from || armed !== null);
  const callback = armed;
  armed = null;
  callback?.();
}

test("one change is told once, when it was quiet, and no other until it is watched again", async () => {
  file("a.ts", "1");
  watch("a.ts");
  file("a.ts", "22");
  await eventually("a timer is set", () => armed !== null);
  expect(changes).toEqual([]);
  file("a.ts", "333");
  await pass();
  expect(changes).toEqual([["a.ts"]]);
  file("a.ts", "4444");
  watch("a.ts");
  file("b.ts", "x");
  await pass();
  expect(changes).toEqual([["a.ts"]]);
});

test("what changed between reading and watching is a change", () => {
  const files = new ReadFiles();
  files.note(file("a.ts", "1"));
  file("a.ts", "22");
  watcher.watch(files.all);
  expect(armed).not.toBeNull();
  armed!();
  expect(changes).toEqual([["a.ts"]]);
});

test("a file that is replaced, one that goes, one that comes", async () => {
  file("a.ts", "1");
  watch("a.ts", "later.ts");
  renameSync(file("a.ts~", "1"), join(folder, "a.ts"));
  await pass();
  watch("a.ts", "later.ts");
  rmSync(join(folder, "a.ts"));
  await pass();
  watch("a.ts", "later.ts");
  file("later.ts", "1");
  await pass();
  expect(changes).toEqual([["a.ts"], ["a.ts"], ["later.ts"]]);
});

test("a link that is led elsewhere, as volumes of Kubernetes are updated", async () => {
  mkdirSync(join(folder, "v1"));
  mkdirSync(join(folder, "v2"));
  file("v1/a.yaml", "1");
  file("v2/a.yaml", "2");
  symlinkSync("v1", join(folder, "data"));
  symlinkSync("data/a.yaml", join(folder, "a.yaml"));
  watch("a.yaml");
  symlinkSync("v2", join(folder, "data.new"));
  renameSync(join(folder, "data.new"), join(folder, "data"));
  await pass();
  expect(changes).toEqual([["a.yaml"]]);
});

test("folders that come later are watched, as deep as they are", async () => {
  watch("x/y/a.ts");
  mkdirSync(join(folder, "x"));
  await pass();
  mkdirSync(join(folder, "x/y"));
  await pass();
  file("x/y/a.ts", "1");
  await pass();
  expect(changes).toEqual([["x/y/a.ts"]]);
});

test("after close nothing is told", async () => {
  file("a.ts", "1");
  watch("a.ts");
  file("a.ts", "22");
  await eventually("a timer is set", () => armed !== null);
  watcher.close();
  expect(armed).toBeNull();
});
