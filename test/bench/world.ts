// Runs `sluice bench` in this process and reads what it says.
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BenchReport } from "../../packages/core/src/bench/types.ts";
import { type BenchFlags, benchCommand } from "../../packages/core/src/cli/bench.ts";
import { run } from "../../packages/core/src/cli/program.ts";
import { FIXTURE } from "./known-cost.ts";

export interface BenchRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Of `--json`. */
  report(): BenchReport;
}

export async function bench(...argv: readonly string[]): Promise<BenchRun> {
  let out = "";
  let err = "";
  const code = await run(["bench", ...argv], { out: (text) => (out += text), err: (text) => (err += text) });
  return { code, out, err, report: () => JSON.parse(out) as BenchReport };
}

/** Enough to tell a filter from one that costs a third more; a tenth of what the command takes. */
const QUICK = { batches: 24, limitMs: 60, warmUpMs: 15, most: 1 };

export async function quickBench(target: string, flags: Omit<BenchFlags, "effort">): Promise<BenchRun> {
  let out = "";
  let err = "";
  const streams = { out: (text: string) => void (out += text), err: (text: string) => void (err += text) };
  const code = await benchCommand(target, { ...flags, effort: QUICK }, streams);
  return { code, out, err, report: () => JSON.parse(out) as BenchReport };
}

/** A filter package of its own, outside of the repository: the filter of known cost. */
export class FilterPackage implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(bench: object = {}): Promise<FilterPackage> {
    const made = new FilterPackage(await mkdtemp(join(tmpdir(), "sluice-filter-")));
    await cp(fileURLToPath(FIXTURE), made.file("index.ts"));
    await made.profile(bench);
    return made;
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  /** What its package.json says under `sluice.bench`. */
  async profile(bench: object): Promise<void> {
    const manifest = { name: "known-cost", type: "module", exports: "./index.ts", sluice: { bench } };
    await writeFile(this.file("package.json"), JSON.stringify(manifest));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true });
  }
}
