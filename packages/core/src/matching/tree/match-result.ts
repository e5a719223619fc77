/** What matching comes to, beside an action. */

/** Something that the decision hangs on is not there yet: to be asked again with more. */
export const NOT_YET: unique symbol = Symbol("not yet");

export const NO = 0;
export const YES = 1;
export const UNKNOWN = 2;

/** Is told of matches that do not end the matching (`keep_matching`). */
export type SkippedMatch<Action> = (action: Action) => void;
