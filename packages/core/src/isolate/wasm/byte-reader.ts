/** Reads the binary format of WebAssembly: LEB128 numbers, names, sections. Every read is held to the end of its section. */

export class WasmFormatError extends Error {}

export class ByteReader {
  readonly bytes: Uint8Array;
  position: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.position >= this.end;
  }

  byte(): number {
    if (this.position >= this.end) throw new WasmFormatError("it ends too early");
    return this.bytes[this.position++]!;
  }

  /** An unsigned LEB128 number of at most 32 bits; of 64-bit limits it reads what is safe. */
  unsigned(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if ((byte & 0x80) === 0) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 128;
    }
    throw new WasmFormatError("a number in it is too long");
  }

  skip(count: number): void {
    if (count > this.end - this.position) throw new WasmFormatError("it ends too early");
    this.position += count;
  }

  name(): string {
    const length = this.unsigned();
    const start = this.position;
    this.skip(length);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length).toString("utf8");
  }

  /** A part of this reader, which goes on behind it. */
  part(length: number): ByteReader {
    const start = this.position;
    this.skip(length);
    return new ByteReader(this.bytes, start, start + length);
  }

  /** The bytes that are left, without a copy. */
  rest(): Uint8Array {
    return this.bytes.subarray(this.position, this.end);
  }
}

export interface Section {
  readonly id: number;
  readonly body: ByteReader;
}

/** The sections of a module or a component, behind its eight bytes of head. */
export function* sections(reader: ByteReader): Iterable<Section> {
  while (!reader.isAtEnd) {
    const id = reader.byte();
    yield { id, body: reader.part(reader.unsigned()) };
  }
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d];

/** Reads the head: what kind of file it is; undefined where it is no WebAssembly at all. */
export function readHead(reader: ByteReader): "module" | "component" | "unknown" | undefined {
  if (reader.end - reader.position < 8) return undefined;
  for (const byte of MAGIC) if (reader.byte() !== byte) return undefined;
  const version = reader.byte() | (reader.byte() << 8);
  const layer = reader.byte() | (reader.byte() << 8);
  if (layer === 0 && version === 1) return "module";
  return layer === 1 && version === 13 ? "component" : "unknown";
}
