/** Where access logs of one thread go: one buffered writer per file, shared by every logger that names it. Failures are counted, never thrown into the data path. */
import type { Counter } from "@sluice/sdk";
import type { AccessLogModel } from "../config/model.ts";
import { LogFile, type WriterLimits } from "./log-file.ts";

/** Envoy: --file-flush-interval-msec, --file-flush-min-size-kb. */
const FILE_LIMITS: WriterLimits = { flushBytes: 64 * 1024, flushAfterMs: 10_000, maxPendingBytes: 16 * 1024 * 1024 };
/** Somebody may be looking. */
const STREAM_LIMITS: WriterLimits = { ...FILE_LIMITS, flushAfterMs: 100 };

export interface LogWriter {
  /** Takes a whole line, with its line break, as a byte string. Never throws. */
  write(line: string): void;
  /** Gives the writer back; the file is flushed and closed when nobody writes to it. */
  release(): void;
}

interface Opened {
  readonly file: LogFile;
  users: number;
}

export class AccessLogSinks {
  readonly #opened = new Map<string, Opened>();
  /** Nobody writes to them, and a write is still under way. */
  readonly #closing = new Set<LogFile>();
  readonly #failed: Counter;

  /** `failed` counts lines and writes that were lost. Envoy: filesystem.write_failed. */
  constructor(failed: Counter = { inc() {} }) {
    this.#failed = failed;
  }

  /** @throws Error where the file cannot be opened. */
  open(sink: AccessLogModel["sink"]): LogWriter {
    const key = sink.kind === "file" ? sink.path : `|${sink.kind}`;
    let opened = this.#opened.get(key);
    if (opened === undefined) {
      opened = { file: this.#openFile(sink), users: 0 };
      this.#opened.set(key, opened);
    }
    opened.users++;
    return new SharedWriter(opened.file, () => this.#release(key));
  }

  #openFile(sink: AccessLogModel["sink"]): LogFile {
    if (sink.kind === "file") return LogFile.open(sink.path, FILE_LIMITS, this.#failed);
    return LogFile.standard(sink.kind === "stdout" ? 1 : 2, STREAM_LIMITS, this.#failed);
  }

  #release(key: string): void {
    const { file, users } = this.#opened.get(key)!;
    if (users > 1) {
      this.#opened.get(key)!.users--;
      return;
    }
    this.#opened.delete(key);
    file.close();
    this.#closing.add(file);
    void file.flushed().then(() => this.#closing.delete(file));
  }

  /** Writes everything that waits, now: for the end of the thread. */
  flush(): void {
    for (const { file } of this.#opened.values()) file.flushNow();
  }

  /** Resolves when no write is under way any more: after `flush` everything is in the files then. */
  async flushed(): Promise<void> {
    const files = [...this.#closing, ...[...this.#opened.values()].map(({ file }) => file)];
    await Promise.all(files.map((file) => file.flushed()));
  }

  /** Opens every file anew, after it was moved away by a log rotation. */
  reopen(): void {
    for (const { file } of this.#opened.values()) file.reopen();
  }
}

class SharedWriter implements LogWriter {
  readonly #file: LogFile;
  #onRelease: (() => void) | null;

  constructor(file: LogFile, onRelease: () => void) {
    this.#file = file;
    this.#onRelease = onRelease;
  }

  write(line: string): void {
    if (this.#onRelease !== null) this.#file.write(line);
  }

  release(): void {
    const onRelease = this.#onRelease;
    this.#onRelease = null;
    onRelease?.();
  }
}
