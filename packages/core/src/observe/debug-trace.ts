/** The way of one request through its filters, for the peer that asked for it: bounded, and legal as a header value. */

/** One hook call, or one hold: `[filter, hook or direction, verdict or "held", microseconds]`; `running`: the hook that has sent the response. */
export type TraceStep = readonly [filter: string, what: string, outcome: string, us: number];

/** Steps that are kept; later ones are counted. */
const MAX_STEPS = 256;
/** Bytes of a header value. */
const MAX_HEADER = 4096;
const MAX_NAME = 80;

export interface TraceFacts {
  readonly us: number;
  readonly virtualHost: string | null;
  readonly route: string | null;
  readonly cluster: string | null;
  readonly details: string;
}

export class DebugTrace {
  readonly steps: TraceStep[] = [];
  #dropped = 0;

  add(filter: string, what: string, outcome: string, us: number): void {
    if (this.steps.length === MAX_STEPS) this.#dropped++;
    else this.steps.push(stepOf(filter, what, outcome, us));
  }

  /** JSON in ASCII on one line, cut to what a header may hold: `more` counts the steps that are left out. */
  header(facts: TraceFacts, running: readonly TraceStep[] = []): string {
    return this.#write(facts, [...this.steps, ...running], MAX_HEADER);
  }

  /** All steps that were kept. */
  whole(facts: TraceFacts, running: readonly TraceStep[] = []): string {
    return this.#write(facts, [...this.steps, ...running], Infinity);
  }

  #write({ us, virtualHost, route, cluster, details }: TraceFacts, steps: readonly TraceStep[], limit: number): string {
    const facts: Record<string, unknown> = { us: rounded(us) };
    if (virtualHost !== null) facts["virtual_host"] = short(virtualHost);
    if (route !== null && route !== "") facts["route"] = short(route);
    if (cluster !== null) facts["cluster"] = short(cluster);
    if (details !== "") facts["details"] = short(details);
    const head = ascii(JSON.stringify(facts)).slice(0, -1);
    let text = `${head},"steps":[`;
    let written = 0;
    for (const step of steps) {
      const next = `${written === 0 ? "" : ","}${ascii(JSON.stringify(step))}`;
      // The end of the text takes at most so much.
      if (text.length + next.length + 24 > limit) break;
      text += next;
      written++;
    }
    const more = steps.length - written + this.#dropped;
    return `${text}]${more === 0 ? "" : `,"more":${more}`}}`;
  }
}

export function stepOf(filter: string, what: string, outcome: string, us: number): TraceStep {
  return [short(filter), what, outcome, rounded(us)];
}

function short(name: string): string {
  return name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}~` : name;
}

function rounded(us: number): number {
  return Math.round(us * 100) / 100;
}

/** What a header value may not hold is escaped as JSON can. */
function ascii(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
