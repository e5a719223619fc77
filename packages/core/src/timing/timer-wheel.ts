/**
 * Hot path (docs/extending/hot-path-rules.md). Hierarchical timer wheel: ticks of 10 ms, four levels, intrusive lists.
 *
 *     level 0  256 slots of 1 tick        (2.56 s)
 *     level 1   64 slots of 256 ticks     (2.7 min)
 *     level 2   64 slots of 16 384 ticks  (2.9 h)
 *     level 3   64 slots of 2^20 ticks    (7.7 days; what is later waits in its last slot and is placed again)
 *
 * A node whose deadline moves later stays where it is until its slot is visited; that makes re-arming two stores.
 */
import { type Timer, TimerNode, type Timers, type TurnClock } from "./clock.ts";

export const TICK_MS = 10;
const LEVEL_0_BITS = 8;
const LEVEL_BITS = 6;
const LEVELS = 4;
/** Ticks that one slot of each level covers. */
const SLOT_TICKS = [1, 2 ** 8, 2 ** 14, 2 ** 20] as const;
const MAX_TICKS = 2 ** (LEVEL_0_BITS + LEVEL_BITS * (LEVELS - 1)) - 1;

/** What wakes the wheel: a Node timer, or a virtual clock. At most one wake-up is scheduled at a time. */
export interface Waker {
  schedule(ms: number, wake: () => void): void;
  cancel(): void;
}

/** A Node timer that never keeps the process alive. */
export class NodeWaker implements Waker {
  #timer: NodeJS.Timeout | null = null;

  schedule(ms: number, wake: () => void): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(wake, ms).unref();
  }

  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

class Head extends TimerNode {
  onTimeout(): void {}
}

class CallbackNode extends TimerNode implements Timer {
  readonly #wheel: TimerWheel;
  readonly #callback: () => void;

  constructor(wheel: TimerWheel, callback: () => void) {
    super();
    this.#wheel = wheel;
    this.#callback = callback;
  }

  onTimeout(): void {
    this.#callback();
  }

  cancel(): void {
    this.#wheel.cancel(this);
  }
}

export class TimerWheel implements Timers {
  readonly #clock: TurnClock;
  readonly #waker: Waker;
  readonly #onError: (error: unknown) => void;
  readonly #originMs: number;
  readonly #heads: Head[];
  readonly #wake: () => void;
  /** Every tick up to this one has been visited. */
  #tick: number;
  /** The tick at which the waker fires; Infinity while it is stopped. */
  #wakeTick: number;
  #size: number;
  #visiting: boolean;
  #stopped: boolean;

  constructor(clock: TurnClock, waker: Waker = new NodeWaker(), onError: (error: unknown) => void = throwLater) {
    this.#clock = clock;
    this.#waker = waker;
    this.#onError = onError;
    this.#originMs = Math.floor(clock.now());
    this.#heads = [];
    const slots = (1 << LEVEL_0_BITS) + (LEVELS - 1) * (1 << LEVEL_BITS);
    for (let i = 0; i < slots; i++) {
      const head = new Head();
      head.prev = head;
      head.next = head;
      this.#heads.push(head);
    }
    this.#wake = () => this.#onWake();
    this.#tick = 0;
    this.#wakeTick = Infinity;
    this.#size = 0;
    this.#visiting = false;
    this.#stopped = false;
  }

  /** Nodes that are armed. */
  get size(): number {
    return this.#size;
  }

  arm(node: TimerNode, ms: number): void {
    const now = this.#clock.turnNow();
    const deadline = now + (ms > 0 ? ms : 0);
    if (node.next !== null) {
      // Later than before: it is visited in time.
      const isLater = deadline >= node.deadline;
      node.deadline = deadline;
      if (isLater || this.#tickOf(deadline) >= node.visitTick) return;
      unlink(node);
    } else {
      node.deadline = deadline;
      this.#size++;
      // Nothing was armed: time has passed that no one visited, and there is nothing to visit in it.
      if (this.#size === 1 && !this.#visiting)
        this.#tick = Math.max(this.#tick, Math.floor((now - this.#originMs) / TICK_MS));
    }
    this.#link(node);
    if (node.visitTick < this.#wakeTick && !this.#visiting) this.#schedule(node.visitTick, now);
  }

  cancel(node: TimerNode): void {
    if (node.next === null) return;
    unlink(node);
    node.deadline = -1;
    node.visitTick = -1;
    this.#size--;
  }

  setTimer(callback: () => void, ms: number): Timer {
    const node = new CallbackNode(this, callback);
    this.arm(node, ms);
    return node;
  }

  /** Ends it: nothing fires any more. */
  stop(): void {
    this.#stopped = true;
    this.#waker.cancel();
  }

  #tickOf(deadline: number): number {
    return Math.ceil((deadline - this.#originMs) / TICK_MS);
  }

  /** Puts the node in the slot of its deadline and notes when that slot is visited. */
  #link(node: TimerNode): void {
    const current = this.#tick;
    const tick = Math.min(Math.max(this.#tickOf(node.deadline), current + 1), current + MAX_TICKS);
    let slot: number;
    const distance = tick - current;
    if (distance < 1 << LEVEL_0_BITS) {
      slot = tick & 255;
      node.visitTick = tick;
    } else {
      const level = distance < 1 << 14 ? 1 : distance < 1 << 20 ? 2 : 3;
      const width = SLOT_TICKS[level]!;
      const position = Math.floor(tick / width);
      slot = 256 + (level - 1) * 64 + (position & 63);
      node.visitTick = position * width;
    }
    const head = this.#heads[slot]!;
    const last = head.prev!;
    node.prev = last;
    node.next = head;
    last.next = node;
    head.prev = node;
  }

  #schedule(tick: number, now: number): void {
    if (this.#stopped) return;
    this.#wakeTick = tick;
    this.#waker.schedule(Math.max(1, Math.ceil(tick * TICK_MS + this.#originMs - now)), this.#wake);
  }

  #onWake(): void {
    this.#wakeTick = Infinity;
    const target = Math.floor((this.#clock.now() - this.#originMs) / TICK_MS);
    this.#visiting = true;
    while (this.#tick < target && this.#size > 0 && !this.#stopped) {
      const next = this.#nextVisit();
      if (next > target) break;
      this.#tick = next;
      this.#visit(next);
    }
    if (this.#tick < target) this.#tick = target;
    this.#visiting = false;
    if (this.#size > 0) this.#schedule(this.#nextVisit(), this.#clock.now());
  }

  /** The earliest tick after the current one at which a slot that holds nodes is visited. */
  #nextVisit(): number {
    const current = this.#tick;
    let earliest = Infinity;
    for (let i = 1; i <= 256; i++) {
      const head = this.#heads[(current + i) & 255]!;
      if (head.next !== head) {
        earliest = current + i;
        break;
      }
    }
    for (let level = 1; level < LEVELS; level++) {
      const shift = LEVEL_0_BITS + LEVEL_BITS * (level - 1);
      const position = Math.floor(current / 2 ** shift);
      for (let i = 1; i <= 64; i++) {
        const at = (position + i) * 2 ** shift;
        if (at >= earliest) break;
        const head = this.#heads[256 + (level - 1) * 64 + ((position + i) & 63)]!;
        if (head.next !== head) {
          earliest = at;
          break;
        }
      }
    }
    return earliest;
  }

  #visit(tick: number): void {
    // Higher levels first: what they release may be due in this very tick.
    for (let level = LEVELS - 1; level >= 1; level--) {
      const shift = LEVEL_0_BITS + LEVEL_BITS * (level - 1);
      if (tick % 2 ** shift === 0)
        this.#empty(this.#heads[256 + (level - 1) * 64 + (Math.floor(tick / 2 ** shift) & 63)]!, tick);
    }
    this.#empty(this.#heads[tick & 255]!, tick);
  }

  /** Fires what is due and places the rest anew. Nodes may be armed and cancelled meanwhile, so the list is taken off first. */
  #empty(head: Head, tick: number): void {
    if (head.next === head) return;
    const due = new Head();
    due.next = head.next;
    due.prev = head.prev;
    due.next!.prev = due;
    due.prev!.next = due;
    head.next = head;
    head.prev = head;
    while (due.next !== due) {
      const node = due.next!;
      unlink(node);
      if (this.#tickOf(node.deadline) > tick) {
        this.#link(node);
        continue;
      }
      node.deadline = -1;
      node.visitTick = -1;
      this.#size--;
      try {
        node.onTimeout();
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}

function unlink(node: TimerNode): void {
  node.prev!.next = node.next;
  node.next!.prev = node.prev;
  node.prev = null;
  node.next = null;
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
