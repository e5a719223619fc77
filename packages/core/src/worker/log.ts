/** Structured log lines of the process: level, component, message, fields. Where they go is the composition root's business. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** In rising order; `off` is a threshold alone. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "off"] as const;

export interface LogSink {
  enabled(level: LogLevel): boolean;
  write(level: LogLevel, component: string, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** The least level that is logged, in memory that all threads share: a change is seen at once everywhere. */
export class LogThreshold {
  readonly memory: SharedArrayBuffer;
  readonly #word: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(4)) {
    this.memory = memory;
    this.#word = new Int32Array(memory);
  }

  get level(): (typeof LOG_LEVELS)[number] {
    return LOG_LEVELS[this.#word[0]!] ?? "off";
  }

  set level(level: (typeof LOG_LEVELS)[number]) {
    this.#word[0] = LOG_LEVELS.indexOf(level);
  }

  passes(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#word[0]!;
  }
}
