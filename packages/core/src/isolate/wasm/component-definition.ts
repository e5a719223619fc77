/**
 * A WebAssembly component of the world `sluice:filter` as a definition of an HTTP filter like any other. Making it runs none of the component's code: its description
 * is read from its file. `create` makes an instance for each chain and thread.
 */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type FilterContext, type HttpFilterDefinition, type JsonSchema, defineHttpFilter } from "@sluice/sdk";
import { WasmFormatError } from "./byte-reader.ts";
import { ComponentFilter } from "./component-filter.ts";
import { DESCRIPTION_SECTION, readComponentFile, type ComponentFile } from "./component-file.ts";
import { type ComponentOptions, componentDefaults, optionsOf } from "./component-options.ts";
import { ComponentStream } from "./component-stream.ts";
import { type ComponentDescription, readDescription } from "./description.ts";
import { type Instantiate, JcoGuest } from "./jco-guest.ts";
import type { MakeGuest } from "./live-instance.ts";
import { limitModule } from "./module-limits.ts";
import { PlainGuest, isPlain } from "./plain-guest.ts";
import { type TranspileOptions, transpile } from "./transpile.ts";
import { keepGenericWasmWrappers } from "../wasm-wrappers.ts";
import { wasiImports } from "./wasi.ts";
import { type CoreModule, Module, compile } from "./webassembly.ts";
import { HOOKS, IMPORTS, LIFECYCLE, PACKAGE, VERSION, interfaceName } from "./world.ts";

export type ComponentDefinition = HttpFilterDefinition<JsonSchema, JsonSchema | undefined, ComponentStream>;

export interface ComponentDefinitionOptions extends Partial<ComponentOptions>, Partial<TranspileOptions> {
  /** `jco`: general glue even where the component needs none. @default "auto" */
  readonly glue?: "auto" | "jco";
}

/** The module of a `.wasm` URL for the registry: `{ default: definition }`. @throws Error one sentence */
export async function importComponent(url: string): Promise<{ readonly default: ComponentDefinition }> {
  const path = fileURLToPath(new URL(new URL(url).pathname, url));
  return { default: await componentDefinition(path, { ...optionsOf(url), directory: dirname(path) }) };
}

/**
 * @param source the component, or the path of its file
 * @throws Error one sentence that says what is wrong with the component
 */
export async function componentDefinition(
  source: Uint8Array | string,
  options: ComponentDefinitionOptions = {},
): Promise<ComponentDefinition> {
  keepGenericWasmWrappers();
  const bytes = typeof source === "string" ? await readFile(source) : source;
  const { memoryBytes = componentDefaults.memoryBytes, grants = [], glue = "auto" } = options;
  const directory = options.directory ?? (typeof source === "string" ? dirname(source) : process.cwd());
  try {
    const file = readComponentFile(bytes);
    if (file.description === null)
      throw new WasmFormatError(`has no description: a custom section "${DESCRIPTION_SECTION}" with JSON`);
    const description = readDescription(file.description);
    checkWorld(file, description);
    const direct = glue === "auto" ? plainMaker(file, memoryBytes) : null;
    const prepare = direct ?? (await jcoMaker(bytes, { ...options, memoryBytes, grants, directory }, file.imports));
    return definitionOf(description, prepare);
  } catch (error) {
    if (error instanceof WasmFormatError) throw new Error(`the component ${error.message}`, { cause: error });
    throw error;
  }
}

/** Compiles what has to be compiled, once for a thread. */
type Prepare = () => Promise<MakeGuest>;

function definitionOf(description: ComponentDescription, prepare: Prepare): ComponentDefinition {
  const { config, routeConfig, ...stated } = description;
  let prepared: Promise<MakeGuest> | null = null;
  return defineHttpFilter<JsonSchema, JsonSchema | undefined, ComponentStream>({
    ...stated,
    config,
    ...(routeConfig === undefined ? {} : { routeConfig }),
    portable: true,
    newState: () => new ComponentStream(),
    create: async (value: unknown, context: FilterContext) => {
      const make = await (prepared ??= prepare());
      return new ComponentFilter(make, description, JSON.stringify(value), context).hooks();
    },
  });
}

function plainMaker(file: ComponentFile, memoryBytes: number): Prepare | null {
  if (file.plainModule === null) return null;
  const limited = limitModule(file.plainModule, memoryBytes);
  let module: CoreModule;
  try {
    module = new Module(limited);
  } catch (error) {
    throw new WasmFormatError(`has a core module that is not valid: ${sentence(error)}`);
  }
  if (!isPlain(module)) return null;
  return () => Promise.resolve((host) => new PlainGuest(module, host));
}

async function jcoMaker(
  bytes: Uint8Array,
  options: ComponentOptions & TranspileOptions,
  names: readonly string[],
): Promise<Prepare> {
  const { memoryBytes, grants } = options;
  const { script, modules } = await transpile(bytes, options);
  const limited = [...modules].map(([name, module]) => [name, limitModule(module, memoryBytes)] as const);
  const others = names.filter((name) => !name.startsWith(`${PACKAGE}/`));
  return async () => {
    const { instantiate } = (await import(pathToFileURL(script).href)) as { readonly instantiate: Instantiate };
    const compiled = new Map<string, CoreModule>();
    for (const [name, module] of limited) compiled.set(name, await compile(module));
    return (host) => new JcoGuest(instantiate, compiled, host, wasiImports(others, grants, host));
  };
}

/** Whether the component speaks this version of the world, and says what it needs. @throws WasmFormatError */
function checkWorld({ imports, exports }: ComponentFile, description: ComponentDescription): void {
  const faces = [LIFECYCLE, ...Object.values(HOOKS)].map(({ face }) => interfaceName(face));
  for (const name of exports) {
    if (!name.startsWith(`${PACKAGE}/`) || faces.includes(name)) continue;
    throw new WasmFormatError(`exports ${name}, which ${PACKAGE}@${VERSION} does not have`);
  }
  if (!exports.includes(interfaceName(LIFECYCLE.face)))
    throw new WasmFormatError(
      `does not export ${interfaceName(LIFECYCLE.face)}: it is no filter of ${PACKAGE}@${VERSION}`,
    );
  const offered = Object.keys(IMPORTS).map(interfaceName);
  for (const name of imports) {
    if (offered.includes(name) || name.startsWith("wasi:")) continue;
    throw new WasmFormatError(`imports ${name}, which nobody offers: expected those of ${PACKAGE}@${VERSION} or wasi`);
  }
  if (imports.includes(interfaceName("calls")) && description.calls !== true)
    throw new WasmFormatError(`imports ${interfaceName("calls")}, and its description does not say "calls": true`);
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
