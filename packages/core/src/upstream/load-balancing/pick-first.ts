/**
 * Hot path. Always the same host, as long as it takes traffic: the first of the list, or the first after the list was shuffled. Each host draws its place once, so that
 * an update which leaves the chosen one leaves its traffic too. Envoy's API: pick_first.PickFirst.
 */
import type { Random } from "@sluice/sdk";
import type { Host } from "../host.ts";
import type { HostPicker } from "./load-balancer.ts";

export class FirstHost implements HostPicker {
  /** The first is the one; the others in turn where it will not do. */
  readonly #hosts: readonly Host[];

  constructor(hosts: readonly Host[], shuffles: boolean, random: Random) {
    this.#hosts = shuffles ? hosts.toSorted((a, b) => place(a, random) - place(b, random)) : hosts;
  }

  pick(attempt = 0): Host {
    const hosts = this.#hosts;
    return hosts[attempt < hosts.length ? attempt : attempt % hosts.length]!;
  }
}

function place(host: Host, random: Random): number {
  if (host.shuffledPlace < 0) host.shuffledPlace = random.next();
  return host.shuffledPlace;
}
