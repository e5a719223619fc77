// What origins saw, by case: every case has an id of four characters, and its requests say which of them they are. Origins and clients write here, the judge reads.
import type { Pair } from "./strict-http1.ts";

/** Stands in the corpus where a case's id goes. */
export const CASE = "CASE";

/** The case's own request, the one that stands behind it, or one that hides in a body. */
export const PARTS: readonly string[] = ["main", "follower", "smuggled"];

export interface SeenRequest {
  readonly part: string;
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

export class Seen {
  /** Whole and legal requests, by case. */
  readonly requests = new Map<string, SeenRequest[]>();
  /** What no strict reader would take for a message, by case; "" where it does not say of which. */
  readonly faults = new Map<string, string[]>();

  #cases = 0;

  /** Of a case that nobody has asked with before. */
  newId(): string {
    return `k${(this.#cases++).toString(36).padStart(3, "0")}`;
  }

  request(fields: readonly Pair[], method: string, target: string, body: string): { id: string; part: string } {
    const of = (name: string): string => fields.find(([each]) => each.toLowerCase() === name)?.[1] ?? "";
    const id = of("x-case");
    const part = of("x-part");
    const all = this.requests.get(id);
    const request = { part, method, target, body };
    if (all === undefined) this.requests.set(id, [request]);
    else all.push(request);
    return { id, part };
  }

  fault(id: string, why: string): void {
    this.faults.set(id, [...(this.faults.get(id) ?? []), why]);
  }

  of(id: string): SeenRequest[] {
    return this.requests.get(id) ?? [];
  }

  faultsOf(id: string): string[] {
    return this.faults.get(id) ?? [];
  }
}
