/** `run --watch`: from a change of a file to the proxy that runs it, or to the sentence that says why not. One change at a time. */
import { relative } from "node:path";
import type { ReloadResult } from "../main/proxy-instance.ts";
import { reportReload } from "../main/reload-report.ts";
import type { LogSink } from "../worker/log.ts";
import { ReadFiles } from "./file-signature.ts";
import { FileWatcher, type WatchTimers } from "./file-watcher.ts";
import { ModuleBundler, type LoadEsbuild } from "./module-bundler.ts";

export interface WatchOptions {
  /** The configuration. */
  readonly file: string;
  readonly log: LogSink;
  /** @default those of Node */
  readonly timers?: WatchTimers;
  /** For tests. */
  readonly loadEsbuild?: LoadEsbuild;
}

const realTimers: WatchTimers = {
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

export class WatchSession {
  /** For the proxy that is watched. */
  readonly bundler: ModuleBundler;
  readonly #options: WatchOptions;
  readonly #watcher: FileWatcher;
  #reload: (() => Promise<ReloadResult>) | null = null;
  #queue: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    const files = new ReadFiles();
    files.note(options.file);
    this.bundler = new ModuleBundler(files, options.loadEsbuild);
    this.#watcher = new FileWatcher({
      log: options.log,
      timers: options.timers ?? realTimers,
      onChange: (paths) => void this.#apply(paths),
    });
  }

  /** The proxy is up. */
  start(reload: () => Promise<ReloadResult>): void {
    this.#reload = reload;
    const { all } = this.bundler.files;
    this.#tell("info", `watching ${shown([...all.keys()])}`);
    this.#watcher.watch(all);
  }

  /** Reads everything again, as after a change. Resolves when it serves, or does not. */
  reload(why: string): Promise<ReloadResult | null> {
    const done = this.#queue.then(() => this.#again(why));
    this.#queue = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watcher.close();
    await this.#queue;
    await this.bundler.close();
  }

  async #apply(paths: readonly string[]): Promise<void> {
    try {
      await this.reload(`changed: ${shown(paths)}`);
    } catch (error) {
      // A bug of ours: what serves goes on, and the next change is a new attempt.
      this.#tell("error", `the change could not be applied: ${error instanceof Error ? error.stack : String(error)}`);
      this.#watcher.watch(this.bundler.files.all);
    }
  }

  async #again(why: string): Promise<ReloadResult | null> {
    if (this.#isClosed || this.#reload === null) return null;
    const started = performance.now();
    const before = this.bundler.files;
    const files = new ReadFiles();
    files.note(this.#options.file);
    this.bundler.files = files;
    this.#tell("info", why);
    let isRefused = true;
    let result: ReloadResult;
    try {
      result = await this.#reload();
      isRefused = result.outcome === "refused";
    } finally {
      // What an attempt did not come to read may be what repairs it.
      if (isRefused) for (const path of before.all.keys()) files.note(path);
    }
    reportReload(this.#options.log, "watch", result, performance.now() - started);
    this.#watcher.watch(files.all);
    return result;
  }

  #tell(level: "info" | "error", message: string): void {
    this.#options.log.write(level, "watch", message);
  }
}

/** Few names in full, many as a number. */
function shown(paths: readonly string[]): string {
  const names = paths.map((path) => relative(process.cwd(), path));
  return names.length <= 4 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more files`;
}
