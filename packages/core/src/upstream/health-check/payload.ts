/** Whether what a host said has everything that is waited for, in order, with anything between. Envoy: PayloadMatcher. */

export function hasAll(text: Buffer, wanted: readonly Buffer[]): boolean {
  let from = 0;
  for (const each of wanted) {
    const at = text.indexOf(each, from);
    if (at < 0) return false;
    from = at + each.length;
  }
  return true;
}

/** What a host says, up to a limit: it may say more than anybody wants to keep. */
export class HeardBytes {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** 0: as much as `MOST`. */
  constructor(limit: number) {
    this.#limit = limit === 0 ? MOST : Math.min(limit, MOST);
  }

  add(data: Uint8Array): void {
    const room = this.#limit - this.#bytes;
    if (room <= 0) return;
    const kept = Buffer.from(data.subarray(0, room));
    this.#chunks.push(kept);
    this.#bytes += kept.length;
  }

  get isFull(): boolean {
    return this.#bytes === this.#limit;
  }

  all(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  clear(): void {
    this.#chunks = [];
    this.#bytes = 0;
  }
}

const MOST = 1024 * 1024;
