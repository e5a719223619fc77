/**
 * Bytes that came before their time: of a pipelined request, or before a switch of protocols. Reading is paused while there are any, so that a client cannot
 * fill the memory with what nobody has asked for yet.
 */
import type { Connection } from "../../../network/connection.ts";
import type { MessageReader } from "./message-reader.ts";

/** A paused connection brings no more than what it had read; one that brings this much does not honour the pause. */
const MAX_HELD = 1024 * 1024;

export class HeldBytes {
  readonly #connection: Connection;
  #data: Uint8Array | null;
  /** What stands before it was read. */
  #at: number;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#data = null;
    this.#at = 0;
  }

  get isEmpty(): boolean {
    return this.#data === null;
  }

  /** Copies what stands at `at` and behind it: the read buffer belongs to the connection. False: there is too much. */
  add(data: Uint8Array, at: number): boolean {
    const held = this.#data;
    if (held === null) {
      this.#data = Buffer.from(data.subarray(at));
      this.#at = 0;
      this.#connection.pause();
      return true;
    }
    if (held.length - this.#at + data.length - at > MAX_HELD) return false;
    this.#data = Buffer.concat([held, data.subarray(at)]);
    return true;
  }

  /** Gives the reader as much as it takes. More may be added meanwhile. */
  readInto(reader: MessageReader): void {
    for (let held = this.#data; held !== null; held = this.#data) {
      const at = reader.read(held, this.#at);
      if (this.#data === null) return;
      this.#at = at;
      if (at < held.length) return;
      if (this.#data === held) this.clear();
    }
  }

  clear(): void {
    if (this.#data === null) return;
    this.#data = null;
    this.#at = 0;
    this.#connection.unpause();
  }
}
