// The registry that golden cases are read with: the built-in filters as they ship.
import * as l4 from "@sluice/filters-l4";
import * as l7 from "@sluice/filters-l7";
import { Registry } from "../../../packages/core/src/registry/registry.ts";

export function builtinRegistry(): Registry {
  const registry = new Registry();
  const problems = [
    ...registry.add(l4.filters, "@sluice/filters-l4"),
    ...registry.add(l7.filters, "@sluice/filters-l7"),
  ];
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return registry;
}
