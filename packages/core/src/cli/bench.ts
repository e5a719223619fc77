/** `sluice bench`: what a filter costs, and whether it costs more than it did. Ends with 0, with 1 on a regression, with 2 where nothing could be measured. */
import { isRegression } from "../bench/compare.ts";
import { type BenchOptions, runBench } from "../bench/run-bench.ts";
import { markdownLine, textReport } from "../bench/text-report.ts";
import { BenchError } from "../bench/types.ts";
import { builtinModules, loadBuiltins } from "./builtin.ts";
import type { Streams } from "./program.ts";

export interface BenchFlags extends Omit<BenchOptions, "onProgress"> {
  readonly json?: boolean;
  readonly markdown?: boolean;
}

const EXIT_REGRESSION = 1;
const EXIT_UNUSABLE = 2;

export async function benchCommand(target: string, flags: BenchFlags, { out, err }: Streams): Promise<number> {
  const { json, markdown, ...rest } = flags;
  const isTerminal = process.stderr.isTTY;
  const options: BenchOptions = { ...rest, ...(isTerminal ? { onProgress: err } : {}) };
  try {
    const builtins = { modules: builtinModules(), registry: await loadBuiltins() };
    const report = await runBench(target, process.cwd(), builtins, options);
    if (json === true) out(`${JSON.stringify(report, null, 2)}\n`);
    else out(markdown === true ? markdownLine(report) : textReport(report));
    return isRegression(report.comparison) ? EXIT_REGRESSION : 0;
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    err(`${error.message}\n`);
    return EXIT_UNUSABLE;
  }
}
