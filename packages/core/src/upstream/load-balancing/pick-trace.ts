/** What a balancer says of a pick before it is made: for `sluice explain` and `/clusters`, never while requests are served. */
import type { HostChoice } from "@sluice/sdk";
import type { Host } from "../host.ts";
import type { HostLevel } from "./host-levels.ts";
import type { LoadBalancer } from "./load-balancer.ts";
import type { PriorityLoads } from "./priority-load.ts";

export class PickTrace {
  /** Sentences, in the order in which things are decided. */
  readonly notes: string[] = [];
  /** The hosts that are left to choose from. */
  levels: readonly HostLevel[] = [];
  /** null: nothing is balanced by priority. */
  loads: PriorityLoads | null = null;
  /** The cluster itself says which host. */
  isProvided = false;
  /** In panic there is no host at all. */
  failsOnPanic = false;
  /** Hosts that get nothing where they are, and why. */
  readonly passedBy = new Map<Host, string>();
  /** The host that it is for certain; null: chance, turns or load decide. */
  host: Host | null = null;
  /** Why it is that one. */
  reason = "";
}

/** A balancer that can say why. */
export interface ExplainingBalancer extends LoadBalancer {
  /** `choice`: what the request says; null: no request in particular. */
  explain(choice: HostChoice | null, trace: PickTrace): void;
}
