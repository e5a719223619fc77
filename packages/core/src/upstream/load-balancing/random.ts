/** Hot path. Any host, all with the same chance; weights count for nothing. Envoy: random.Random. */
import type { Random } from "@sluice/sdk";
import type { Host } from "../host.ts";
import type { HostPicker } from "./load-balancer.ts";

export class AnyHost implements HostPicker {
  readonly #hosts: readonly Host[];
  readonly #random: Random;

  constructor(hosts: readonly Host[], random: Random) {
    this.#hosts = hosts;
    this.#random = random;
  }

  pick(): Host {
    const hosts = this.#hosts;
    return hosts[this.#random.below(hosts.length)]!;
  }
}
