/**
 * Hosts from a file, Envoy's EDS with `path_config_source`: read when it comes, is replaced (a rename, a link that is swapped as in volumes of Kubernetes) or is written to.
 * A file is taken as a whole or not at all; the last good one stays. An assignment without endpoints is an answer and empties the cluster, as in Envoy; a file that is
 * gone, empty, wrong, or without the cluster's assignment is none.
 */
import type { Counter } from "@sluice/sdk";
import type { FileDiscoveryModel } from "../../config/model.ts";
import { type Signature, signatureOf } from "../../watch/file-signature.ts";
import { FileWatcher, type WatchTimers } from "../../watch/file-watcher.ts";
import type { HostModel } from "../host.ts";
import type { AssignmentFiles } from "./assignment-files.ts";
import { within } from "./first-answer.ts";
import type { HostSource, SourceEnvironment } from "./host-source.ts";
import { UpdateStats } from "./update-stats.ts";

const TIMERS: WatchTimers = {
  set: (callback, ms) => setTimeout(callback, ms).unref(),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

export class FileHosts implements HostSource {
  readonly #model: FileDiscoveryModel;
  readonly #files: AssignmentFiles;
  readonly #environment: SourceEnvironment;
  readonly #stats: UpdateStats;
  readonly #rejected: Counter;
  readonly #timeouts: Counter;
  readonly #watcher: FileWatcher;
  readonly #answered = Promise.withResolvers<void>();
  #hosts: readonly HostModel[] = [];
  #hasAnswer = false;
  #hasBegun = false;
  #isReading = false;
  #isOver = false;

  constructor(model: FileDiscoveryModel, files: AssignmentFiles, environment: SourceEnvironment) {
    this.#model = model;
    this.#files = files;
    this.#environment = environment;
    const { scope, log } = environment;
    this.#stats = new UpdateStats(scope);
    this.#rejected = scope.counter("update_rejected");
    this.#timeouts = scope.counter("init_fetch_timeout");
    this.#watcher = new FileWatcher({ timers: TIMERS, log, onChange: () => void this.#read() });
  }

  get hosts(): readonly HostModel[] {
    return this.#hosts;
  }

  async first(): Promise<void> {
    void this.#read();
    const { initialFetchTimeoutMs, path } = this.#model;
    if ((await within(initialFetchTimeoutMs, this.#answered.promise)) || this.#isOver) return;
    this.#timeouts.inc();
    const { log, cluster } = this.#environment;
    log.write("warn", "eds", `${path}, which has the endpoints of cluster ${cluster}, is not there: it is waited for`);
  }

  /** It has watched since it began, so that nothing is missed between the first answer and now. */
  follow(): void {
    if (!this.#hasBegun) void this.#read();
  }

  learn(known: HostSource): boolean {
    if (!(known instanceof FileHosts) || !known.#hasAnswer) return false;
    const { path, service } = this.#model;
    if (known.#model.path !== path || known.#model.service !== service) return false;
    if (!this.#hasAnswer) this.#hosts = known.#hosts;
    this.#hasAnswer = true;
    return true;
  }

  close(): void {
    this.#isOver = true;
    this.#watcher.close();
    this.#answered.resolve();
    this.#environment.scope.release();
  }

  /** Never rejects; watches on when it is done. */
  async #read(): Promise<void> {
    if (this.#isOver || this.#isReading) return;
    this.#isReading = true;
    this.#hasBegun = true;
    const { path, watchedDirectory } = this.#model;
    const before = new Map<string, Signature>([[path, signatureOf(path)]]);
    // The folder itself, as an entry of its own: it changes with what stands in it.
    if (watchedDirectory !== "") before.set(`${watchedDirectory}/.`, signatureOf(watchedDirectory));
    try {
      const signature = before.get(path) ?? null;
      if (signature !== null) await this.#update(signature);
    } catch (error) {
      this.#reject(String(error));
    } finally {
      this.#isReading = false;
      this.#watcher.watch(before);
    }
  }

  async #update(signature: Signature): Promise<void> {
    const { path, service } = this.#model;
    this.#stats.attempts.inc();
    const { assignments, problem, lacks } = await this.#files.read(path, signature);
    if (this.#isOver) return;
    const hosts = assignments?.get(service);
    if (problem !== "") this.#reject(problem);
    else if (assignments === null) this.#stats.empty.inc();
    else if (hosts === undefined) this.#reject(lacks(service));
    else {
      this.#stats.successes.inc();
      this.#hosts = hosts;
      this.#hasAnswer = true;
    }
    this.#answered.resolve();
    this.#environment.onChange();
  }

  #reject(problem: string): void {
    if (this.#isOver) return;
    this.#rejected.inc();
    const { log, cluster } = this.#environment;
    log.write("warn", "eds", `the endpoints of cluster ${cluster} stay as they are: ${problem}`);
  }
}
