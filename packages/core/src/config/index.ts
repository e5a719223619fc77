/** The configuration's one door: a file, text or object in either form becomes the compiled model, or all of its problems. */
import { dirname, extname, resolve } from "node:path";
import { stringify } from "yaml";
import type { Registry } from "../registry/registry.ts";
import { compileBootstrap } from "./compile/bootstrap.ts";
import { CompileContext } from "./compile/context.ts";
import { srvType } from "./compile/discovery/srv.ts";
import { debugTraceType, filterCostType } from "./compile/observe.ts";
import { filterOptionsType } from "./compile/filter-options.ts";
import { formOf } from "./door.ts";
import { bind, type BindOptions } from "./envoy/bind.ts";
import type { Bootstrap } from "./envoy/generated/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { Bundler } from "./bundler.ts";
import { extensionType, loadExtensions } from "./extensions.ts";
import type { CompiledConfig } from "./model.ts";
import { readModule, sourceOfValue } from "./module-source.ts";
import { Problems } from "./problems.ts";
import { adaptShortForm } from "./short/adapt.ts";
import { addWithoutEchoes } from "./short/echoes.ts";
import { parseSource } from "./source/parse-source.ts";
import { readSource } from "./source/read-source.ts";
import type { JsonObject, Source } from "./source/source.ts";
import { supportTable } from "./supported.ts";

export { defineConfig } from "./define-config.ts";
export type { SluiceConfig } from "./define-config.ts";

/** `-` as a file is standard input. Names of texts and values stand in problems. */
export type ConfigSource =
  | { readonly file: string }
  | { readonly text: string; readonly name: string }
  | { readonly value: unknown; readonly name: string };

export interface LoadOptions {
  /** The filters that are known already; what the configuration's own extensions bring is added to it. */
  readonly registry: Registry;
  /** What Envoy has and Sluice does not is a warning and left out, instead of an error. */
  readonly allowUnsupported?: boolean;
  /** Under `run --watch`: bundles modules of the user's own. */
  readonly bundler?: Bundler | undefined;
}

export interface LoadedConfig {
  /** null where there is an error among the problems. */
  readonly config: CompiledConfig | null;
  readonly problems: Problems;
}

/** Reads, checks and compiles a configuration in either form. Never throws for what is in it. */
export async function loadConfig(source: ConfigSource, options: LoadOptions): Promise<LoadedConfig> {
  const problems = new Problems();
  const read = await readConfig(source, options, problems);
  if (read === undefined || !hasRoot(read)) return { config: null, problems };
  const config = await compile(read, directoryOf(source), options, problems);
  return { config: problems.hasErrors ? null : config, problems };
}

/** The Envoy v3 bootstrap that a configuration means, as YAML (or JSON); null where there is an error among the problems. */
export async function translateConfig(
  source: ConfigSource,
  options: LoadOptions & { readonly format?: "yaml" | "json" },
): Promise<{ readonly text: string | null; readonly problems: Problems }> {
  const { config, problems } = await loadConfig(source, options);
  if (config === null) return { text: null, problems };
  const text =
    options.format === "json"
      ? `${JSON.stringify(config.bootstrap, null, 2)}\n`
      : stringify(config.bootstrap, { lineWidth: 120 });
  return { text, problems };
}

/** Loads the extensions that a configuration names and looks no further: as written → URL of the module, null where it could not be loaded. */
export async function extensionsOf(
  source: ConfigSource,
  options: LoadOptions,
): Promise<{ readonly extensions: ReadonlyMap<string, string | null>; readonly problems: Problems }> {
  const problems = new Problems();
  const read = await readConfig(source, options, problems);
  if (read === undefined || !hasRoot(read)) return { extensions: new Map(), problems };
  const { registry, bundler } = options;
  const loaded = await loadExtensions(read.root, read, directoryOf(source), registry, problems, bundler);
  return { extensions: loaded.bySpecifier, problems };
}

type ReadSource = Source & { readonly root: JsonObject };

function hasRoot(source: Source): source is ReadSource {
  return source.root !== undefined;
}

async function readConfig(
  source: ConfigSource,
  { registry, bundler }: LoadOptions,
  problems: Problems,
): Promise<Source | undefined> {
  if ("text" in source) return parseSource(source.text, source.name, problems);
  if ("value" in source) return sourceOfValue(source.value, source.name, problems);
  if (isModule(source.file)) {
    return readModule(source.file, problems, async (url) =>
      registry.import({ url, bundle: (await bundler?.bundle(url)) ?? undefined }),
    );
  }
  return readSource(source.file, problems);
}

/** Whether a configuration is a module, as `sluice.config.ts` is. */
export function isModule(file: string): boolean {
  return /^\.[mc]?[jt]s$/.test(extname(file));
}

/** Where relative names of files and modules begin. */
function directoryOf(source: ConfigSource): string {
  return "file" in source && source.file !== "-" ? dirname(resolve(source.file)) : process.cwd();
}

async function compile(
  source: ReadSource,
  directory: string,
  options: LoadOptions,
  problems: Problems,
): Promise<CompiledConfig | null> {
  const { registry, allowUnsupported = false } = options;
  const form = formOf(source, problems);
  if (form === undefined) return null;
  const extensions = await loadExtensions(source.root, source, directory, registry, problems, options.bundler);
  const long =
    form === "short"
      ? adaptShortForm(source, { problems, registry, allowUnsupported, directory, extensions: extensions.bySpecifier })
      : source;
  if (long.root === undefined) return null;
  const definitions = registry.all().map(({ definition }) => definition);
  const found = form === "short" ? new Problems() : problems;
  const binding: BindOptions = {
    supported: supportTable(definitions.flatMap(({ messages }) => (messages === undefined ? [] : [messages]))),
    allowUnsupported,
    extensionTypes: new Set([
      ...definitions.map(({ id }) => id),
      filterOptionsType,
      extensionType,
      filterCostType,
      debugTraceType,
      srvType,
    ]),
    problems: found,
  };
  const tree = bind<Bootstrap>("envoy.config.bootstrap.v3.Bootstrap", long.root, long, binding);
  const context = new CompileContext({
    tree,
    locator: long,
    binding,
    registry,
    strict: form === "short",
    directory: process.cwd(),
  });
  const config = compileBootstrap(context, tree.root, extensions.modules);
  if (found !== problems) addWithoutEchoes(found, problems);
  return config;
}
