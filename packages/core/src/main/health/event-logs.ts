/** Files that events of health are written to, one writer each, whoever names them. Events are rare, and somebody may be looking: they are not kept back for long. */
import type { Counter } from "@sluice/sdk";
import { LogFile, type WriterLimits } from "../../access-log/log-file.ts";

const LIMITS: WriterLimits = { flushBytes: 64 * 1024, flushAfterMs: 100, maxPendingBytes: 1024 * 1024 };

export class EventLogs {
  readonly #files = new Map<string, LogFile>();
  readonly #failed: Counter;

  /** `failed` counts lines that were lost. */
  constructor(failed: Counter) {
    this.#failed = failed;
  }

  /** @throws Error where it cannot be opened. */
  open(path: string): LogFile {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = LogFile.open(path, LIMITS, this.#failed);
      this.#files.set(path, file);
    }
    return file;
  }

  close(): void {
    for (const file of this.#files.values()) {
      file.flushNow();
      file.close();
    }
    this.#files.clear();
  }
}
