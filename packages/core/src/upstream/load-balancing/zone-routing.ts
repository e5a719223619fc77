/**
 * Hot path. Zone-aware routing: as much as possible stays in the zone of this proxy, without giving the hosts there more than their share; the rest goes to where there is
 * room. How many callers each zone has is known from the cluster that this proxy belongs to. First priority alone. Envoy: ZoneAwareLbConfig.
 */
import type { Counter, Random } from "@sluice/sdk";
import type { LocalityBalancingModel } from "../../config/balancing-model.ts";
import { type HostLevel, type LocalityGroup, localityKey } from "./host-levels.ts";
import type { BalancerParts } from "./load-balancer.ts";
import { isInPanic } from "./priority-load.ts";

export type ZoneAwareModel = Extract<LocalityBalancingModel, { kind: "zone_aware" }>;

/** Shares are of ten thousand. */
const WHOLE = 10_000;

/** null: zones are not asked. `callers`: the first priority of the cluster that this proxy belongs to; its own locality comes first, as in `level`. */
export function zoneRouting(
  level: HostLevel,
  callers: HostLevel,
  model: ZoneAwareModel,
  panicPercent: number,
  parts: BalancerParts,
): ZoneRouting | null {
  parts.counter("lb_recalculate_zone_structures").inc();
  if (level.localities.filter(({ healthy }) => healthy.length > 0).length < 2 || callers.localities.length < 2)
    return null;
  const isKnown = isLocal(callers.localities[0], model);
  if (!isKnown || isInPanic(callers, panicPercent)) {
    parts.counter("lb_local_cluster_not_ok").inc();
    return null;
  }
  if (level.healthy.length < model.minClusterSize) {
    parts.counter("lb_zone_cluster_too_small").inc();
    return null;
  }
  return new ZoneRouting(level, callers, model, parts);
}

function isLocal(group: LocalityGroup | undefined, { local }: ZoneAwareModel): boolean {
  return group !== undefined && group.locality !== null && localityKey(group.locality) === localityKey(local);
}

export class ZoneRouting {
  readonly #random: Random;
  readonly #routingPercent: number;
  /** Of ten thousand; all: nothing needs to leave the zone. */
  readonly #localShare: number;
  /** Summed up: where a number drawn below the last of them falls. */
  readonly #room: Float64Array;
  readonly #counters: Record<"direct" | "sampled" | "cross" | "noRoom", Counter>;

  constructor(level: HostLevel, callers: HostLevel, model: ZoneAwareModel, parts: BalancerParts) {
    this.#random = parts.random;
    this.#routingPercent = model.routingPercent;
    this.#counters = {
      direct: parts.counter("lb_zone_routing_all_directly"),
      sampled: parts.counter("lb_zone_routing_sampled"),
      cross: parts.counter("lb_zone_routing_cross_zone"),
      noRoom: parts.counter("lb_zone_no_capacity_left"),
    };
    const asked = new Map(callers.localities.map((group) => [keyOf(group), group.healthy.length]));
    const shares = level.localities.map((group) => ({
      upstream: Math.floor((WHOLE * group.healthy.length) / level.healthy.length),
      callers: Math.floor((WHOLE * (asked.get(keyOf(group)) ?? 0)) / Math.max(1, callers.healthy.length)),
    }));
    const hasLocal = isLocal(level.localities[0], model);
    const own = shares[0]!;
    const isEnough = hasLocal && own.upstream > 0 && own.upstream >= own.callers;
    this.#localShare = isEnough
      ? WHOLE
      : hasLocal && own.callers > 0
        ? Math.floor((own.upstream * WHOLE) / own.callers)
        : 0;
    this.#room = new Float64Array(shares.length);
    let room = 0;
    for (const [i, share] of shares.entries()) {
      // What the own zone has room for is taken.
      if (i !== 0 || !hasLocal) room += Math.max(0, share.upstream - share.callers);
      this.#room[i] = room;
    }
  }

  /** Whether a locality may be chosen at all. */
  reaches(locality: number): boolean {
    const room = this.#room;
    if (this.#routingPercent < 100) return true;
    if (locality === 0 && this.#localShare > 0) return true;
    if (this.#localShare === WHOLE) return false;
    return room[room.length - 1] === 0 || room[locality]! > (locality === 0 ? 0 : room[locality - 1]!);
  }

  /** Number of the locality; -1: any host. */
  choose(): number {
    const random = this.#random;
    const counters = this.#counters;
    if (this.#routingPercent < 100 && random.next() * 100 >= this.#routingPercent) return -1;
    if (this.#localShare === WHOLE) {
      counters.direct.inc();
      return 0;
    }
    if (random.below(WHOLE) < this.#localShare) {
      counters.sampled.inc();
      return 0;
    }
    counters.cross.inc();
    const room = this.#room;
    const whole = room[room.length - 1]!;
    if (whole === 0) {
      counters.noRoom.inc();
      return random.below(room.length);
    }
    const drawn = random.below(whole);
    let i = 0;
    while (drawn >= room[i]!) i++;
    return i;
  }
}

function keyOf({ locality }: LocalityGroup): string {
  return locality === null ? "" : localityKey(locality);
}
