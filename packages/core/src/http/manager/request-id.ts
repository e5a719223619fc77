/**
 * Hot path. Values of x-request-id: UUIDs of version 4 in form, from random bytes and a random part in the middle that is renewed now and then. The first
 * digits are new each time: what is sampled by them is. Unique and unguessable enough for tracing; not for secrets.
 */
import { randomFillSync } from "node:crypto";

const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));
const RENEW_AFTER = 4096;
const BYTES = 8;

export class RequestIds {
  readonly #pool = new Uint8Array(BYTES * 512);
  #at = this.#pool.length;
  #left = 0;
  #middle = "";

  next(): string {
    if (this.#left-- === 0) this.#renew();
    const pool = this.#pool;
    if (this.#at === pool.length) {
      randomFillSync(pool);
      this.#at = 0;
    }
    const at = this.#at;
    this.#at = at + BYTES;
    return (
      HEX[pool[at]!]! +
      HEX[pool[at + 1]!]! +
      HEX[pool[at + 2]!]! +
      HEX[pool[at + 3]!]! +
      "-" +
      HEX[pool[at + 4]!]! +
      HEX[pool[at + 5]!]! +
      this.#middle +
      HEX[pool[at + 6]!]! +
      HEX[pool[at + 7]!]!
    );
  }

  /** Version and variant of RFC 9562 stand in it. */
  #renew(): void {
    this.#left = RENEW_AFTER - 1;
    const bytes = randomFillSync(Buffer.alloc(8));
    bytes[2] = (bytes[2]! & 0x3f) | 0x80;
    const hex = bytes.toString("hex");
    this.#middle = `-4${hex.slice(0, 3)}-${hex.slice(4, 8)}-${hex.slice(8)}`;
  }
}
