// Versions that were swapped out are freed: 2 000 swaps of a filter of 200 KB, each with a request, under a heap limit of 150 MB. What `import()` loads would stay.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const SWAPS = 2000;
const SCRIPT = fileURLToPath(new URL("./support/swap-process.ts", import.meta.url));
const LIMITS = ["--max-old-space-size=150", "--max-semi-space-size=8"];

interface Look {
  readonly swaps: number;
  readonly heap: number;
  readonly bytes: number;
}

test(`${SWAPS} swaps leave the heap as it was after 500`, { timeout: 240_000 }, async () => {
  const argv = ["--conditions=sluice-source", "--expose-gc", ...LIMITS, SCRIPT, String(SWAPS)];
  const { stdout } = await promisify(execFile)(process.execPath, argv);
  const looks = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Look);
  expect(looks.map(({ swaps }) => swaps)).toEqual([500, 1000, 1500, 2000]);
  expect(looks[0]!.bytes).toBeGreaterThan(200_000);
  expect(looks.at(-1)!.heap / looks[0]!.heap).toBeLessThan(1.05);
});
