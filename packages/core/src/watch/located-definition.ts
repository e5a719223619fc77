/** Definitions from bundles say where in their sources `create` threw: the sentence that explains why an edit was not taken. */
import { placeOf } from "./bundle-stacks.ts";

type Create = (...parameters: readonly unknown[]) => unknown;

const located = new WeakMap<object, object>();

/** The same definition for the same definition. */
export function locatedDefinition(definition: unknown): unknown {
  if (typeof definition !== "object" || definition === null) return definition;
  const { create } = definition as { readonly create?: unknown };
  if (typeof create !== "function") return definition;
  let made = located.get(definition);
  if (made === undefined) {
    made = Object.freeze({ ...definition, create: locating(create as Create) });
    located.set(definition, made);
  }
  return made;
}

function locating(create: Create): Create {
  return (...parameters) => {
    try {
      const made = create(...parameters);
      return made instanceof Promise ? made.catch(rethrow) : made;
    } catch (error) {
      return rethrow(error);
    }
  };
}

function rethrow(error: unknown): never {
  throw locatedError(error);
}

/** With the place in its message, where the error comes from a bundle. */
export function locatedError(error: unknown): unknown {
  const place = placeOf(error);
  if (place === undefined) return error;
  return new Error(`${(error as Error).message} (${place})`, { cause: error });
}
