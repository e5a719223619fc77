/** In place of a value: what was there was wrong, and is reported. */
export const failed: unique symbol = Symbol("failed");
