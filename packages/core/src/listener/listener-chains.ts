/** What a listener runs its connections through, in one version of its configuration: listener filters, then the filter chain. It ends with its last connection. */
import type { NetworkChain } from "../network/filter-chain/network-chain.ts";
import type { ChainPart } from "../worker/parts.ts";
import type { ListenerFilterChain } from "./listener-filter-chain.ts";

export class ListenerChains implements ChainPart {
  /** null: none. */
  readonly filters: ListenerFilterChain | null;
  readonly chain: NetworkChain;
  #connections = 0;
  #isReleased = false;
  #isDone = false;

  constructor(filters: ListenerFilterChain | null, chain: NetworkChain) {
    this.filters = filters;
    this.chain = chain;
  }

  connectionStarted(): void {
    this.#connections++;
  }

  connectionEnded(): void {
    this.#connections--;
    this.#endIfDone();
  }

  release(): void {
    this.#isReleased = true;
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.#isReleased || this.#connections !== 0 || this.#isDone) return;
    this.#isDone = true;
    this.chain.release();
    void this.filters?.dispose();
  }
}
