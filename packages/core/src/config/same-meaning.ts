/**
 * Whether two parts of compiled configurations mean the same. Where a thing stands in its file is no part of what it means: a comment or a line above it must
 * not make its chains and clusters anew.
 */
import { isDeepStrictEqual } from "node:util";

/** What users wrote for their own schemas: compared as it is. */
const VERBATIM: ReadonlySet<string> = new Set(["config", "json"]);

export function sameMeaning(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  if (Array.isArray(a) || Array.isArray(b)) return sameItems(a, b);
  const prototype: unknown = Object.getPrototypeOf(a);
  if (prototype !== Object.prototype) return isDeepStrictEqual(a, b);
  return sameMembers(a as Members, b as Members);
}

type Members = Readonly<Record<string, unknown>>;

function sameItems(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return a.every((item, at) => sameMeaning(item, b[at]));
}

function sameMembers(a: Members, b: Members): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => {
    if (!Object.hasOwn(b, key)) return false;
    if (VERBATIM.has(key)) return isDeepStrictEqual(a[key], b[key]);
    // Of packed routes: their bytes hold places too.
    if (key === "slices" && typeof a["meaning"] === "string") return true;
    return (key === "place" && isPlace(a[key]) && isPlace(b[key])) || sameMeaning(a[key], b[key]);
  });
}

/** A route filter may be named "place" too. */
function isPlace(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as Members)["path"] === "string" &&
    typeof (value as Members)["position"] === "string"
  );
}
