/**
 * Tells when one of a set of files changes, comes or goes. Watches folders, not files: editors save by renaming a new file over the old one, and volumes of
 * Kubernetes swap a link. What an event says is not believed; files are looked at instead.
 */
import { type FSWatcher, realpathSync, watch } from "node:fs";
import { dirname } from "node:path";
import type { LogSink } from "../worker/log.ts";
import { type Signature, changedOf, statOf } from "./file-signature.ts";

/** Timers of this process; others in tests. */
export interface WatchTimers {
  readonly set: (callback: () => void, ms: number) => unknown;
  readonly clear: (timer: unknown) => void;
}

export interface FileWatcherOptions {
  /** Files that are not as they were, once that was quiet for a moment. The watcher is silent until the next {@link FileWatcher.watch}. */
  readonly onChange: (paths: readonly string[]) => void;
  readonly timers: WatchTimers;
  readonly log: LogSink;
}

/** Editors write in several steps. */
const QUIET_MS = 40;

interface WatchedFolder {
  readonly watcher: FSWatcher;
  /** A folder that was removed and made again is another one. */
  readonly inode: bigint;
}

export class FileWatcher {
  readonly #options: FileWatcherOptions;
  readonly #folders = new Map<string, WatchedFolder>();
  /** Folders that cannot be watched, which was told. */
  readonly #refused = new Set<string>();
  #files: ReadonlyMap<string, Signature> = new Map();
  #timer: unknown = null;
  /** Between `watch` and the change that it leads to. */
  #isArmed = false;
  #isClosed = false;

  constructor(options: FileWatcherOptions) {
    this.#options = options;
  }

  /** Watches these files in place of those before. What changed since their signatures were taken is a change too. */
  watch(files: ReadonlyMap<string, Signature>): void {
    if (this.#isClosed) return;
    this.#files = files;
    this.#isArmed = true;
    this.#watchFolders();
    if (changedOf(files).length > 0) this.#stir();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) this.#options.timers.clear(this.#timer);
    this.#timer = null;
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #stir(): void {
    if (this.#isClosed || !this.#isArmed) return;
    const { timers } = this.#options;
    if (this.#timer !== null) timers.clear(this.#timer);
    this.#timer = timers.set(() => this.#look(), QUIET_MS);
  }

  #look(): void {
    this.#timer = null;
    // A folder may have gone or come.
    this.#watchFolders();
    const changed = changedOf(this.#files);
    if (changed.length === 0 || !this.#isArmed) return;
    this.#isArmed = false;
    this.#options.onChange(changed);
  }

  #watchFolders(): void {
    const wanted = new Set([...this.#files.keys()].flatMap(foldersOf));
    for (const [folder, { watcher, inode }] of this.#folders) {
      if (wanted.has(folder) && inodeOf(folder) === inode) continue;
      watcher.close();
      this.#folders.delete(folder);
    }
    for (const folder of wanted) if (!this.#folders.has(folder)) this.#watchFolder(folder);
  }

  #watchFolder(folder: string): void {
    const inode = inodeOf(folder);
    if (inode === undefined) return;
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#stir());
      watcher.on("error", () => {
        watcher.close();
        if (this.#folders.get(folder)?.watcher === watcher) this.#folders.delete(folder);
        this.#stir();
      });
      this.#folders.set(folder, { watcher, inode });
      this.#refused.delete(folder);
    } catch (error) {
      if (this.#refused.has(folder)) return;
      this.#refused.add(folder);
      this.#options.log.write("warn", "watch", `${folder} cannot be watched: ${(error as Error).message}`);
    }
  }
}

/** Where a change of a file shows: its folder, or the nearest one above that exists, and that of what it links to. */
function foldersOf(path: string): string[] {
  let folder = dirname(path);
  while (inodeOf(folder) === undefined && folder !== dirname(folder)) folder = dirname(folder);
  try {
    return [folder, dirname(realpathSync(path))];
  } catch {
    return [folder];
  }
}

function inodeOf(folder: string): bigint | undefined {
  return statOf(folder)?.ino;
}
