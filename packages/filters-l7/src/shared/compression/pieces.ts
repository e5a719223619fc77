/** Bytes that come in pieces and leave in one. */

export const EMPTY = new Uint8Array(0);

export class Pieces {
  length: number;
  #list: Uint8Array[];

  constructor() {
    this.length = 0;
    this.#list = [];
  }

  add(bytes: Uint8Array): void {
    this.length += bytes.length;
    this.#list.push(bytes);
  }

  /** Everything, in one; nothing is left. */
  take(): Uint8Array {
    const list = this.#list;
    if (list.length === 0) return EMPTY;
    const all = list.length === 1 ? list[0]! : Buffer.concat(list, this.length);
    this.#list = [];
    this.length = 0;
    return all;
  }
}
