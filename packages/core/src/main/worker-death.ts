/** A worker thread is gone: the calls that were open, and those that come later, fail with this. */
export class WorkerDeath extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "WorkerDeath";
  }
}
