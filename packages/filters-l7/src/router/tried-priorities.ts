/** The hosts that attempts of one request went to, whose priorities the next one leaves out. Envoy: envoy.retry_priorities.previous_priorities. */
import type { PriorityAversion, UpstreamHost } from "@sluice/sdk";

export class TriedPriorities implements PriorityAversion {
  readonly #updateFrequency: number;
  #hosts: UpstreamHost[];

  constructor(updateFrequency: number) {
    this.#updateFrequency = updateFrequency;
    this.#hosts = [];
  }

  add(host: UpstreamHost): void {
    this.#hosts.push(host);
  }

  /** Those of the last few attempts do not count yet. */
  get hosts(): readonly UpstreamHost[] {
    return this.#hosts.slice(0, this.#hosts.length - (this.#hosts.length % this.#updateFrequency));
  }

  forget(): void {
    this.#hosts = [];
  }
}
