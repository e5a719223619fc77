/**
 * A bundle as a module of this thread: compiled as a function, called once. Unlike what `import()` loads it is freed when nobody holds
 * what it exported.
 */
import { createRequire } from "node:module";
import { compileFunction, constants } from "node:vm";
import type { ModuleBundle } from "../config/model.ts";
import { keepSourceMap } from "./bundle-stacks.ts";

type Take = (name: string) => unknown;
type BundleFunction = (
  module: { exports: unknown },
  exports: unknown,
  external: (url: string) => Take,
  require: NodeJS.Require,
) => void;

const PARAMETERS = ["module", "exports", "__sluice_external", "require"];

/** What the module exports. @param url of the module's file: the base of its own `import()` and `require`. */
export async function loadBundle(url: string, bundle: ModuleBundle): Promise<unknown> {
  const { code, digest, map, externals, importsDynamically } = bundle;
  if (code === null) throw new TypeError(`${url} is no module of JavaScript`);
  const filename = `${url}?${digest}`;
  const run = compileFunction(code, PARAMETERS, {
    filename,
    // It is told as experimental when it is used; the bundles that do not need it stay quiet.
    ...(importsDynamically ? { importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER } : {}),
  }) as BundleFunction;
  const packages = new Map<string, Readonly<Record<string, unknown>>>();
  for (const each of externals) packages.set(each, (await import(each)) as Readonly<Record<string, unknown>>);
  const module = { exports: {} as unknown };
  keepSourceMap(filename, map, url, run);
  run(module, module.exports, (each) => (name) => packages.get(each)?.[name], createRequire(url));
  return module.exports;
}
