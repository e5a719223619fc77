/** `sluice translate`: the Envoy v3 bootstrap that a configuration means. Problems go to standard error. */
import { translateConfig } from "../config/index.ts";
import { loadBuiltins } from "./builtin.ts";
import type { Streams } from "./program.ts";

export interface TranslateFlags {
  readonly allowUnsupported?: boolean;
  readonly format: "yaml" | "json";
}

export async function translateCommand(file: string, options: TranslateFlags, { out, err }: Streams): Promise<number> {
  const { text, problems } = await translateConfig({ file }, { ...options, registry: await loadBuiltins() });
  if (problems.size > 0) err(problems.format());
  if (text === null) return 1;
  out(text);
  return 0;
}
