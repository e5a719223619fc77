/**
 * Modules of the user's own as bundles, by esbuild: local files and the sources of linked packages, each with the files that it imports as one
 * function body. Runs in main, under `run --watch` alone. What did not change since is not bundled again.
 */
import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildFailure, BuildResult, Message } from "esbuild";
import { BundleError, type Bundler } from "../config/bundler.ts";
import type { ModuleBundle } from "../config/model.ts";
import { type PluginFindings, bundlePlugin } from "./bundle-plugin.ts";
import { type ReadFiles, type Signature, changedOf, signatureOf } from "./file-signature.ts";

export type LoadEsbuild = () => Promise<typeof import("esbuild")>;

interface Made {
  readonly bundle: ModuleBundle;
  readonly files: ReadonlyMap<string, Signature>;
}

/** Errors of one build that a message tells. */
const MAX_ERRORS = 5;

export class ModuleBundler implements Bundler {
  readonly #loadEsbuild: LoadEsbuild;
  readonly #made = new Map<string, Made>();
  #esbuild: typeof import("esbuild") | null = null;
  /** Where files are noted before they are read; a new one for each load of the configuration. */
  files: ReadFiles;

  constructor(files: ReadFiles, loadEsbuild: LoadEsbuild = () => import("esbuild")) {
    this.files = files;
    this.#loadEsbuild = loadEsbuild;
  }

  async bundle(url: string): Promise<ModuleBundle | null> {
    const path = this.#realPath(fileURLToPath(url));
    if (isInstalled(path)) return null;
    const known = this.#made.get(path);
    if (known !== undefined && changedOf(known.files).length === 0) {
      for (const [file, signature] of known.files) this.files.noteAs(file, signature);
      return known.bundle;
    }
    const files = new Map<string, Signature>();
    const note = (file: string): void => {
      if (!files.has(file)) files.set(file, signatureOf(file));
      this.files.noteAs(file, files.get(file)!);
    };
    const bundle = path.endsWith(".wasm") ? bundleOfComponent(path, note) : await this.#build(path, note);
    this.#made.set(path, { bundle, files });
    return bundle;
  }

  missing(path: string): void {
    this.files.note(path);
  }

  /** Ends esbuild's process. */
  async close(): Promise<void> {
    await this.#esbuild?.stop();
  }

  /** A file may go between the look for it and this one: editors remove and write. */
  #realPath(path: string): string {
    try {
      return realpathSync(path);
    } catch (error) {
      this.missing(path);
      throw new BundleError((error as Error).message);
    }
  }

  async #build(path: string, onFile: (file: string) => void): Promise<ModuleBundle> {
    const esbuild = await this.#load();
    const findings: PluginFindings = { onFile, externals: new Set(), importsDynamically: false };
    let result: BuildResult<{ write: false }>;
    try {
      result = await esbuild.build({
        entryPoints: [path],
        outfile: `${path}.bundle.js`,
        absWorkingDir: process.cwd(),
        bundle: true,
        write: false,
        format: "cjs",
        platform: "node",
        target: "esnext",
        sourcemap: "external",
        sourcesContent: false,
        legalComments: "none",
        charset: "utf8",
        logLevel: "silent",
        define: { "import.meta": "__sluice_meta" },
        // As Node reads TypeScript: no tsconfig.json, and what is imported must be there.
        tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, target: "esnext" } },
        plugins: [bundlePlugin(findings)],
      });
    } catch (error) {
      // A file that esbuild never got to read (the entry is gone) has to be watched too.
      onFile(path);
      throw new BundleError(failureText(error));
    }
    const [map, code] = [".js.map", ".js"].map(
      (end) => result.outputFiles.find((file) => file.path.endsWith(end))!.text,
    );
    return {
      digest: digestOf(code!, map!),
      code: code!,
      map: map!,
      externals: [...findings.externals],
      importsDynamically: findings.importsDynamically,
    };
  }

  async #load(): Promise<typeof import("esbuild")> {
    try {
      return (this.#esbuild ??= await this.#loadEsbuild());
    } catch {
      throw new BundleError("run --watch needs esbuild, which is not installed here: npm install --save-dev esbuild");
    }
  }
}

/** A package that npm put there: its files change only with an installation. One that is linked is the user's own. */
function isInstalled(path: string): boolean {
  return path.includes(`${sep}node_modules${sep}`);
}

/** A component is no module of JavaScript: its loader reads it, and the digest tells that it has to. */
function bundleOfComponent(path: string, onFile: (file: string) => void): ModuleBundle {
  onFile(path);
  try {
    const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
    return { digest, code: null, map: "", externals: [], importsDynamically: false };
  } catch (error) {
    throw new BundleError((error as Error).message);
  }
}

function digestOf(code: string, map: string): string {
  return createHash("sha256").update(code).update(map).digest("hex").slice(0, 16);
}

function failureText(error: unknown): string {
  const { errors } = error as Partial<BuildFailure>;
  if (errors === undefined || errors.length === 0) return error instanceof Error ? error.message : String(error);
  const shown = errors.slice(0, MAX_ERRORS).map(messageText);
  if (errors.length > MAX_ERRORS) shown.push(`and ${errors.length - MAX_ERRORS} more`);
  return shown.join("; ");
}

function messageText({ text, location }: Message): string {
  if (location === null) return text;
  return `${shownPath(location.file)}:${location.line}:${location.column + 1} ${text}`;
}

/** esbuild's paths are relative to the working directory already; those far outside of it are clearer in full. */
function shownPath(file: string): string {
  return relative(process.cwd(), file).startsWith(`..${sep}..`)
    ? fileURLToPath(new URL(file, `file://${process.cwd()}/`))
    : file;
}
