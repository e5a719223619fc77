/** Randomness for load balancing, sampling and jitter; not for secrets. */
import type { Random } from "@sluice/sdk";

export const systemRandom: Random = {
  next: () => Math.random(),
  below: (bound) => Math.floor(Math.random() * bound),
};
