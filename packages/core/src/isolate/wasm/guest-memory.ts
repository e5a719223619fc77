/**
 * Hot path: docs/extending/hot-path-rules.md. Texts and bytes in and out of a component's memory, as the canonical ABI has them (UTF-8, little endian). Nothing that the component
 * says is believed: every address is held to the memory as it is, and a count to what would fit.
 */
import type { CoreFunction, CoreMemory } from "./webassembly.ts";

/** Below, copying characters in JavaScript is cheaper than one call into Node. */
const SHORT = 40;
// oxlint-disable-next-line no-control-regex -- all of ASCII
const BEYOND_ASCII = /[^\x00-\x7f]/;

export class GuestError extends Error {}

export class GuestMemory {
  readonly #memory: CoreMemory;
  readonly #realloc: CoreFunction;
  #bytes: Buffer;
  #view: DataView;
  /** Bytes of the text that was written last. */
  written: number;

  constructor(memory: CoreMemory, realloc: CoreFunction) {
    this.#memory = memory;
    this.#realloc = realloc;
    this.#bytes = Buffer.from(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.written = 0;
  }

  /** To be called whenever the component's code may have run: memory that grew is another buffer. */
  refresh(): void {
    const { buffer } = this.#memory;
    if (this.#view.buffer === buffer) return;
    this.#bytes = Buffer.from(buffer);
    this.#view = new DataView(buffer);
  }

  allocate(size: number, align: number): number {
    const at = this.#realloc(0, 0, align, size) >>> 0;
    this.refresh();
    if (at + size > this.#bytes.length || at % align !== 0)
      throw new GuestError("cabi_realloc returned an address outside of the memory");
    return at;
  }

  /** Each text is an allocation of its own, since the component may free each. Returns its address; its length is `written`. */
  writeText(text: string): number {
    const { length } = text;
    if (length < SHORT) {
      const at = this.allocate(length, 1);
      const bytes = this.#bytes;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        bytes[at + i] = code;
      }
      if (i === length) {
        this.written = length;
        return at;
      }
    } else if (!BEYOND_ASCII.test(text)) {
      const at = this.allocate(length, 1);
      this.#bytes.write(text, at, length, "latin1");
      this.written = length;
      return at;
    }
    const size = Buffer.byteLength(text, "utf8");
    const at = this.allocate(size, 1);
    this.#bytes.write(text, at, size, "utf8");
    this.written = size;
    return at;
  }

  writeTexts(texts: readonly string[], count: number): number {
    const table = this.allocate(count * 8, 4);
    for (let i = 0; i < count; i++) {
      const at = this.writeText(texts[i]!);
      const view = this.#view;
      view.setUint32(table + i * 8, at, true);
      view.setUint32(table + i * 8 + 4, this.written, true);
    }
    return table;
  }

  writeBytes(data: Uint8Array): number {
    const at = this.allocate(data.length, 1);
    this.#bytes.set(data, at);
    return at;
  }

  /** `option<string>` where an import returns it. */
  writeOptionalText(text: string | undefined, at: number): void {
    const start = text === undefined ? 0 : this.writeText(text);
    const length = text === undefined ? 0 : this.written;
    this.range(at, 12);
    this.#bytes[at] = text === undefined ? 0 : 1;
    this.#view.setUint32(at + 4, start, true);
    this.#view.setUint32(at + 8, length, true);
  }

  /** Holds an address to the memory. */
  range(at: number, length: number): void {
    if (at < 0 || at + length > this.#bytes.length)
      throw new GuestError("the component gave an address outside of its memory");
  }

  byte(at: number): number {
    return this.#bytes[at]!;
  }

  half(at: number): number {
    return this.#view.getUint16(at, true);
  }

  word(at: number): number {
    return this.#view.getUint32(at, true);
  }

  text(start: number, length: number): string {
    this.range(start, length);
    if (length >= SHORT) return this.#bytes.toString("utf8", start, start + length);
    const bytes = this.#bytes;
    let text = "";
    for (let i = start; i < start + length; i++) {
      const byte = bytes[i]!;
      if (byte > 0x7f) return bytes.toString("utf8", start, start + length);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** The text whose address and length stand at `at`. */
  textAt(at: number): string {
    return this.text(this.word(at), this.word(at + 4));
  }

  /** A list of texts, whose address and count are given. */
  texts(start: number, count: number): string[] {
    this.range(start, count * 8);
    const texts: string[] = [];
    for (let i = 0; i < count; i++) texts.push(this.textAt(start + i * 8));
    return texts;
  }

  /** A copy. */
  bytesOf(start: number, length: number): Uint8Array {
    this.range(start, length);
    return new Uint8Array(this.#bytes.subarray(start, start + length));
  }
}
