/** Hot path. The 64 bits by which a request finds its host, in two halves: made once for each balancer and written again. Envoy: HashPolicyImpl. */
import type { HashKey, Random } from "@sluice/sdk";
import { XxHash64 } from "../../matching/xxhash64.ts";

const WHOLE = 2 ** 32;

export class RequestHash implements HashKey {
  /** Signed: such numbers need no place on the heap. */
  high: number;
  low: number;
  /** Whether the request said anything. */
  isSet: boolean;

  constructor() {
    this.high = 0;
    this.low = 0;
    this.isSet = false;
  }

  clear(): void {
    this.high = 0;
    this.low = 0;
    this.isSet = false;
  }

  /** Rotated by a bit before the next is mixed in: equal texts do not cancel each other out. */
  add(text: string): void {
    const hash = xxHash64.update(text);
    const { high, low } = this;
    this.high = ((high << 1) | (low >>> 31)) ^ hash.high;
    this.low = ((low << 1) | (high >>> 31)) ^ hash.low;
    this.isSet = true;
  }

  draw(random: Random): void {
    this.high = random.below(WHOLE) | 0;
    this.low = random.below(WHOLE) | 0;
  }

  /** `divisor`: a whole number below 2^26. */
  modulo(divisor: number): number {
    // Both factors of the product are below 2^26, so that it is exact.
    return (((this.high >>> 0) % divisor) * (WHOLE % divisor) + (this.low >>> 0)) % divisor;
  }
}

const xxHash64 = new XxHash64(0n);
