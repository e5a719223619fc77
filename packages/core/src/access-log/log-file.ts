/**
 * Hot path. One log file of one thread: lines are gathered and written whole, many at once, by appending writes that do not mix with those of other threads.
 * Pipes take at most PIPE_BUF bytes undivided, so they get smaller pieces.
 */
import type { Counter } from "@sluice/sdk";
import { closeSync, constants, fstatSync, openSync, write, writeSync } from "node:fs";

export interface WriterLimits {
  /** Written when so much waits. */
  readonly flushBytes: number;
  /** Written when the oldest line has waited so long. */
  readonly flushAfterMs: number;
  /** A line beyond so much is lost. */
  readonly maxPendingBytes: number;
}

/** PIPE_BUF of Linux. */
const PIPE_BYTES = 4096;
/** A pipe that takes nothing is tried again so much later. */
const RETRY_MS = 10;
/** How often `flushNow` tries such a pipe before it gives up. */
const FINAL_TRIES = 50;

export class LogFile {
  /** Lines and writes that were lost. */
  readonly #failed: Counter;
  readonly #path: string | null;
  readonly #limits: WriterLimits;
  #fd: number;
  #maxWrite: number;
  /** Lines that wait, as a byte string. */
  #lines: string;
  /** Bytes on their way, and how many of them are written. */
  #writing: Buffer | null;
  #at: number;
  /** End in `#writing` of the write that is with the operating system; -1 while none is. */
  #busyEnd: number;
  #closing: boolean;
  #timer: NodeJS.Timeout | null;
  /** The file is to be opened anew when what is on its way is written. */
  #reopens: boolean;
  #waiters: (() => void)[] | null;

  private constructor(fd: number, path: string | null, limits: WriterLimits, failed: Counter) {
    this.#failed = failed;
    this.#path = path;
    this.#limits = limits;
    this.#fd = fd;
    this.#maxWrite = maxWriteOf(fd);
    this.#lines = "";
    this.#writing = null;
    this.#at = 0;
    this.#busyEnd = -1;
    this.#closing = false;
    this.#timer = null;
    this.#reopens = false;
    this.#waiters = null;
  }

  /** @throws Error where it cannot be opened. */
  static open(path: string, limits: WriterLimits, failed: Counter): LogFile {
    return new LogFile(openForAppend(path), path, limits, failed);
  }

  /** Standard output or standard error; it is never closed. */
  static standard(fd: number, limits: WriterLimits, failed: Counter): LogFile {
    return new LogFile(fd, null, limits, failed);
  }

  write(line: string): void {
    const waiting = this.#lines.length + (this.#writing === null ? 0 : this.#writing.length - this.#at);
    if (waiting + line.length > this.#limits.maxPendingBytes) {
      this.#failed.inc();
      return;
    }
    this.#lines += line;
    if (this.#lines.length >= this.#limits.flushBytes) this.#flush();
    else this.#arm(this.#limits.flushAfterMs);
  }

  /** Writes synchronously what waits. What is with the operating system already is not waited for: see `flushed`. */
  flushNow(): void {
    if (this.#busyEnd < 0) {
      this.#take();
      if (this.#writing === null) return;
      const bytes = this.#writing.subarray(this.#at);
      this.#writing = null;
      this.#writeSync(bytes);
      if (this.#reopens) this.reopen();
      return;
    }
    const rest = this.#writing!.subarray(this.#busyEnd);
    this.#writing = this.#writing!.subarray(0, this.#busyEnd);
    if (rest.length !== 0) this.#writeSync(rest);
    if (this.#lines === "") return;
    const bytes = Buffer.from(this.#lines, "latin1");
    this.#lines = "";
    this.#writeSync(bytes);
  }

  /** Resolves when no write is under way. */
  flushed(): Promise<void> {
    if (this.#busyEnd < 0) return Promise.resolve();
    return new Promise((resolve) => (this.#waiters ??= []).push(resolve));
  }

  /** Opens the file anew after it was moved away. Where that fails the old one goes on: a line in the wrong place is better than none. */
  reopen(): void {
    if (this.#path === null || this.#closing) return;
    if (this.#writing !== null) {
      this.#reopens = true;
      return;
    }
    this.#reopens = false;
    try {
      const fd = openForAppend(this.#path);
      closeQuietly(this.#fd);
      this.#fd = fd;
      this.#maxWrite = maxWriteOf(fd);
    } catch {
      this.#failed.inc();
    }
  }

  /** Writes what waits and closes; nothing more is taken. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.flushNow();
    if (this.#busyEnd < 0) this.#closeFile();
  }

  #closeFile(): void {
    if (this.#path !== null) closeQuietly(this.#fd);
  }

  #arm(ms: number): void {
    if (this.#timer !== null || this.#closing) return;
    this.#timer = setTimeout(onTimer, ms, this);
    this.#timer.unref();
  }

  onTimer(): void {
    this.#timer = null;
    this.#flush();
  }

  #flush(): void {
    if (this.#busyEnd >= 0 || this.#closing) return;
    this.#take();
    const bytes = this.#writing;
    if (bytes === null) return;
    const length = this.#pieceLength(bytes, this.#at);
    this.#busyEnd = this.#at + length;
    write(this.#fd, bytes, this.#at, length, null, (error, written) => this.#onWritten(error, written));
  }

  #onWritten(error: NodeJS.ErrnoException | null, written: number): void {
    this.#busyEnd = -1;
    if (error === null) this.#advance(written);
    else if (error.code !== "EAGAIN") this.#lose();
    if (this.#reopens && this.#writing === null) this.reopen();
    this.#goOn(error === null);
    const waiters = this.#waiters;
    this.#waiters = null;
    if (waiters !== null) for (const resolve of waiters) resolve();
  }

  #goOn(taken: boolean): void {
    if (this.#closing) {
      this.flushNow();
      this.#closeFile();
    } else if (this.#writing === null && this.#lines.length < this.#limits.flushBytes) {
      if (this.#lines !== "") this.#arm(this.#limits.flushAfterMs);
    } else if (taken) this.#flush();
    else this.#arm(RETRY_MS);
  }

  #take(): void {
    if (this.#writing !== null || this.#lines === "") return;
    this.#writing = Buffer.from(this.#lines, "latin1");
    this.#at = 0;
    this.#lines = "";
  }

  #advance(written: number): void {
    this.#at += written;
    if (this.#at >= this.#writing!.length) this.#writing = null;
  }

  #lose(): void {
    this.#failed.inc();
    this.#writing = null;
  }

  #writeSync(bytes: Buffer): void {
    let at = 0;
    let tries = 0;
    while (at < bytes.length) {
      try {
        at += writeSync(this.#fd, bytes, at, this.#pieceLength(bytes, at));
        tries = 0;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || ++tries === FINAL_TRIES) {
          this.#failed.inc();
          return;
        }
        Atomics.wait(pause, 0, 0, RETRY_MS);
      }
    }
  }

  /** How much goes into one write: all, or whole lines up to what a pipe takes undivided. */
  #pieceLength(bytes: Buffer, at: number): number {
    const rest = bytes.length - at;
    if (rest <= this.#maxWrite) return rest;
    const lineEnd = bytes.lastIndexOf(0x0a, at + this.#maxWrite - 1);
    if (lineEnd >= at) return lineEnd + 1 - at;
    const longLineEnd = bytes.indexOf(0x0a, at);
    return longLineEnd < 0 ? rest : longLineEnd + 1 - at;
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

function onTimer(file: LogFile): void {
  file.onTimer();
}

/** Without waiting: a named pipe that nobody reads is an error, not a thread that hangs. */
function openForAppend(path: string): number {
  return openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK, 0o644);
}

function maxWriteOf(fd: number): number {
  try {
    return fstatSync(fd).isFIFO() ? PIPE_BYTES : Number.MAX_SAFE_INTEGER;
  } catch {
    return Number.MAX_SAFE_INTEGER;
  }
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It is gone either way.
  }
}
