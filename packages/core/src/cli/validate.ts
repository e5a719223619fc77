/** `sluice validate`: every problem of a configuration, or none. */
import { loadConfig } from "../config/index.ts";
import { loadBuiltins } from "./builtin.ts";
import type { Streams } from "./program.ts";

export async function validateCommand(
  file: string,
  options: { readonly allowUnsupported?: boolean },
  { out }: Streams,
): Promise<number> {
  const { config, problems } = await loadConfig({ file }, { ...options, registry: await loadBuiltins() });
  if (problems.size > 0) out(problems.format());
  return config === null ? 1 : 0;
}
