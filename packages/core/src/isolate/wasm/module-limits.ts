/** Sets the maximum of a core module's own memory and tables, so that the engine itself refuses to let it grow beyond. */
import { ByteReader, WasmFormatError, readHead, sections } from "./byte-reader.ts";

export const PAGE_BYTES = 65_536;
/** Elements of a table; each costs the host some bytes that no memory limit sees. */
const MAX_TABLE = 65_536;

const SECTION = { import: 2, table: 4, memory: 5 } as const;
const HEAD_BYTES = 8;

/**
 * The module with its memory held to `maxBytes`.
 * @throws WasmFormatError where it asks for more from the start, or wants its memory from outside
 */
export function limitModule(module: Uint8Array, maxBytes: number): Uint8Array {
  const reader = new ByteReader(module);
  if (readHead(reader) !== "module") throw new WasmFormatError("has a core module of a version that is not known here");
  const parts: Uint8Array[] = [module.subarray(0, HEAD_BYTES)];
  let from = HEAD_BYTES;
  const maxPages = Math.floor(maxBytes / PAGE_BYTES);
  for (const { id, body } of sections(reader)) {
    const end = reader.position;
    if (id === SECTION.memory) parts.push(section(id, limitMemories(body, maxPages, maxBytes)));
    else if (id === SECTION.table) parts.push(section(id, limitTables(body)));
    else parts.push(module.subarray(from, end));
    from = end;
  }
  return Buffer.concat(parts);
}

function limitMemories(body: ByteReader, maxPages: number, maxBytes: number): number[] {
  const count = body.unsigned();
  const out = unsigned(count);
  for (let i = 0; i < count; i++) {
    const flags = body.byte();
    if (flags > 0x01) throw new WasmFormatError("has a memory that is shared or of 64 bits, which is not supported");
    const minimum = body.unsigned();
    const maximum = flags === 0x01 ? body.unsigned() : maxPages;
    if (minimum * count > maxPages)
      throw new WasmFormatError(
        `starts with ${minimum * PAGE_BYTES} bytes of memory, and its limit is ${maxBytes}: raise "memory"`,
      );
    const share = Math.max(minimum, Math.floor(maxPages / count));
    out.push(0x01, ...unsigned(minimum), ...unsigned(Math.min(maximum, share)));
  }
  return out;
}

const REFERENCE_TYPES: readonly number[] = [0x70, 0x6f];

function limitTables(body: ByteReader): number[] {
  const count = body.unsigned();
  const out = unsigned(count);
  for (let i = 0; i < count; i++) {
    const type = body.byte();
    if (!REFERENCE_TYPES.includes(type))
      throw new WasmFormatError("has a table of a kind that is not supported, expected one of functions");
    const flags = body.byte();
    if (flags > 0x01) throw new WasmFormatError("has a table of 64 bits, which is not supported");
    const minimum = body.unsigned();
    const maximum = flags === 0x01 ? body.unsigned() : MAX_TABLE;
    if (minimum > MAX_TABLE)
      throw new WasmFormatError(`has a table of ${minimum} elements, at most ${MAX_TABLE} may be`);
    out.push(type, 0x01, ...unsigned(minimum), ...unsigned(Math.min(maximum, MAX_TABLE)));
  }
  return out;
}

function section(id: number, body: readonly number[]): Uint8Array {
  return Uint8Array.from([id, ...unsigned(body.length), ...body]);
}

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) | 0x80);
    left = Math.floor(left / 0x80);
  }
  bytes.push(left);
  return bytes;
}
