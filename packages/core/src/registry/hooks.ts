/** Whether what a filter's `create` returned has only hooks that the engine knows: a misspelt hook would never be called. */
import {
  type DefinitionKind,
  DISCOVERY_HOOKS,
  HTTP_FILTER_HOOKS,
  LISTENER_FILTER_HOOKS,
  NETWORK_FILTER_HOOKS,
} from "@sluice/sdk";
import { didYouMean } from "../config/did-you-mean.ts";

const HOOKS: Readonly<Record<DefinitionKind, readonly string[]>> = {
  http: HTTP_FILTER_HOOKS,
  network: NETWORK_FILTER_HOOKS,
  listener: LISTENER_FILTER_HOOKS,
  discovery: DISCOVERY_HOOKS,
};

/** The problem as a sentence that names filter and hook; null when there is none. Also looks at methods of a class. */
export function checkHooks(kind: DefinitionKind, id: string, filter: unknown): string | null {
  if (typeof filter !== "object" || filter === null) {
    return `${id}: create returned ${filter === null ? "null" : typeof filter}, expected an object of hooks`;
  }
  const known = HOOKS[kind];
  for (const name of functionNames(filter)) {
    const value: unknown = Reflect.get(filter, name);
    if (known.includes(name)) {
      if (value !== undefined && typeof value !== "function")
        return `${id}: hook "${name}" is ${typeof value}, expected a function`;
      continue;
    }
    // A filter that is an object of a class may have fields and helpers of its own; only what looks like a hook is judged there.
    if (Object.getPrototypeOf(filter) !== Object.prototype && !/^on[A-Z]/.test(name)) continue;
    const suggestion = didYouMean(name, known);
    return `${id}: unknown hook "${name}"${suggestion === undefined ? "" : `; did you mean "${suggestion}"?`}`;
  }
  return null;
}

function functionNames(filter: object): Set<string> {
  const names = new Set<string>();
  for (
    let holder: object | null = filter;
    holder !== null && holder !== Object.prototype;
    holder = Object.getPrototypeOf(holder) as object | null
  ) {
    for (const name of Object.getOwnPropertyNames(holder)) if (name !== "constructor") names.add(name);
  }
  return names;
}
