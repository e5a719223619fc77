/** Compiles C against sluice-filter.h to a core module, without a C library. `CLANG` names the compiler. @default clang-19 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wit } from "./component.ts";

const flags = [
  "--target=wasm32",
  "-O2",
  "-nostdlib",
  "-mbulk-memory",
  "-Wall",
  "-Werror",
  "-Wno-unused-function",
  "-Wl,--no-entry",
  "-Wl,--strip-all",
];

export function buildC(source: string): Uint8Array {
  const work = mkdtempSync(join(tmpdir(), "sluice-clang-"));
  try {
    const out = join(work, "core.wasm");
    execFileSync(process.env["CLANG"] ?? "clang-19", [...flags, `-I${wit}`, "-o", out, source], { stdio: "inherit" });
    return readFileSync(out);
  } finally {
    rmSync(work, { recursive: true });
  }
}
