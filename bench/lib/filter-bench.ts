/** Runs `sluice bench … --json` as anybody would, and reads its report. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { BenchReport } from "../../packages/core/src/bench/types.ts";

/** From the sources where this process resolves to them, else what was built. */
export async function benchFilters(argv: readonly string[]): Promise<BenchReport> {
  const isSource = import.meta.resolve("@sluice/core").endsWith(".ts");
  const cli = new URL(
    isSource ? "../../packages/core/src/cli/main.ts" : "../../packages/core/dist/cli.js",
    import.meta.url,
  );
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(cli), "bench", ...argv, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject).once("close", resolve);
  const code = await promise;
  if (code !== 0) throw new Error(`sluice bench ended with ${code ?? "a signal"}`);
  return JSON.parse(out) as BenchReport;
}
