import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatContext } from "../../../../test/support/format-context.ts";
import type { AccessLogModel } from "../config/model.ts";
import { createAccessLoggers } from "./access-logger.ts";
import { AccessLogSinks } from "./sinks.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-log-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function model(name: string, format: AccessLogModel["format"]): AccessLogModel {
  return {
    sink: { kind: "file", path: join(folder, name) },
    format,
    place: { path: `access_log[${name}]`, position: "" },
  };
}

const content = (name: string) => readFileSync(join(folder, name), "utf8");
const text = (format: string) => ({ kind: "text", text: format }) as const;

describe("access loggers", () => {
  it("are none where none is configured", () => {
    expect(createAccessLoggers([], new AccessLogSinks())).toBeNull();
  });

  it("write their lines, two formats into one file", () => {
    const sinks = new AccessLogSinks();
    const loggers = createAccessLoggers(
      [model("a", text("%RESPONSE_CODE%\n")), model("a", { kind: "json", json: { s: "%RESPONSE_CODE%" } })],
      sinks,
    )!;
    for (const logger of loggers) logger.log(formatContext());
    expect(content("a")).toBe("");
    sinks.flush();
    expect(content("a")).toBe('200\n{"s":200}\n');
    for (const logger of loggers) logger.release();
  });

  it("share a file until the last one is released, which writes what waits", () => {
    const sinks = new AccessLogSinks();
    const [first] = createAccessLoggers([model("a", text("first\n"))], sinks)!;
    const [second] = createAccessLoggers([model("a", text("second\n"))], sinks)!;
    first!.log(formatContext());
    first!.release();
    first!.release();
    first!.log(formatContext());
    second!.log(formatContext());
    second!.release();
    expect(content("a")).toBe("first\nsecond\n");
  });

  it("open their files anew after rotation", () => {
    const sinks = new AccessLogSinks();
    const [logger] = createAccessLoggers([model("a", text("line\n"))], sinks)!;
    logger!.log(formatContext());
    sinks.flush();
    rmSync(join(folder, "a"));
    sinks.reopen();
    logger!.log(formatContext());
    sinks.flush();
    expect(content("a")).toBe("line\n");
    logger!.release();
  });

  it("are refused together where one of them is wrong, and leave no file open", async () => {
    const sinks = new AccessLogSinks();
    expect(() => createAccessLoggers([model("a", text("ok")), model("b", text("%NOPE%"))], sinks)).toThrow(
      /access_log\[b\]: %NOPE% is no command operator/,
    );
    expect(() => createAccessLoggers([model("a", text("ok")), model("none/b", text("ok"))], sinks)).toThrow(/ENOENT/);
    expect(() => createAccessLoggers([model("b", { kind: "json", json: { a: "%" } })], sinks)).toThrow(
      /begins no command operator/,
    );
    await sinks.flushed();
  });

  it("count what is lost in the counter that they are given", () => {
    let lost = 0;
    const sinks = new AccessLogSinks({ inc: () => void lost++ });
    const [logger] = createAccessLoggers([model("a", text(`${"x".repeat(17 * 1024 * 1024)}\n`))], sinks)!;
    logger!.log(formatContext());
    expect(lost).toBe(1);
    logger!.release();
  });
});
