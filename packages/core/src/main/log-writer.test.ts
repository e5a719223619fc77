// Log lines for people and for machines, and that nobody can forge one.
import { describe, expect, test } from "vitest";
import { LogThreshold } from "../worker/log.ts";
import { LogWriter } from "./log-writer.ts";

function written(
  format: "text" | "json",
  write: (log: LogWriter) => void,
  level: LogThreshold["level"] = "info",
): string {
  let text = "";
  const threshold = new LogThreshold();
  threshold.level = level;
  write(
    new LogWriter({
      threshold,
      format,
      write: (line) => (text += line),
      wallNow: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    }),
  );
  return text;
}

describe("text", () => {
  test("is one line with level, component, message, fields", () => {
    expect(
      written("text", (log) =>
        log.write("warn", "main", "slow", { ms: 12, filter: "acme.x", why: "a b", more: { x: 1 } }),
      ),
    ).toBe('[2026-01-02T03:04:05.006Z] [warn] [main] slow ms=12 filter=acme.x why="a b" more={"x":1}\n');
  });

  test("keeps what others sent from forging lines or terminal codes", () => {
    const text = written("text", (log) =>
      log.write("info", "main", "a\n[2026] [info] [main] forged\u001b[31m\r\u009b", { x: "\n" }),
    );
    expect(text).toBe(
      '[2026-01-02T03:04:05.006Z] [info] [main] a\n    [2026] [info] [main] forged\\x1b[31m\\x0d\\x9b x="\\n"\n',
    );
  });

  test("takes fields that JSON cannot", () => {
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    expect(written("text", (log) => log.write("info", "main", "x", { circular, big: 1n, nothing: undefined }))).toBe(
      '[2026-01-02T03:04:05.006Z] [info] [main] x circular="[object Object]" big="1" nothing=undefined\n',
    );
  });
});

test("json is one object a line, whose own keys no field replaces", () => {
  const text = written("json", (log) =>
    log.write("error", "main", "bad\nline", { level: "info", ms: 1, error: new TypeError("no") }),
  );
  expect(text.endsWith("\n")).toBe(true);
  expect(text.trimEnd()).not.toContain("\n");
  expect(JSON.parse(text)).toEqual({
    level: "error",
    ms: 1,
    error: expect.stringContaining("TypeError: no"),
    time: "2026-01-02T03:04:05.006Z",
    component: "main",
    message: "bad\nline",
  });
});

test.each([
  ["debug", "debug info warn error"],
  ["info", "info warn error"],
  ["error", "error"],
  ["off", ""],
] as const)("with threshold %s only that and what is above is written", (level, expected) => {
  const text = written(
    "json",
    (log) => (["debug", "info", "warn", "error"] as const).forEach((each) => log.write(each, "x", "y")),
    level,
  );
  const levels =
    text.trim() === ""
      ? []
      : text
          .trim()
          .split("\n")
          .map((line) => (JSON.parse(line) as { level: string }).level);
  expect(levels.join(" ")).toBe(expected);
});
