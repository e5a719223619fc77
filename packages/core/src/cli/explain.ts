/** `sluice explain`: what the proxy would do with a request and why. Ends with 0, or with 2 where the configuration or the question is wrong. */
import { loadConfig } from "../config/index.ts";
import { explain, ExplainError } from "../explain/explain.ts";
import { formatExplanation } from "../explain/format-explanation.ts";
import { loadBuiltins } from "./builtin.ts";
import type { Streams } from "./program.ts";

export interface ExplainFlags {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly header: readonly string[];
  readonly listener?: string;
  readonly json?: boolean;
  readonly allowUnsupported?: boolean;
}

const EXIT_CONFIG = 2;

export async function explainCommand(file: string, flags: ExplainFlags, { out, err }: Streams): Promise<number> {
  const registry = await loadBuiltins();
  const { config, problems } = await loadConfig({ file }, { ...flags, registry });
  if (problems.size > 0) err(problems.format());
  if (config === null) return EXIT_CONFIG;
  const { method, host, path } = flags;
  try {
    const request = { method, host, path, headers: flags.header.map(parseHeader) };
    const found = explain(config, registry, request, flags.listener);
    out(flags.json === true ? `${JSON.stringify(found, null, 2)}\n` : found.map(formatExplanation).join("\n"));
    return 0;
  } catch (error) {
    if (!(error instanceof ExplainError)) throw error;
    err(`${file}: ${error.message}\n`);
    return EXIT_CONFIG;
  }
}

/** As curl takes them. */
function parseHeader(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  if (colon < 1) throw new ExplainError(`-H ${JSON.stringify(line)}: expected 'name: value'`);
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}
