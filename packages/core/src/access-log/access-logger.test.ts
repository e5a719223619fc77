import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatContext } from "../../../../test/support/format-context.ts";
import type { AccessLogModel } from "../config/model.ts";
import { RuntimeStore } from "../runtime/runtime-store.ts";
import { type LoggerServices, createAccessLoggers } from "./access-logger.ts";
import { AccessLogSinks } from "./sinks.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-log-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function services(accessLogSinks: AccessLogSinks): LoggerServices {
  return { accessLogSinks, runtime: new RuntimeStore(), random: { next: () => 0.5, below: (bound) => bound >> 1 } };
}

function model(name: string, format: AccessLogModel["format"], rest: Partial<AccessLogModel> = {}): AccessLogModel {
  return {
    sink: { kind: "file", path: join(folder, name) },
    format,
    omitEmpty: false,
    filter: null,
    ...rest,
    place: { path: `access_log[${name}]`, position: "" },
  };
}

const content = (name: string) => readFileSync(join(folder, name), "utf8");
const text = (format: string) => ({ kind: "text", text: format }) as const;

describe("access loggers", () => {
  it("are none where none is configured", () => {
    expect(createAccessLoggers([], services(new AccessLogSinks()))).toBeNull();
  });

  it("write their lines, two formats into one file", () => {
    const sinks = new AccessLogSinks();
    const loggers = createAccessLoggers(
      [
        model("a", text("%RESPONSE_CODE%\n")),
        model("a", { kind: "json", json: { s: "%RESPONSE_CODE%" }, sortKeys: false }),
      ],
      services(sinks),
    )!;
    for (const logger of loggers) logger.log(formatContext());
    expect(content("a")).toBe("");
    sinks.flush();
    expect(content("a")).toBe('200\n{"s":200}\n');
    for (const logger of loggers) logger.release();
  });

  it("share a file until the last one is released, which writes what waits", () => {
    const sinks = new AccessLogSinks();
    const [first] = createAccessLoggers([model("a", text("first\n"))], services(sinks))!;
    const [second] = createAccessLoggers([model("a", text("second\n"))], services(sinks))!;
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
    const [logger] = createAccessLoggers([model("a", text("line\n"))], services(sinks))!;
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
    expect(() => createAccessLoggers([model("a", text("ok")), model("b", text("%NOPE%"))], services(sinks))).toThrow(
      /access_log\[b\]: %NOPE% is no command operator/,
    );
    expect(() => createAccessLoggers([model("a", text("ok")), model("none/b", text("ok"))], services(sinks))).toThrow(
      /ENOENT/,
    );
    expect(() =>
      createAccessLoggers([model("b", { kind: "json", json: { a: "%" }, sortKeys: false })], services(sinks)),
    ).toThrow(/begins no command operator/);
    await sinks.flushed();
  });

  it("count what is lost in the counter that they are given", () => {
    let lost = 0;
    const sinks = new AccessLogSinks({ inc: () => void lost++ });
    const [logger] = createAccessLoggers([model("a", text(`${"x".repeat(17 * 1024 * 1024)}\n`))], services(sinks))!;
    logger!.log(formatContext());
    expect(lost).toBe(1);
    logger!.release();
  });

  it("write a line only for what their filter lets pass, and give its runtime keys back", () => {
    const sinks = new AccessLogSinks();
    const given = services(sinks);
    const comparison = { op: "ge", value: 500, runtimeKey: "log.from" } as const;
    const filter = { kind: "status_code", comparison } as const;
    const [logger] = createAccessLoggers([model("a", text("%RESPONSE_CODE%\n"), { filter })], given)!;
    for (const status of [200, 499, 500, 503]) logger!.log(formatContext({ status }));
    given.runtime.update({ "log.from": "404" });
    for (const status of [200, 404]) logger!.log(formatContext({ status }));
    expect(given.runtime.size).toBe(1);
    logger!.release();
    expect(given.runtime.size).toBe(0);
    expect(content("a")).toBe("500\n503\n404\n");
  });

  it("leave out what is missing where they are told", () => {
    const sinks = new AccessLogSinks();
    const json = { b: "%REQ(x-none)%", a: { c: "%REQ(x-none)%", d: "[%REQ(x-none)%]" }, e: ["%REQ(x-none)%", 1] };
    const loggers = createAccessLoggers(
      [
        model("a", text("<%REQ(x-none)%>\n"), { omitEmpty: true }),
        model("a", { kind: "json", json, sortKeys: true }, { omitEmpty: true }),
        model("a", { kind: "json", json: { b: "%REQ(x-none)%", a: "%RESPONSE_CODE%" }, sortKeys: true }),
      ],
      services(sinks),
    )!;
    for (const logger of loggers) logger.log(formatContext());
    for (const logger of loggers) logger.release();
    expect(content("a")).toBe('<>\n{"a":{"d":"[]"},"e":[1]}\n{"a":200,"b":null}\n');
  });
});
