/**
 * Hot path: docs/extending/hot-path-rules.md. One direction of HTTP/1 output. A head waits as text for what its turn adds to it: small pieces of body are appended
 * one character per byte, so that a whole message is one write; large ones go out beside the text, uncopied. Keeps the framing that the head promised.
 */
import type { Connection } from "../../../network/connection.ts";
import { KNOWN } from "../../headers/field.ts";
import type { HeaderMap } from "../../headers/header-map.ts";
import type { Spelling } from "../../headers/spelling.ts";
import { latin1 } from "./bytes.ts";

/** `none`: no body may follow, `dropped`: what is given is not sent (answers to HEAD, 204, 304). */
export const Framing = { none: 0, dropped: 1, length: 2, chunked: 3, untilClose: 4, raw: 5 } as const;
export type Framing = (typeof Framing)[keyof typeof Framing];

/** Pieces up to this size are cheaper as text than as a write of their own. */
const MAX_JOINED_PIECE = 4096;
/** More text than this does not wait for the turn's end. */
const MAX_JOINED = 16_384;

export class MessageWriter {
  framing: Framing;
  /** Bytes that a length still promises. */
  remaining: number;
  /** A head's last lines and its empty line, chosen when the head goes out: up to then the connection may be told to close. */
  headEnd: string;
  readonly #connection: Connection;
  /** Of names that nobody has spelt; null: lower case. */
  readonly #style: Spelling | null;
  /** Of the open head. */
  #spelling: Spelling | null;
  /** Text before the open head. */
  #before: string;
  /** A head without its `headEnd`; "" where none is open. */
  #head: string;
  /** Text after it. */
  #after: string;

  constructor(connection: Connection, style: Spelling | null = null) {
    this.framing = Framing.none;
    this.remaining = 0;
    this.headEnd = "\r\n";
    this.#connection = connection;
    this.#style = style;
    this.#spelling = style;
    this.#before = "";
    this.#head = "";
    this.#after = "";
  }

  get hasOpenHead(): boolean {
    return this.#head !== "";
  }

  /** A message that is whole in itself: an informational response. */
  text(text: string): void {
    this.#before += this.#style === null ? text : this.#style.respell(text);
  }

  /** How the names of the message that starts next are spelt; null: as all are. */
  spell(spelling: Spelling | null): void {
    this.#spelling = spelling ?? this.#style;
  }

  /** `head`: start line and fields, each with CRLF. */
  start(head: string, framing: Framing, length: number): void {
    this.#head = head;
    this.framing = framing;
    this.remaining = length;
  }

  /** False: more than the length promised; nothing of it was sent. */
  data(data: Uint8Array): boolean {
    const { length } = data;
    if (length === 0) return true;
    switch (this.framing) {
      case Framing.none:
        return false;
      case Framing.dropped:
        return true;
      case Framing.length:
        if (length > this.remaining) return false;
        this.remaining -= length;
        this.#piece(data, "", "");
        return true;
      case Framing.chunked:
        this.#piece(data, `${length.toString(16)}\r\n`, "\r\n");
        return true;
      default:
        this.#piece(data, "", "");
        return true;
    }
  }

  /** False: less than the length promised. */
  end(trailers: HeaderMap | null): boolean {
    if (this.framing === Framing.chunked) {
      const last = trailers === null ? "0\r\n\r\n" : `0\r\n${fieldLines(trailers, false)}\r\n`;
      this.#append(this.#style === null ? last : this.#style.respell(last));
    }
    return this.framing !== Framing.length || this.remaining === 0;
  }

  /** Everything that waits goes out. */
  flush(): void {
    const text = this.#take();
    if (text !== "") this.#connection.writeLatin1(text);
  }

  #piece(data: Uint8Array, prefix: string, suffix: string): void {
    const { length } = data;
    if (length <= MAX_JOINED_PIECE) {
      if (this.#before.length + this.#head.length + this.#after.length + length > MAX_JOINED) this.flush();
      this.#append(prefix + latin1(data, 0, length) + suffix);
      return;
    }
    const text = this.#take() + prefix;
    if (text === "") this.#connection.write(data);
    else this.#connection.writeHeadAndBody(text, data);
    if (suffix !== "") this.#append(suffix);
  }

  #append(text: string): void {
    if (this.#head === "") this.#before += text;
    else this.#after += text;
  }

  #openHead(): string {
    const head = this.#head + this.headEnd;
    return this.#spelling === null ? head : this.#spelling.respell(head);
  }

  #take(): string {
    const text = this.#head === "" ? this.#before : this.#before + this.#openHead() + this.#after;
    this.#before = "";
    this.#head = "";
    this.#after = "";
    return text;
  }
}

/** Numbers in KNOWN up to this one are fields of one hop, which a codec writes itself, and `content-length`. */
const LAST_OWN = KNOWN.te;

/**
 * The lines of a map's end-to-end fields in their order. `keepsLength`: `content-length` is among them, once, however many of them a filter made;
 * without it the framing is another.
 */
export function fieldLines(map: HeaderMap, keepsLength: boolean): string {
  const { fields } = map;
  let isLengthDue = keepsLength;
  let lines = "";
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    if (field.known === KNOWN.other || field.known > LAST_OWN) {
      lines += field.line();
    } else if (field.known === KNOWN.contentLength && isLengthDue) {
      isLengthDue = false;
      lines += field.line();
    }
  }
  return lines;
}
