/**
 * `sluice routes`: the route tables of a configuration; with `--check`, a table of expectations held against them. Ends with 0, with 1 where an expectation is
 * not met, with 2 where the configuration or the table is wrong.
 */
import { loadConfig } from "../config/index.ts";
import { Problems } from "../config/problems.ts";
import { ExplainError, Explainer } from "../explain/explain.ts";
import { formatFailures } from "../explain/format-failures.ts";
import { judgeRoutes } from "../explain/judge-routes.ts";
import { formatRoutes, listRoutes } from "../explain/list-routes.ts";
import { readRouteChecks } from "../explain/route-checks.ts";
import { loadBuiltins } from "./builtin.ts";
import type { Streams } from "./program.ts";

export interface RoutesFlags {
  readonly check?: string;
  readonly listener?: string;
  readonly json?: boolean;
  readonly allowUnsupported?: boolean;
}

const EXIT_FAILED = 1;
const EXIT_CONFIG = 2;

export async function routesCommand(file: string, flags: RoutesFlags, { out, err }: Streams): Promise<number> {
  const registry = await loadBuiltins();
  const { config, problems } = await loadConfig({ file }, { ...flags, registry });
  if (problems.size > 0) err(problems.format());
  if (config === null) return EXIT_CONFIG;
  try {
    if (flags.check === undefined) {
      const listed = listRoutes(config, flags.listener);
      out(flags.json === true ? `${JSON.stringify(listed, null, 2)}\n` : formatRoutes(listed));
      return 0;
    }
    const found = new Problems();
    const checks = await readRouteChecks(flags.check, found);
    if (found.size > 0) err(found.format());
    if (checks === undefined) return EXIT_CONFIG;
    const asked = checks.map((check) => ({ ...check, listener: check.listener ?? flags.listener }));
    const failed = judgeRoutes(new Explainer(config, registry), asked);
    out(flags.json === true ? `${JSON.stringify(failed, null, 2)}\n` : formatFailures(failed, checks.length));
    return failed.length === 0 ? 0 : EXIT_FAILED;
  } catch (error) {
    if (!(error instanceof ExplainError)) throw error;
    err(`${file}: ${error.message}\n`);
    return EXIT_CONFIG;
  }
}
