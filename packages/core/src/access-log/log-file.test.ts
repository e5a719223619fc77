import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LogFile, type WriterLimits } from "./log-file.ts";

const LIMITS: WriterLimits = { flushBytes: 100, flushAfterMs: 10_000, maxPendingBytes: 10_000 };

let folder: string;
let path: string;
let failed: { count: number; inc(): void };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-log-"));
  path = join(folder, "access.log");
  failed = {
    count: 0,
    inc() {
      this.count++;
    },
  };
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const content = () => readFileSync(path, "utf8");
const open = (limits = LIMITS) => LogFile.open(path, limits, failed);

describe("a log file", () => {
  it("gathers lines and writes them when enough wait", async () => {
    const file = open();
    file.write("first\n");
    expect(content()).toBe("");
    file.write(`${"x".repeat(99)}\n`);
    await file.flushed();
    expect(content()).toBe(`first\n${"x".repeat(99)}\n`);
    file.close();
  });

  it("writes a lonely line when it has waited long enough", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const file = open();
    file.write("alone\n");
    vi.advanceTimersByTime(9999);
    await file.flushed();
    expect(content()).toBe("");
    vi.advanceTimersByTime(1);
    await file.flushed();
    expect(content()).toBe("alone\n");
    file.close();
  });

  it("appends to what is there and keeps bytes as they are", () => {
    const first = open();
    first.write("caf\u00c3\u00a9\n");
    first.close();
    const second = open();
    second.write("again\n");
    second.close();
    expect(content()).toBe("café\nagain\n");
  });

  it("writes everything on flushNow, also while a write is under way, each line once", async () => {
    const file = open();
    file.write(`${"a".repeat(120)}\n`);
    file.write("b\n");
    file.flushNow();
    file.flushNow();
    await file.flushed();
    const lines = content().split("\n").sort();
    expect(lines).toEqual(["", "a".repeat(120), "b"]);
    file.close();
  });

  it("writes what waits when it is closed, and takes nothing after", async () => {
    const file = open();
    file.write(`${"a".repeat(120)}\n`);
    file.write("b\n");
    file.close();
    file.close();
    await file.flushed();
    expect(content().length).toBe(123);
  });

  it("goes on in a new file after it was moved away", async () => {
    const file = open();
    file.write("old\n");
    file.flushNow();
    renameSync(path, `${path}.1`);
    file.reopen();
    file.write("new\n");
    file.flushNow();
    expect(content()).toBe("new\n");
    expect(readFileSync(`${path}.1`, "utf8")).toBe("old\n");
    file.close();
    await file.flushed();
  });

  it("finishes the write that is under way in the old file", async () => {
    const file = open();
    const line = `${"a".repeat(120)}\n`;
    file.write(line);
    renameSync(path, `${path}.1`);
    file.reopen();
    file.write("new\n");
    await file.flushed();
    file.flushNow();
    expect(readFileSync(`${path}.1`, "utf8")).toBe(line);
    expect(content()).toBe("new\n");
    file.close();
  });

  it("goes on in the old file where the new one cannot be opened, and counts that", () => {
    const file = open();
    renameSync(folder, `${folder}.moved`);
    file.reopen();
    file.write("kept\n");
    file.close();
    renameSync(`${folder}.moved`, folder);
    expect(content()).toBe("kept\n");
    expect(failed.count).toBe(1);
  });

  it("drops and counts lines when more wait than memory is given", async () => {
    const file = open({ flushBytes: 1000, flushAfterMs: 10_000, maxPendingBytes: 10 });
    file.write("12345678\n");
    file.write("lost\n");
    file.close();
    expect(content()).toBe("12345678\n");
    expect(failed.count).toBe(1);
    await file.flushed();
  });

  it("counts what the system refuses, and never throws", async () => {
    const fd = openSync(path, constants.O_RDONLY | constants.O_CREAT);
    const file = LogFile.standard(fd, LIMITS, failed);
    file.write(`${"a".repeat(120)}\n`);
    await file.flushed();
    file.write("b\n");
    file.flushNow();
    expect(failed.count).toBe(2);
    closeSync(fd);
  });

  it("cannot be opened where there is no folder", () => {
    expect(() => LogFile.open(join(folder, "none", "a.log"), LIMITS, failed)).toThrow(/ENOENT/);
  });

  it("is readable by others and writable by its owner alone", () => {
    open().close();
    expect(statSync(path).mode & 0o022).toBe(0);
  });
});

describe("a named pipe", () => {
  it("is refused where nobody reads, instead of holding the thread", () => {
    execFileSync("mkfifo", [path]);
    expect(() => open()).toThrow(/ENXIO/);
  });

  it("gets whole lines in pieces that no other writer can divide, and waits while it is full", async () => {
    execFileSync("mkfifo", [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const file = open({ flushBytes: 1000, flushAfterMs: 10_000, maxPendingBytes: 1_000_000 });
    const sent: string[] = [];
    for (let i = 0; i < 4000; i++) {
      const line = `${i}:${"x".repeat(i % 97)}\n`;
      sent.push(line);
      file.write(line);
    }
    let received = "";
    const buffer = Buffer.alloc(65_536);
    const read = () => {
      try {
        received += buffer.toString("latin1", 0, readSync(reader, buffer));
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe("EAGAIN");
      }
    };
    const wanted = sent.join("");
    while (received.length < wanted.length) {
      await file.flushed();
      read();
      if (received.length < wanted.length) await new Promise((resolve) => setImmediate(resolve));
      file.onTimer();
    }
    expect(received).toBe(wanted);
    expect(failed.count).toBe(0);
    file.close();
    closeSync(reader);
  });
});
