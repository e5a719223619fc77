/**
 * The measurement inside one process. All chains are made and warmed up, then take turns in short batches, so that what the machine does meanwhile meets
 * all of them alike. Allocation and single hooks are looked at afterwards, apart from time.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { allocatedBytes } from "./allocation.ts";
import type { ChainDriver } from "./driver.ts";
import { pollute } from "./pollute.ts";
import { referenceNs } from "./reference.ts";
import { EMPTY, quietBatches, quietBelow } from "./estimate.ts";
import { Lcg, shuffled } from "./shuffle.ts";
import { BenchError, type BenchJob, type BenchSample, type HookSample, type VariantSample } from "./types.ts";
import { type LoadedSubject, type MadeVariant, loadSubjects } from "./variants.ts";

/** Length of a batch: short enough that many have the core to themselves, long enough that the clock's step does not count. */
const BATCH_MS = 0.12;
/** V8 compiles a function for the last time after some thousand calls, however long each takes; before, a loop in it may run at a fifth of its speed. */
const WARM_UP_MIN = 12_000;
const WARM_UP_STEP = 16;
const WARM_UP_LIMIT_MS = 2000;
/** Requests that may be open at once where filters await. */
const MAX_OPEN = 64;
const ANSWER_TIMEOUT_MS = 10_000;
const HOOK_MS = 60;
const HOOK_STEP = 16;
/** Turns in which the engine meets all chains one after the other for the first time; they are not kept. */
const SETTLING_TURNS = 25;
const CHECK_EVERY = 10;

export async function measure(job: BenchJob): Promise<BenchSample> {
  await pollute(job.traffic);
  const subjects = await loadSubjects(job);
  const made: MeasuredVariant[] = [];
  for (const variant of job.variants) {
    made.push(new MeasuredVariant(await subjects.get(variant.subject)!.make(variant, job.traffic)));
  }
  for (const variant of made) await variant.warmUp(job.warmUpMs);
  await takeTurns(made, job);
  const reference = referenceNs();
  const variants: VariantSample[] = [];
  for (const variant of made) {
    variants.push(await variant.sample(await hookSamples(job, subjects, variant.name)));
    variant.driver.close();
  }
  return { variants, referenceNs: reference };
}

/** The variants take turns, each batch between two of the empty chain, until there are as many quiet ones of each as are wanted. */
async function takeTurns(made: readonly MeasuredVariant[], job: BenchJob): Promise<void> {
  const random = new Lcg(job.seed);
  const empty = made.find(({ name }) => name === EMPTY)!;
  const others = made.filter((variant) => variant !== empty);
  const deadline = performance.now() + job.limitMs;
  for (let turn = 0; ; turn++) {
    let before = await empty.batch();
    // Each comes after each other as often.
    for (const variant of shuffled(others, random)) {
      const ns = await variant.batch();
      const after = await empty.batch();
      if (turn >= SETTLING_TURNS) {
        variant.keep(ns, Math.max(before, after));
        empty.keep(after, after);
      }
      before = after;
    }
    await nextTurn();
    if (turn % CHECK_EVERY !== 0 || turn < SETTLING_TURNS) continue;
    const limit = quietBelow(empty.batches, job.bestEmptyNs);
    if (performance.now() > deadline || made.every((variant) => quietBatches(variant, limit).length >= job.batches))
      return;
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

class MeasuredVariant {
  readonly name: string;
  readonly driver: ChainDriver;
  readonly batches: number[] = [];
  readonly around: number[] = [];
  #perBatch = 1;
  #isAsync = false;
  #started = 0;
  #awaited = 0;

  constructor({ name, driver }: MadeVariant) {
    this.name = name;
    this.driver = driver;
  }

  /** For `ms` of CPU time, so that a busy machine does not leave it half compiled; finds how many requests make a batch. */
  async warmUp(ms: number): Promise<void> {
    const begin = cpuMs();
    const limit = performance.now() + WARM_UP_LIMIT_MS;
    let fastest = Infinity;
    for (
      let done = 0;
      (cpuMs() - begin < ms || done < WARM_UP_MIN) && performance.now() < limit;
      done += WARM_UP_STEP
    ) {
      const start = performance.now();
      await this.requests(WARM_UP_STEP);
      fastest = Math.min(fastest, (performance.now() - start) / WARM_UP_STEP);
    }
    this.#perBatch = Math.max(1, Math.round(BATCH_MS / fastest));
    this.#started = 0;
    this.#awaited = 0;
    const failure = this.driver.failure();
    if (failure !== null) throw new BenchError(`the filter fails under the bench's requests: ${failure}`);
  }

  /** Nanoseconds per request. */
  async batch(): Promise<number> {
    const start = performance.now();
    if (this.#isAsync) await this.requests(this.#perBatch);
    else this.#run(this.#perBatch);
    const ns = ((performance.now() - start) * 1e6) / this.#perBatch;
    if (this.driver.open > 0) await this.driver.settled(ANSWER_TIMEOUT_MS);
    return ns;
  }

  keep(ns: number, around: number): void {
    this.batches.push(ns);
    this.around.push(around);
  }

  async forMs(ms: number): Promise<number> {
    const deadline = performance.now() + ms;
    let done = 0;
    for (; performance.now() < deadline; done += HOOK_STEP) await this.requests(HOOK_STEP);
    return done;
  }

  async requests(count: number): Promise<void> {
    for (let done = 0; done < count; done += MAX_OPEN) {
      this.#run(Math.min(MAX_OPEN, count - done));
      if (this.driver.open > 0) {
        this.#isAsync = true;
        await this.driver.settled(ANSWER_TIMEOUT_MS);
      }
    }
  }

  #run(count: number): void {
    this.driver.run(count);
    this.#started += count;
    this.#awaited += this.driver.open;
  }

  async sample(hooks: readonly HookSample[]): Promise<VariantSample> {
    const asyncShare = this.#awaited / Math.max(1, this.#started);
    const total = [...this.driver.statuses.values()].reduce((sum, count) => sum + count, 0);
    const statuses = Object.fromEntries([...this.driver.statuses].map(([status, count]) => [status, count / total]));
    const bytes = await allocatedBytes((count) => (this.#isAsync ? this.requests(count) : this.#run(count)));
    return { name: this.name, batches: this.batches, around: this.around, bytes, statuses, asyncShare, hooks };
  }
}

async function hookSamples(
  job: BenchJob,
  subjects: ReadonlyMap<number, LoadedSubject>,
  name: string,
): Promise<HookSample[]> {
  if (!job.hooksOf.includes(name)) return [];
  const variant = job.variants.find((each) => each.name === name)!;
  const made = await subjects.get(variant.subject)!.makeTimed(variant, job.traffic);
  const measured = new MeasuredVariant(made);
  await measured.forMs(HOOK_MS);
  made.clock.reset();
  const requests = await measured.forMs(HOOK_MS);
  made.driver.close();
  return made.clock.samples(requests);
}
