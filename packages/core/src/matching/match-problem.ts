/**
 * What a compile function of this folder returns instead of a matcher when its input cannot be one.
 * Data, not an exception: whoever reads the configuration knows the file and the field, and adds them.
 */
export class MatchProblem {
  /** What is wrong; a lower-case clause without a full stop. */
  readonly message: string;
  /** What would be right, without the word "expected". */
  readonly expected: string;
  /** Where: the offset in a pattern or template, the index in a list; -1 when it is the whole value. */
  readonly position: number;

  constructor(message: string, expected: string, position = -1) {
    this.message = message;
    this.expected = expected;
    this.position = position;
  }
}
