/**
 * Hot path (docs/extending/hot-path-rules.md). One direction of a connection through the network filters that have a hook for it.
 *
 *     push(0) → [stage 0: waiting → hook → held] → [stage 1 …] → sink
 *
 * A chunk runs through all stages in one loop. Where it cannot go on (a promise is open, a filter is not opened yet, an earlier chunk waits) it waits
 * before that stage; what a hook answers with `Stop` is held behind it. `#pump` moves what waits, from the stage nearest to the sink backwards, so that
 * bytes never overtake one another; it never runs inside itself, whatever hooks call.
 */
import type { NetworkDataVerdict } from "@sluice/sdk";
import { retainReadBuffer } from "../connection.ts";
import { ChunkQueue } from "./chunk-queue.ts";
import type { Pressure } from "./pressure.ts";

/** One filter's hook in one direction; the state of one connection there. */
export class Stage {
  /** Index of the filter in its chain. */
  readonly filter: number;
  readonly waiting = new ChunkQueue();
  readonly held = new ChunkQueue();
  /** The hook is on the stack. */
  isRunning = false;
  /** The hook's promise is open. */
  isAwaiting = false;
  /** The direction's end has reached this stage: nothing follows it. */
  hasEnded = false;

  constructor(filter: number) {
    this.filter = filter;
  }
}

export interface FlowOwner {
  /** Runs the filter's hook of this direction; throws what the filter throws. */
  callHook(
    flow: Flow,
    filter: number,
    data: Uint8Array,
    end: boolean,
  ): NetworkDataVerdict | Promise<NetworkDataVerdict>;
  /** What came out of the last stage. */
  sink(flow: Flow, data: Uint8Array, end: boolean): void;
  /** The filter threw, or returned what is no verdict: the connection ends. */
  filterFailed(filter: number, hook: string, error: unknown): void;
  /** The engine itself failed where no caller is left to catch it. */
  faulted(error: unknown): void;
}

const CONTINUE = 0;
const STOP = 1;

export class Flow {
  readonly hook: "onData" | "onWrite";
  readonly pressure: Pressure;
  closed = false;
  readonly #owner: FlowOwner;
  readonly #stages: readonly Stage[];
  readonly #limit: number;
  /** What waits for the sink. */
  readonly #tail = new ChunkQueue();
  /** Stages from this one on (the sink is behind the last) may not run: a promise is open there, or their filters are not opened. */
  #gate: number;
  /** The same, for filters that are not opened yet. */
  #openGate: number;
  /** Chunks that wait before stages. */
  #waiting = 0;
  #isPumping = false;
  #isOverLimit = false;
  /** The end has left the flow. */
  hasSunkEnd = false;

  constructor(
    owner: FlowOwner,
    hook: "onData" | "onWrite",
    stages: readonly Stage[],
    pressure: Pressure,
    limit: number,
    isOpen: boolean,
  ) {
    this.#owner = owner;
    this.hook = hook;
    this.#stages = stages;
    this.pressure = pressure;
    this.#limit = limit;
    this.#openGate = isOpen ? Number.POSITIVE_INFINITY : 0;
    this.#gate = this.#openGate;
  }

  get stageCount(): number {
    return this.#stages.length;
  }

  /** Bytes that are held or wait. */
  get heldBytes(): number {
    let bytes = 0;
    for (const stage of this.#stages) bytes += stage.waiting.bytes + stage.held.bytes;
    return bytes;
  }

  /** A chunk arrives before stage `at`; its bytes are valid for this turn. */
  push(at: number, data: Uint8Array, end: boolean): void {
    if (this.closed) return;
    if (this.#isPumping || at >= this.#gate) {
      this.#enqueue(at, data, end);
      this.#pump();
      return;
    }
    this.#isPumping = true;
    this.#run(at, data, end);
    this.#isPumping = false;
    if (this.#waiting !== 0) this.#pump();
  }

  /** The first `count` filters are open: their stages may run. The sink stays shut until `openAll`. */
  openFirst(count: number): void {
    const stages = this.#stages;
    let gate = 0;
    while (gate < stages.length && stages[gate]!.filter < count) gate++;
    this.#openGate = gate;
    this.#moveGate();
    this.#pump();
  }

  openAll(): void {
    this.#openGate = Number.POSITIVE_INFINITY;
    this.#moveGate();
    this.#pump();
  }

  /** Lets go what the stage holds. */
  release(at: number): void {
    const stage = this.#stages[at]!;
    if (this.closed || stage.held.isEmpty) return;
    this.#passOn(at, stage);
    this.#pump();
  }

  stage(at: number): Stage {
    return this.#stages[at]!;
  }

  close(): void {
    this.closed = true;
    for (const stage of this.#stages) {
      stage.waiting.clear();
      stage.held.clear();
    }
    this.#tail.clear();
    this.#waiting = 0;
  }

  #run(from: number, data: Uint8Array, end: boolean): void {
    const stages = this.#stages;
    for (let i = from; i < stages.length; i++) {
      const stage = stages[i]!;
      if (i !== from && (i >= this.#gate || !stage.waiting.isEmpty)) {
        this.#enqueue(i, data, end);
        return;
      }
      if (stage.hasEnded) return;
      stage.hasEnded = end;
      stage.isRunning = true;
      let verdict: NetworkDataVerdict | Promise<NetworkDataVerdict>;
      try {
        verdict = this.#owner.callHook(this, stage.filter, data, end);
      } catch (error) {
        stage.isRunning = false;
        this.#owner.filterFailed(stage.filter, this.hook, error);
        return;
      }
      stage.isRunning = false;
      if (this.closed) {
        // Nobody looks at it any more.
        if (isPromise(verdict)) verdict.catch(noop);
        return;
      }
      if (typeof verdict === "object") {
        if (verdict instanceof Uint8Array) data = verdict;
        else if (isPromise(verdict)) {
          this.#await(i, stage, verdict, data, end);
          return;
        } else {
          this.#badVerdict(stage, verdict);
          return;
        }
      } else if (verdict === STOP) {
        stage.held.keep(data, end);
        this.#checkLimit();
        return;
      } else if (verdict !== undefined && verdict !== CONTINUE) {
        this.#badVerdict(stage, verdict);
        return;
      }
      if (!stage.held.isEmpty) {
        this.#passOn(i, stage);
        this.#enqueue(i + 1, data, end);
        return;
      }
      if (data.length === 0 && !end) return;
    }
    this.#leave(from, data, end);
  }

  #leave(from: number, data: Uint8Array, end: boolean): void {
    if (this.#gate <= this.#stages.length || (from < this.#stages.length && !this.#tail.isEmpty)) {
      this.#enqueue(this.#stages.length, data, end);
      return;
    }
    if (this.hasSunkEnd) return;
    this.hasSunkEnd = end;
    this.#owner.sink(this, data, end);
  }

  #queueAt(at: number): ChunkQueue {
    return at < this.#stages.length ? this.#stages[at]!.waiting : this.#tail;
  }

  #enqueue(at: number, data: Uint8Array, end: boolean): void {
    if (data.length === 0 && !end) return;
    this.#queueAt(at).keep(data, end);
    this.#waiting++;
    this.#checkLimit();
  }

  /** Moves what the stage holds to where the next one finds it. */
  #passOn(at: number, stage: Stage): void {
    const queue = this.#queueAt(at + 1);
    for (let chunk = stage.held.take(); chunk !== null; chunk = stage.held.take()) {
      queue.add(chunk);
      this.#waiting++;
    }
  }

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#waiting !== 0 && !this.closed) {
      const at = this.#next();
      if (at === -1) break;
      const chunk = this.#queueAt(at).take()!;
      this.#waiting--;
      this.#run(at, chunk.data, chunk.end);
    }
    this.#isPumping = false;
    this.#checkLimit();
  }

  /** The stage nearest to the sink that has something to do and may do it; -1: none. */
  #next(): number {
    const stages = this.#stages;
    if (this.#gate > stages.length && !this.#tail.isEmpty) return stages.length;
    for (let i = Math.min(stages.length, this.#gate) - 1; i >= 0; i--) if (!stages[i]!.waiting.isEmpty) return i;
    return -1;
  }

  #await(at: number, stage: Stage, promise: Promise<NetworkDataVerdict>, data: Uint8Array, end: boolean): void {
    retainReadBuffer();
    stage.isAwaiting = true;
    this.#moveGate();
    this.pressure.raise();
    Promise.resolve(promise)
      .then(
        (verdict) => this.#settled(at, stage, verdict, data, end),
        (error: unknown) => this.#rejected(stage, error),
      )
      .catch((error: unknown) => this.#owner.faulted(error));
  }

  #settled(at: number, stage: Stage, verdict: NetworkDataVerdict, data: Uint8Array, end: boolean): void {
    if (this.closed) return;
    stage.isAwaiting = false;
    this.#moveGate();
    if (verdict === STOP) stage.held.keep(data, end);
    else if (verdict === undefined || verdict === CONTINUE || verdict instanceof Uint8Array) {
      this.#passOn(at, stage);
      this.#enqueue(at + 1, verdict instanceof Uint8Array ? verdict : data, end);
    } else {
      this.#badVerdict(stage, verdict);
      return;
    }
    this.#pump();
    if (!this.closed) this.pressure.lower();
  }

  #rejected(stage: Stage, error: unknown): void {
    if (!this.closed) this.#owner.filterFailed(stage.filter, this.hook, error);
  }

  #badVerdict(stage: Stage, verdict: unknown): void {
    const shown = typeof verdict === "number" ? verdict : `a value of type ${typeof verdict}`;
    this.#owner.filterFailed(
      stage.filter,
      this.hook,
      new TypeError(`returned ${shown}, expected nothing, Continue, Stop, bytes, or a promise of one of them`),
    );
  }

  #moveGate(): void {
    const stages = this.#stages;
    let gate = this.#openGate;
    for (let i = 0; i < stages.length && i < gate; i++) if (stages[i]!.isAwaiting) gate = i;
    this.#gate = gate;
  }

  /** The source pauses while more is held than the limit allows, until it is half of that. */
  #checkLimit(): void {
    if (this.closed) return;
    if (!this.#isOverLimit) {
      if (this.#allBytes() <= this.#limit) return;
      this.#isOverLimit = true;
      this.pressure.raise();
    } else if (this.#allBytes() * 2 <= this.#limit) {
      this.#isOverLimit = false;
      this.pressure.lower();
    }
  }

  #allBytes(): number {
    return this.heldBytes + this.#tail.bytes;
  }
}

function isPromise(value: unknown): value is Promise<NetworkDataVerdict> {
  return typeof (value as { then?: unknown } | null)?.then === "function";
}

function noop(): void {}
