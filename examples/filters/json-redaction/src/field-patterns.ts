/** Which fields are meant: names that count anywhere, and paths from the top of the document. */
export class FieldPatterns {
  /** The longest that a name of one of the fields can be when all of it is escaped, in bytes. */
  readonly longestEscaped: number;
  readonly #anywhere: ReadonlySet<string>;
  readonly #paths: readonly (readonly string[])[];

  constructor(fields: readonly string[]) {
    const split = fields.map((field) => field.split("."));
    this.#anywhere = new Set(split.filter(({ length }) => length === 1).map(([name]) => name!));
    this.#paths = split.filter(({ length }) => length > 1);
    // \uXXXX for each unit of UTF-16.
    this.longestEscaped = 6 * Math.max(...split.flat().map(({ length }) => length));
  }

  /** `stack`: for each open bracket the name that was read last in it, null for arrays, which paths do not name. */
  match(stack: readonly (string | null)[]): boolean {
    if (this.#anywhere.has(stack.at(-1)!)) return true;
    for (const path of this.#paths) if (isPath(path, stack)) return true;
    return false;
  }
}

function isPath(path: readonly string[], stack: readonly (string | null)[]): boolean {
  let next = 0;
  for (const name of stack) {
    if (name === null) continue;
    if (name !== path[next]) return false;
    next++;
  }
  return next === path.length;
}
