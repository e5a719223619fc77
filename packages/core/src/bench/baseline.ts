/**
 * The file of `--save` and `--compare`: what was measured, its code, and its numbers. The code is what matters: an old version is measured again beside the new
 * one, in the same processes, since numbers of two days on one machine differ by more than most changes do.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { BundledModule } from "./bundle.ts";
import { BenchError, type BenchReport, type Subject } from "./types.ts";

const FORMAT = 1;

export interface Baseline {
  readonly format: typeof FORMAT;
  readonly target: string;
  readonly savedAt: string;
  readonly node: string;
  readonly sluice: string;
  readonly machine: string;
  /** Digest of the requests and responses. */
  readonly traffic: string;
  readonly chain: Omit<Subject, "modules">;
  /** null: it could not be stored; `noCode` says why. */
  readonly code: readonly BundledModule[] | null;
  readonly noCode: string;
  readonly numbers: {
    /** Per request over the empty chain: median and quartiles. */
    readonly ns: BenchReport["total"]["ns"];
    readonly bytes: number;
    readonly referenceNs: number;
  };
}

/** @throws BenchError where it is no baseline. */
export function readBaseline(file: string): Baseline {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new BenchError(
      `the baseline ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const format = (value as Partial<Baseline> | null)?.format;
  if (format !== FORMAT) {
    throw new BenchError(`${file} is no baseline of this version, expected a file that sluice bench --save wrote`);
  }
  return value as Baseline;
}

export function writeBaseline(file: string, baseline: Omit<Baseline, "format">): void {
  try {
    writeFileSync(file, `${JSON.stringify({ format: FORMAT, ...baseline }, null, 2)}\n`);
  } catch (error) {
    throw new BenchError(
      `the baseline ${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
