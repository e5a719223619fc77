/**
 * Hot path: docs/extending/hot-path-rules.md. Open streams by their id. A client's ids grow by two, so that a power-of-two array at `id / 2` finds nearly all of
 * them; a stream whose place is taken stands in a map, so that ids chosen by an attacker cost no more than that.
 */
export interface TableEntry {
  readonly id: number;
}

const FIRST_SIZE = 16;
const MAX_SIZE = 2048;

export class StreamTable<Stream extends TableEntry> {
  size: number;
  #slots: (Stream | null)[];
  #mask: number;
  /** Those whose slot was taken; null until there is one. */
  #others: Map<number, Stream> | null;

  constructor() {
    this.size = 0;
    this.#slots = [];
    this.#mask = -1;
    this.#others = null;
  }

  get(id: number): Stream | null {
    if (this.size === 0) return null;
    const found = this.#slots[(id >>> 1) & this.#mask]!;
    if (found !== null && found.id === id) return found;
    return this.#others === null ? null : (this.#others.get(id) ?? null);
  }

  add(stream: Stream): void {
    if (this.size >= this.#slots.length >> 1 && this.#slots.length < MAX_SIZE) this.#grow();
    this.size++;
    this.#place(stream);
  }

  remove(id: number): void {
    const slot = (id >>> 1) & this.#mask;
    const found = this.#slots[slot];
    if (found !== null && found !== undefined && found.id === id) {
      this.#slots[slot] = null;
      this.size--;
      return;
    }
    if (this.#others?.delete(id) === true) {
      this.size--;
      if (this.#others.size === 0) this.#others = null;
    }
  }

  /** A list of its own: streams may come and go while it is walked. */
  all(): Stream[] {
    const streams: Stream[] = [];
    if (this.size === 0) return streams;
    for (const stream of this.#slots) if (stream !== null) streams.push(stream);
    if (this.#others !== null) streams.push(...this.#others.values());
    return streams.sort(byId);
  }

  #place(stream: Stream): void {
    const slot = (stream.id >>> 1) & this.#mask;
    if (this.#slots[slot] === null) this.#slots[slot] = stream;
    else (this.#others ??= new Map()).set(stream.id, stream);
  }

  #grow(): void {
    const streams = this.all();
    const size = Math.max(FIRST_SIZE, this.#slots.length * 2);
    this.#slots = Array.from({ length: size }, () => null);
    this.#mask = size - 1;
    this.#others = null;
    for (const stream of streams) this.#place(stream);
  }
}

function byId(a: TableEntry, b: TableEntry): number {
  return a.id - b.id;
}
