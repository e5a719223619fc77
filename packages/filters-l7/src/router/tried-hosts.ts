/** The hosts that attempts of one request went to, and what its policy makes of them for the next one. Envoy: RetryHostPredicate. */
import type { HostAversion, RetryHosts, UpstreamHost } from "@sluice/sdk";

export class TriedHosts implements HostAversion {
  readonly #policy: RetryHosts;
  readonly #hosts: UpstreamHost[];

  constructor(policy: RetryHosts) {
    this.#policy = policy;
    this.#hosts = [];
  }

  add(host: UpstreamHost): void {
    this.#hosts.push(host);
  }

  get attempts(): number {
    return this.#policy.attempts;
  }

  avoids(host: UpstreamHost): boolean {
    return (this.#policy.omitsPrevious && this.#hosts.includes(host)) || this.#policy.omits(host);
  }
}
