/** Checks on lists that have to be free of repetitions, and texts of choices. */
import type { CompileContext, Field } from "./context.ts";

/** Reports every later one of equal names; `what` as in `the listener`. */
export class Uniqueness {
  readonly #context: CompileContext;
  readonly #what: string;
  readonly #seen = new Map<string, Field>();

  constructor(context: CompileContext, what: string) {
    this.#context = context;
    this.#what = what;
  }

  /** Whether `name` is new. */
  add(name: string, at: Field): boolean {
    const first = this.#seen.get(name);
    if (first === undefined) {
      this.#seen.set(name, at);
      return true;
    }
    const { line, path } = this.#context.at(first);
    const where = line > 0 ? `on line ${line}` : `at ${path}`;
    this.#context.error(at, "ERR_CONFIG_CONFLICT", `${this.#what} "${name}" is there already, ${where}`);
    return false;
  }
}
