/** What a conformance suite is made of, for any test runner: `for (const check of checks) test(check.name, check.run)`. */

export interface ConformanceCheck {
  /** A sentence: what the filter keeps to. */
  readonly name: string;
  /** Rejects with a {@link ConformanceError} that tells where the filter does not. */
  readonly run: () => Promise<void>;
}

let last: Promise<void> = Promise.resolve();

/** One check after the other, however a runner starts them: they look at memory, handles and uncaught errors of the whole process. */
export function inTurn(run: () => Promise<void>): Promise<void> {
  const mine = last.then(run);
  last = mine.catch(() => {});
  return mine;
}

/** A filter does not keep a rule. */
export class ConformanceError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConformanceError";
  }
}

export function fail(message: string): never {
  throw new ConformanceError(message);
}

export function expect(holds: boolean, message: string | (() => string)): void {
  if (!holds) fail(typeof message === "string" ? message : message());
}

/** Same value, told in JSON where it is not. */
export function expectSame(found: unknown, expected: unknown, where: string): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) fail(`${where}: got ${short(one)}, expected ${short(other)}`);
}

function short(text: string): string {
  return text.length > 600 ? `${text.slice(0, 600)}… (${text.length} characters)` : text;
}
