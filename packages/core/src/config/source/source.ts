/**
 * A configuration's plain value with the way back to where each part of it was written.
 * Values know nothing of their origin; a source finds it by the object or array that holds a value and its key there.
 */
import type { Json } from "../model.ts";
import type { Location } from "../problems.ts";

export type JsonObject = { [key: string]: Json };

/** Which end of an entry is meant: `cluster: web` has its key and its value. */
export type Part = "key" | "value";

/** Finds where a value was written. */
export interface Locator {
  readonly file: string;
  /**
   * The place of `container[key]`, or of the container itself without a key. A key that is not there gives the
   * container's position with the key's path; a container that is not of this source gives the file without a path.
   */
  locate(container: object, key?: string | number, part?: Part): Location;
}

/** A configuration that was read; `root` is undefined when it could not be, and the problems say why. */
export interface Source extends Locator {
  readonly root: JsonObject | undefined;
}
