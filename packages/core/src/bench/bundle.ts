/**
 * A module with everything that it imports as one file, so that an old version can be run again beside a new one. esbuild is an optional peer; what cannot be
 * bundled (no esbuild, native addons) is measured all the same, and compared by stored numbers.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import type { SubjectModule } from "./types.ts";

export interface BundledModule {
  readonly specifier: string;
  /** SHA-256 of the code, in hex: equal digests are equal filters. */
  readonly digest: string;
  /** gzip, in base64. */
  readonly code: string;
}

/** Beyond it a baseline is no file for a repository. */
const MAX_CODE_BYTES = 4 * 1024 * 1024;
/** CommonJS that was bundled asks for built-in modules by `require`. */
const BANNER =
  'import { createRequire as __sluiceRequire } from "node:module"; const require = __sluiceRequire(import.meta.url);';

/** The bundles, or a sentence that says why there are none. */
export async function bundleModules(
  modules: readonly SubjectModule[],
): Promise<{ readonly bundles: readonly BundledModule[] } | { readonly problem: string }> {
  let esbuild: typeof import("esbuild");
  try {
    esbuild = await import("esbuild");
  } catch {
    return { problem: "esbuild is not installed (npm install --save-dev esbuild)" };
  }
  const bundles: BundledModule[] = [];
  for (const { specifier, url } of modules) {
    const path = fileURLToPath(url);
    const entry = JSON.stringify(path);
    try {
      const built = await esbuild.build({
        stdin: {
          contents: `import * as all from ${entry};\nexport default all.default ?? all.filters;\n`,
          resolveDir: join(path, ".."),
        },
        bundle: true,
        write: false,
        format: "esm",
        platform: "node",
        target: "node22",
        charset: "utf8",
        legalComments: "none",
        conditions: givenConditions(),
        banner: { js: BANNER },
        logLevel: "silent",
      });
      const code = built.outputFiles[0]!.contents;
      if (code.length > MAX_CODE_BYTES) return { problem: `${specifier} is ${code.length} bytes as one file` };
      bundles.push({
        specifier,
        digest: createHash("sha256").update(code).digest("hex"),
        code: gzipSync(code).toString("base64"),
      });
    } catch (error) {
      return { problem: `${specifier} cannot be put into one file: ${firstLine(error)}` };
    }
  }
  return { bundles };
}

/** Writes bundles where a process can import them. */
export function unpackBundles(bundles: readonly BundledModule[], directory: string): SubjectModule[] {
  mkdirSync(directory, { recursive: true });
  return bundles.map(({ specifier, code }, i) => {
    const file = join(directory, `${i}.mjs`);
    writeFileSync(file, gunzipSync(Buffer.from(code, "base64")));
    return { specifier, url: pathToFileURL(file).href };
  });
}

/** Those that this process was started with, so that a checkout is bundled from its sources. */
function givenConditions(): string[] {
  const given = [...process.execArgv, ...(process.env["NODE_OPTIONS"] ?? "").split(/\s+/)];
  return ["module-sync", ...given.flatMap((arg) => /^(?:--conditions=|-C=?)(.+)$/.exec(arg)?.[1] ?? [])];
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n").find((line) => line.includes("ERROR")) ?? text.split("\n")[0] ?? "";
}
