/**
 * The canonical ABI of the one world of component/filter.wit by hand, in place of the code that jco makes for any world: the core module
 * is what a component has inside. It shows what the general code costs; it leaves out tasks, resources and every check of a type.
 */
import type { DataOutcome, Fields, Instance, Instantiate, Outcome, Reads } from "./component-port.ts";

const VERDICTS = ["continue", "stop", "stop-and-buffer", "stop-and-watermark"] as const;
const EDIT_KINDS = ["set", "append", "delete"] as const;
const FILTER = "sluice:filter/";
const VERSION = "@0.1.0";
/** Bytes of UTF-8 that a UTF-16 unit may need. */
const WIDEST = 3;

type Function = (...values: number[]) => number;
type Exports = Readonly<Record<string, Function>> & { readonly memory: { readonly buffer: ArrayBuffer } };

declare const WebAssembly: {
  readonly Instance: new (module: object, imports: object) => { readonly exports: Exports };
};

export const instantiateByHand: Instantiate = (getCoreModule, imports) => {
  const host = { [`${FILTER}host${VERSION}`]: imports[`${FILTER}host`] };
  const { exports } = new WebAssembly.Instance(getCoreModule("greeting.core.wasm"), host);
  return new World(exports).instance();
};

class World {
  readonly #exports: Exports;
  readonly #realloc: Function;
  #bytes: Buffer;
  #words: DataView;

  constructor(exports: Exports) {
    this.#exports = exports;
    this.#realloc = exports["cabi_realloc"]!;
    this.#bytes = Buffer.from(exports.memory.buffer);
    this.#words = new DataView(exports.memory.buffer);
  }

  instance(): Instance {
    const [configure, configured] = this.#export("lifecycle", "configure");
    const [destroy] = this.#export("lifecycle", "destroy");
    const [requestHeaders, afterRequestHeaders] = this.#export("request-headers", "on-request-headers");
    const [requestData, afterRequestData] = this.#export("request-data", "on-request-data");
    const [requestTrailers, afterRequestTrailers] = this.#export("request-trailers", "on-request-trailers");
    const [responseHeaders, afterResponseHeaders] = this.#export("response-headers", "on-response-headers");
    return {
      lifecycle: {
        configure: (config) => {
          const at = this.#text(config);
          const result = configure(at, this.#written);
          this.#refresh();
          if (this.#bytes[result] !== 0) throw new Error(this.#liftText(result + 4));
          const names = this.#liftTexts(result + 4);
          configured(result);
          return names;
        },
        destroy: (stream) => void destroy(stream),
      },
      requestHeaders: {
        onRequestHeaders: (stream, headers, end, reads) => {
          const fields = this.#texts(headers);
          const optional = this.#reads(reads);
          return this.#outcome(
            requestHeaders(stream, fields, headers.length, Number(end), optional, reads.length),
            afterRequestHeaders,
          );
        },
      },
      requestData: {
        onRequestData: (stream, data, end, reads) => {
          const at = this.#allocate(data.length, 1);
          this.#bytes.set(data, at);
          const optional = this.#reads(reads);
          return this.#dataOutcome(
            requestData(stream, at, data.length, Number(end), optional, reads.length),
            afterRequestData,
          );
        },
      },
      requestTrailers: {
        onRequestTrailers: (stream, trailers, reads) => {
          const fields = this.#texts(trailers);
          const optional = this.#reads(reads);
          return this.#outcome(
            requestTrailers(stream, fields, trailers.length, optional, reads.length),
            afterRequestTrailers,
          );
        },
      },
      responseHeaders: {
        onResponseHeaders: (stream, headers, end, reads) => {
          const fields = this.#texts(headers);
          const optional = this.#reads(reads);
          return this.#outcome(
            responseHeaders(stream, fields, headers.length, Number(end), optional, reads.length),
            afterResponseHeaders,
          );
        },
      },
    };
  }

  #export(inside: string, name: string): readonly [Function, Function] {
    const full = `${FILTER}${inside}${VERSION}#${name}`;
    return [this.#exports[full]!, this.#exports[`cabi_post_${full}`] ?? (() => 0)];
  }

  // ---- lowering ----

  /** Bytes that `#text` wrote last. */
  #written = 0;

  #allocate(bytes: number, align: number): number {
    const at = this.#realloc(0, 0, align, bytes);
    this.#refresh();
    return at;
  }

  #refresh(): void {
    const { buffer } = this.#exports.memory;
    if (this.#words.buffer === buffer) return;
    this.#bytes = Buffer.from(buffer);
    this.#words = new DataView(buffer);
  }

  #text(text: string): number {
    const at = this.#allocate(text.length * WIDEST, 1);
    this.#written = this.#bytes.write(text, at);
    return at;
  }

  /** One allocation for all texts. */
  #texts(list: Fields): number {
    let units = 0;
    for (let i = 0; i < list.length; i++) units += list[i]!.length;
    const table = this.#allocate(list.length * 8, 4);
    let at = this.#allocate(units * WIDEST, 1);
    for (let i = 0; i < list.length; i++) {
      const bytes = this.#bytes.write(list[i]!, at);
      this.#words.setUint32(table + i * 8, at, true);
      this.#words.setUint32(table + i * 8 + 4, bytes, true);
      at += bytes;
    }
    return table;
  }

  #reads(reads: Reads): number {
    const table = this.#allocate(reads.length * 12, 4);
    for (let i = 0; i < reads.length; i++) {
      const read = reads[i];
      const at = read === undefined ? 0 : this.#text(read);
      this.#words.setUint32(table + i * 12, read === undefined ? 0 : 1, true);
      this.#words.setUint32(table + i * 12 + 4, at, true);
      this.#words.setUint32(table + i * 12 + 8, this.#written, true);
    }
    return table;
  }

  // ---- lifting ----

  #word(at: number): number {
    return this.#words.getUint32(at, true);
  }

  #liftText(at: number): string {
    const start = this.#word(at);
    return this.#bytes.toString("utf8", start, start + this.#word(at + 4));
  }

  #liftTexts(at: number): string[] {
    const texts: string[] = [];
    const start = this.#word(at);
    for (let i = 0; i < this.#word(at + 4); i++) texts.push(this.#liftText(start + i * 8));
    return texts;
  }

  #liftBytes(at: number): Uint8Array {
    const start = this.#word(at);
    return new Uint8Array(this.#bytes.subarray(start, start + this.#word(at + 4)));
  }

  #outcome(at: number, after: Function): Outcome {
    this.#refresh();
    const verdict = VERDICTS[this.#bytes[at]!]!;
    const edits = [];
    const start = this.#word(at + 4);
    for (let i = 0; i < this.#word(at + 8); i++) {
      const edit = start + i * 20;
      edits.push({
        kind: EDIT_KINDS[this.#bytes[edit]!]!,
        name: this.#liftText(edit + 4),
        value: this.#liftText(edit + 12),
      });
    }
    const hasReply = this.#bytes[at + 12] !== 0;
    const status = this.#words.getUint16(at + 16, true);
    const reply = hasReply
      ? { status, headers: this.#liftTexts(at + 20), body: this.#liftBytes(at + 28), details: this.#liftText(at + 36) }
      : undefined;
    after(at);
    return reply === undefined ? { verdict, edits } : { verdict, edits, reply };
  }

  #dataOutcome(at: number, after: Function): DataOutcome {
    this.#refresh();
    const verdict = VERDICTS[this.#bytes[at]!]!;
    const data = this.#bytes[at + 4] !== 0 ? this.#liftBytes(at + 8) : undefined;
    after(at);
    return data === undefined ? { verdict } : { verdict, data };
  }
}
