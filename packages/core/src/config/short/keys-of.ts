/** Keys of a part of the short form. */

/** A compile error where a key of the type is missing or one is too many. */
export function keysOf<T>(keys: Record<keyof T & string, true>): ReadonlySet<string> {
  return new Set(Object.keys(keys));
}
