/** What a filter has under way towards clusters, so that its end is theirs. */

export interface OpenCall {
  /** The filter is gone. MUST end the call; its promise rejects. */
  cancel(why: string): void;
}

export class OpenCalls {
  readonly #calls = new Set<OpenCall>();
  #released = false;

  /** Calls that have not ended. */
  get size(): number {
    return this.#calls.size;
  }

  get released(): boolean {
    return this.#released;
  }

  /** Where the filter is gone already the call is cancelled at once. */
  add(call: OpenCall): void {
    if (this.#released) call.cancel(GONE);
    else this.#calls.add(call);
  }

  delete(call: OpenCall): void {
    this.#calls.delete(call);
  }

  release(): void {
    this.#released = true;
    for (const call of this.#calls) call.cancel(GONE);
    this.#calls.clear();
  }
}

const GONE = "the filter is gone";
