/** Where an HTTP filter runs, compiled: absent for filters that run in the worker's own code. */

/** Threads of its own, in every worker. */
export interface WorkerRuntimeModel {
  /** A stream stays with one of them. 1 unless told. */
  readonly threads: number;
  /** A thread that has run so long without yielding is terminated. 50 ms unless told. */
  readonly maxTimeMs: number;
  /** A hook whose promise is open so long is given up, for its stream alone. 5 s unless told. */
  readonly maxHeldTimeMs: number;
  /** Of a thread's heap, and of the buffers that it holds beside it. 64 MiB unless told. */
  readonly memoryBytes: number;
  /** Hook calls of a thread that wait for their answer; more are refused. 1024 unless told. */
  readonly maxQueue: number;
  /** Options of Node for the threads, like `--permission`. */
  readonly execArgv: readonly string[];
}

export const workerRuntimeDefaults: WorkerRuntimeModel = {
  threads: 1,
  maxTimeMs: 50,
  maxHeldTimeMs: 5000,
  memoryBytes: 64 * 1024 * 1024,
  maxQueue: 1024,
  execArgv: [],
};
