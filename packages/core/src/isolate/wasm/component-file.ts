/**
 * What a component's file says, without running or compiling anything of it: imports, exports, core modules, the description in its custom section,
 * and whether it is plain: one module of its own, wired as wit-component does it, whose functions can be called without general glue.
 */
import { ByteReader, WasmFormatError, readHead, sections } from "./byte-reader.ts";
import { LIFECYCLE, coreName } from "./world.ts";

/** Custom section of a component that holds its description. */
export const DESCRIPTION_SECTION = "sluice:filter";

export interface ComponentFile {
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** Text of the description; null where it has none. */
  readonly description: string | null;
  /** The module to call directly; null where the component needs general glue. */
  readonly plainModule: Uint8Array | null;
}

const SECTION = { custom: 0, module: 1, component: 4, alias: 6, type: 7, canon: 8, import: 10, export: 11 } as const;
/** Sections of a nested component that only gives names and types to functions from outside. */
const TYPES_ONLY: readonly number[] = [SECTION.custom, SECTION.alias, SECTION.type, SECTION.import, SECTION.export];

/** @throws WasmFormatError whose message completes "the component …" */
export function readComponentFile(bytes: Uint8Array): ComponentFile {
  const reader = new ByteReader(bytes);
  const kind = readHead(reader);
  if (kind === undefined) throw new WasmFormatError("is no WebAssembly file");
  if (kind === "module")
    throw new WasmFormatError("is a core module, expected a component (wasm-tools component new makes one of it)");
  if (kind === "unknown") throw new WasmFormatError("is WebAssembly of a version that is not known here");
  const imports: string[] = [];
  const exports: string[] = [];
  const modules: Uint8Array[] = [];
  let description: string | null = null;
  let isPlain = true;
  for (const { id, body } of sections(reader)) {
    if (id === SECTION.import) readNames(body, imports, skipExternType);
    else if (id === SECTION.export) readNames(body, exports, skipExport);
    else if (id === SECTION.module) modules.push(body.rest());
    else if (id === SECTION.component) isPlain &&= isTypesOnly(body);
    else if (id === SECTION.canon) isPlain &&= isPlainCanon(body);
    else if (id === SECTION.custom && body.name() === DESCRIPTION_SECTION)
      description = Buffer.from(body.rest()).toString("utf8");
  }
  return { imports, exports, description, plainModule: isPlain ? plainModule(modules) : null };
}

/** Names of a section of imports or exports; `skip` passes what follows a name. */
function readNames(body: ByteReader, names: string[], skip: (body: ByteReader) => void): void {
  for (let count = body.unsigned(); count > 0; count--) {
    // 0x00 and 0x01 differ only in what names may look like; 0x02 has a version of its own behind the name.
    const form = body.byte();
    if (form > 0x02) throw new WasmFormatError("has names in a form that is not known here");
    names.push(body.name());
    if (form === 0x02) body.name();
    skip(body);
  }
}

function skipExternType(body: ByteReader): void {
  const sort = body.byte();
  if (sort === 0x00) body.byte();
  // A value's or a type's bound says first which kind of bound it is; `sub resource` ends there.
  if ((sort === 0x02 || sort === 0x03) && body.byte() === 0x01 && sort === 0x03) return;
  body.unsigned();
}

function skipExport(body: ByteReader): void {
  if (body.byte() === 0x00) body.byte();
  body.unsigned();
  if (body.byte() === 0x01) skipExternType(body);
}

function isTypesOnly(body: ByteReader): boolean {
  if (readHead(body) !== "component") return false;
  for (const { id } of sections(body)) if (!TYPES_ONLY.includes(id)) return false;
  return true;
}

/** Only functions lifted and lowered, synchronous, with texts in UTF-8. */
function isPlainCanon(body: ByteReader): boolean {
  for (let count = body.unsigned(); count > 0; count--) {
    const form = body.byte();
    if (form > 0x01 || body.byte() !== 0x00) return false;
    body.unsigned();
    for (let options = body.unsigned(); options > 0; options--) {
      const option = body.byte();
      if (option === 0x00) continue;
      if (option < 0x03 || option > 0x05) return false;
      body.unsigned();
    }
    if (form === 0x00) body.unsigned();
  }
  return true;
}

/** The one module that has a memory and the hooks; beside it only those by which wit-component ties imports to it, which have no memory. */
function plainModule(modules: readonly Uint8Array[]): Uint8Array | null {
  if (modules.length > 3) return null;
  const withMemory = modules.filter((module) => exportsOf(module).memory);
  const [main] = withMemory;
  if (main === undefined || withMemory.length !== 1) return null;
  return exportsOf(main).names.includes(coreName(LIFECYCLE.face, LIFECYCLE.name)) ? main : null;
}

const CORE_SECTION = { memory: 5, export: 7 } as const;

function exportsOf(module: Uint8Array): { readonly memory: boolean; readonly names: readonly string[] } {
  const reader = new ByteReader(module);
  const names: string[] = [];
  let memory = false;
  if (readHead(reader) !== "module") throw new WasmFormatError("has a core module of a version that is not known here");
  for (const { id, body } of sections(reader)) {
    if (id === CORE_SECTION.memory) memory = body.unsigned() > 0;
    if (id !== CORE_SECTION.export) continue;
    for (let count = body.unsigned(); count > 0; count--) {
      names.push(body.name());
      body.byte();
      body.unsigned();
    }
  }
  return { memory, names };
}
