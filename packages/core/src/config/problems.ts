/**
 * What is wrong with a configuration: collected as data, all at once, each with its place in the file.
 * Nothing here throws or prints; the command line and admin format what is collected.
 */
import type { ErrorCode } from "../errors.ts";
import { formatProblem } from "./format-problem.ts";

export type Severity = "error" | "warning";

/** A place in a configuration. Line and column count from 1 (UTF-16 units); 0 means that the source has no positions. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** As in `static_resources.listeners[0].name`; empty for the file itself. */
  readonly path: string;
}

/** What is wrong at a place; all texts are lower-case clauses without a full stop. */
export interface Finding {
  readonly code: ErrorCode;
  /** What is wrong: `unknown field "adress"`. */
  readonly message: string;
  /** What would be right, without the word "expected": `a number from 0 to 65535`. */
  readonly expected?: string | undefined;
  /** The near miss: `address`. Printed as `did you mean "address"?`. */
  readonly suggestion?: string | undefined;
}

export interface Problem extends Location, Finding {
  readonly severity: Severity;
}

/** Enough to repair a file; finding more costs time and helps nobody. */
const maxProblems = 1000;

/** Collects problems; iterates over them in the order of the file, without repetitions. */
export class Problems implements Iterable<Problem> {
  readonly #found = new Map<string, Problem>();
  #errors = 0;

  error(at: Location, finding: Finding): void {
    this.add({ severity: "error", ...at, ...finding });
  }

  warning(at: Location, finding: Finding): void {
    this.add({ severity: "warning", ...at, ...finding });
  }

  add(problem: Problem): void {
    const key = `${problem.line}:${problem.column}:${problem.file}:${problem.severity}:${problem.path}:${problem.message}`;
    if (this.isFull || this.#found.has(key)) return;
    this.#found.set(key, problem);
    if (problem.severity === "error") this.#errors++;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  get errorCount(): number {
    return this.#errors;
  }

  /** No more are kept: checks may end. */
  get isFull(): boolean {
    return this.#found.size >= maxProblems;
  }

  get size(): number {
    return this.#found.size;
  }

  /** In order of file, line, column; where those are equal, in the order found. */
  sorted(): Problem[] {
    return [...this.#found.values()].sort(byPlace);
  }

  [Symbol.iterator](): Iterator<Problem> {
    return this.sorted()[Symbol.iterator]();
  }

  /** One line a problem, then a summary line; an empty string when there is none. */
  format(limit = 200): string {
    if (this.size === 0) return "";
    const sorted = this.sorted();
    const lines = sorted.slice(0, limit).map(formatProblem);
    if (sorted.length > limit) lines.push(`… and ${sorted.length - limit} more`);
    return `${[...lines, this.summary()].join("\n")}\n`;
  }

  /** As in `2 errors, 1 warning`. */
  summary(): string {
    const warnings = this.size - this.#errors;
    const parts: string[] = [];
    if (this.#errors > 0 || warnings === 0) parts.push(count(this.#errors, "error"));
    if (warnings > 0) parts.push(count(warnings, "warning"));
    return parts.join(", ");
  }
}

function count(n: number, noun: string): string {
  return n === 1 ? `1 ${noun}` : `${n} ${noun}s`;
}

function byPlace(a: Problem, b: Problem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}
