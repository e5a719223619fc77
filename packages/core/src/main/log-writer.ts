/** Writes log lines: for people `[time] [level] [component] message key=value`, for machines one JSON object a line. */
import type { LogLevel, LogSink, LogThreshold } from "../worker/log.ts";

export interface LogWriterOptions {
  readonly threshold: LogThreshold;
  readonly format: "text" | "json";
  /** Where lines go, each with its line break. */
  readonly write: (line: string) => void;
  readonly wallNow?: () => number;
}

export class LogWriter implements LogSink {
  readonly #threshold: LogThreshold;
  readonly #toLine: (
    time: string,
    level: LogLevel,
    component: string,
    message: string,
    fields: Fields | undefined,
  ) => string;
  readonly #write: (line: string) => void;
  readonly #wallNow: () => number;

  constructor({ threshold, format, write, wallNow = Date.now }: LogWriterOptions) {
    this.#threshold = threshold;
    this.#toLine = format === "json" ? jsonLine : textLine;
    this.#write = write;
    this.#wallNow = wallNow;
  }

  enabled(level: LogLevel): boolean {
    return this.#threshold.passes(level);
  }

  write(level: LogLevel, component: string, message: string, fields?: Fields): void {
    if (!this.#threshold.passes(level)) return;
    this.#write(this.#toLine(new Date(this.#wallNow()).toISOString(), level, component, message, fields));
  }
}

type Fields = Readonly<Record<string, unknown>>;

function textLine(
  time: string,
  level: LogLevel,
  component: string,
  message: string,
  fields: Fields | undefined,
): string {
  let line = `[${time}] [${level}] [${component}] ${message}`;
  for (const [key, value] of Object.entries(fields ?? {}))
    line += ` ${key}=${typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : toJson(value)}`;
  return `${oneLine(line)}\n`;
}

function jsonLine(
  time: string,
  level: LogLevel,
  component: string,
  message: string,
  fields: Fields | undefined,
): string {
  return `${toJson({ ...fields, time, level, component, message })}\n`;
}

function toJson(value: unknown): string {
  try {
    return (
      JSON.stringify(value, (_, inner: unknown) =>
        typeof inner === "bigint" ? String(inner) : inner instanceof Error ? (inner.stack ?? inner.message) : inner,
      ) ?? "undefined"
    );
  } catch {
    return JSON.stringify(String(value));
  }
}

/** What a client or a filter sent must not forge lines or terminal codes. A stack keeps its lines, indented. */
function oneLine(text: string): string {
  return text
    .replaceAll("\n", "\n    ")
    .replaceAll(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g,
      (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
    );
}
