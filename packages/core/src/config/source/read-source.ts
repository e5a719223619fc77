/** Reads a configuration file (`-`: standard input) with the position of all that is in it. */
import type { Problems } from "../problems.ts";
import { defaultLimits, type SourceLimits } from "./limits.ts";
import { parseSource } from "./parse-source.ts";
import { readText, shownName } from "./read-text.ts";
import type { Source } from "./source.ts";

/** Undefined, or a source without a root, when it could not be read: the problems say why. */
export async function readSource(
  file: string,
  problems: Problems,
  limits: SourceLimits = defaultLimits,
): Promise<Source | undefined> {
  const text = await readText(file, problems, limits);
  return text === undefined ? undefined : parseSource(text, shownName(file), problems, limits);
}
