// How the cases of each way through the proxy came out.
import type { Outcome, Verdict } from "./judge.ts";

export class Tally {
  readonly ambiguous: string[] = [];
  /** Names of cases, each once. */
  readonly repaired = new Set<string>();
  readonly declined = new Set<string>();
  readonly #counts = new Map<string, Record<Outcome, number>>();

  add(way: string, name: string, verdict: Verdict): void {
    let counts = this.#counts.get(way);
    if (counts === undefined)
      this.#counts.set(way, (counts = { forwarded: 0, refused: 0, declined: 0, repaired: 0, ambiguous: 0 }));
    counts[verdict.outcome]++;
    if (verdict.outcome === "ambiguous") this.ambiguous.push(`${way}, ${name}: ${verdict.why}`);
    if (verdict.outcome === "repaired") this.repaired.add(name);
    if (verdict.outcome === "declined") this.declined.add(name);
  }

  of(way: string): Record<Outcome, number> {
    return this.#counts.get(way) ?? { forwarded: 0, refused: 0, declined: 0, repaired: 0, ambiguous: 0 };
  }

  /** A line for each way. */
  get report(): string {
    return [...this.#counts].map(([way, counts]) => `${way}: ${JSON.stringify(counts)}`).join("\n");
  }
}
