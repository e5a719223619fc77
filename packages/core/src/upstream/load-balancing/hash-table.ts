/** What a hash is looked up in: one for each priority, made anew when its hosts change. */
import type { Host } from "../host.ts";
import type { RequestHash } from "./request-hash.ts";

/** How far other hosts of a hash are looked for: some may have no entry at all. */
export const MOST_STEPS = 4096;

export interface HashTable {
  /** `attempt`: how many hosts of this hash will not do. */
  at(hash: RequestHash, attempt?: number): Host;
}

/** How many entries the hosts have, at the least and at the most. */
export interface TableSizes {
  readonly size: number;
  readonly fewest: number;
  readonly most: number;
}
