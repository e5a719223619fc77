/**
 * Hot path. Values of x-request-id: UUIDs of version 4 in form, from a random prefix and a mixed counter, both renewed from the system's randomness now and then.
 * Unique and unguessable enough for tracing; not for secrets.
 */
import { randomFillSync } from "node:crypto";

const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));
const RENEW_AFTER = 4096;
const BYTES = 8;

export class RequestIds {
  readonly #pool = new Uint8Array(BYTES * 512);
  #at = this.#pool.length;
  #left = 0;
  #head = "";

  next(): string {
    if (this.#left-- === 0) this.#renew();
    const pool = this.#pool;
    if (this.#at === pool.length) {
      randomFillSync(pool);
      this.#at = 0;
    }
    const at = this.#at;
    this.#at = at + BYTES;
    // The first two bits after the second dash are the variant of RFC 9562.
    const variant = HEX[(pool[at]! & 0x3f) | 0x80]!;
    return (
      this.#head +
      variant +
      HEX[pool[at + 1]!]! +
      "-" +
      HEX[pool[at + 2]!]! +
      HEX[pool[at + 3]!]! +
      HEX[pool[at + 4]!]! +
      HEX[pool[at + 5]!]! +
      HEX[pool[at + 6]!]! +
      HEX[pool[at + 7]!]!
    );
  }

  #renew(): void {
    this.#left = RENEW_AFTER - 1;
    const hex = randomFillSync(Buffer.alloc(8)).toString("hex");
    this.#head = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-`;
  }
}
