/** What the long form lacks because the adapter found the short form wrong, and told so, is not told again. */
import type { Problem, Problems } from "../problems.ts";

/** Adds what was found in the long form to what was found in the short one. */
export function addWithoutEchoes(found: Problems, told: Problems): void {
  const errors = [...told].filter(({ severity }) => severity === "error");
  for (const problem of found) if (!errors.some((error) => isEcho(problem, error))) told.add(problem);
}

/** At the same place: a contradiction or a gap; above it: a gap; beside it in a list: a missing neighbour. */
function isEcho({ code, path }: Problem, wrong: Problem): boolean {
  if (code === "ERR_CONFIG_REQUIRED") return path === "" || isWithin(wrong.path, path);
  if (code === "ERR_CONFIG_ORDER") return isWithin(wrong.path, path.slice(0, path.lastIndexOf("[")));
  const isContradiction = code === "ERR_CONFIG_ONEOF" || code === "ERR_CONFIG_CONFLICT";
  return isContradiction && wrong.code === "ERR_CONFIG_ONEOF" && path === wrong.path;
}

function isWithin(path: string, holder: string): boolean {
  return path === holder || path.startsWith(`${holder}.`) || path.startsWith(`${holder}[`);
}
