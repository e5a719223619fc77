/**
 * What the first message of a TLS client says (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1), over any number of records. It checks the structure as far as it
 * reads, and leaves everything else to who shakes hands.
 */
export interface ClientHello {
  /** Empty where none is asked for, or it is no host name. */
  readonly serverName: string;
  /** In the client's order; empty where it offers none. */
  readonly protocols: readonly string[];
  /** Bytes that had to be read. */
  readonly length: number;
}

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ALPN = 16;
const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;
/** RFC 8446 5.1: of plain text. */
const LARGEST_RECORD = 16_384;
const HOST_NAME = /^[\w.-]+$/;

/** Reads a hello that comes in pieces; it goes on where it stopped, so that records are looked at once, however small they are. */
export class HelloReader {
  /** Where the record begins that was not whole. */
  #at = 0;
  /** Bytes of the message in the records before it. */
  #length = 0;
  /** Bytes of the whole message; -1: its header has not come. */
  #size = -1;

  /** `data`: all bytes so far. The hello; how many bytes are needed at least where that is more than there are; null where it is none. */
  read(data: Uint8Array): ClientHello | number | null {
    for (;;) {
      const record = recordAt(data, this.#at);
      if (record === null || typeof record === "number") return record;
      if (this.#length === 0 && record[0] !== CLIENT_HELLO) return null;
      this.#at += RECORD_HEADER + record.length;
      this.#length += record.length;
      if (this.#length < MESSAGE_HEADER) continue;
      if (this.#size === -1) {
        const [, high, middle, low] = messageIn(data, this.#at);
        this.#size = MESSAGE_HEADER + ((high! << 16) | (middle! << 8) | low!);
      }
      if (this.#length >= this.#size)
        return readHello(messageIn(data, this.#at).subarray(MESSAGE_HEADER, this.#size), this.#at);
    }
  }
}

/** What the records in front of `end` carry, all of them whole. */
function messageIn(data: Uint8Array, end: number): Uint8Array {
  const records: Uint8Array[] = [];
  for (let at = 0; at < end; ) {
    const record = recordAt(data, at) as Uint8Array;
    records.push(record);
    at += RECORD_HEADER + record.length;
  }
  return records.length === 1 ? records[0]! : Buffer.concat(records);
}

/** What one record carries; the bytes that it needs; null where it is no record of a handshake. */
function recordAt(data: Uint8Array, at: number): Uint8Array | number | null {
  if (data.length > at && data[at] !== HANDSHAKE) return null;
  if (data.length > at + 1 && data[at + 1] !== 3) return null;
  if (data.length < at + RECORD_HEADER) return at + RECORD_HEADER;
  const size = (data[at + 3]! << 8) | data[at + 4]!;
  if (size === 0 || size > LARGEST_RECORD) return null;
  const end = at + RECORD_HEADER + size;
  return data.length < end ? end : data.subarray(at + RECORD_HEADER, end);
}

function readHello(message: Uint8Array, length: number): ClientHello | null {
  const reader = new Reader(message);
  // legacy_version, random, legacy_session_id, cipher_suites, legacy_compression_methods
  reader.skip(2 + 32);
  reader.vector(1);
  const suites = reader.vector(2);
  const compressions = reader.vector(1);
  if (suites.length < 2 || suites.length % 2 !== 0 || compressions.length === 0) return null;
  let serverName = "";
  let protocols: readonly string[] = [];
  // TLS 1.2 without extensions ends here.
  const extensions = new Reader(reader.isDone ? message.subarray(0, 0) : reader.vector(2));
  while (!extensions.isDone && !extensions.hasFailed) {
    const type = extensions.number(2);
    const body = new Reader(extensions.vector(2));
    if (type === SERVER_NAME) serverName = serverNameIn(body);
    else if (type === ALPN) protocols = protocolsIn(body);
    else continue;
    if (body.hasFailed) return null;
  }
  if (reader.hasFailed || extensions.hasFailed || !reader.isDone) return null;
  return { serverName, protocols, length };
}

function serverNameIn(extension: Reader): string {
  const names = new Reader(extension.vector(2));
  let found = "";
  while (!names.isDone && !names.hasFailed) {
    const isHostName = names.number(1) === 0;
    const name = latin1(names.vector(2));
    if (isHostName && found === "") found = HOST_NAME.test(name) ? name : "";
  }
  extension.fail(names.hasFailed);
  return found;
}

function protocolsIn(extension: Reader): readonly string[] {
  const names = new Reader(extension.vector(2));
  const found: string[] = [];
  while (!names.isDone && !names.hasFailed) {
    const name = names.vector(1);
    names.fail(name.length === 0);
    found.push(latin1(name));
  }
  extension.fail(names.hasFailed);
  return found;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** Reads numbers and vectors one after another; what is not there fails it, and reads as nothing. */
class Reader {
  hasFailed = false;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }

  fail(hasFailed: boolean): void {
    this.hasFailed ||= hasFailed;
  }

  skip(count: number): void {
    this.#at += count;
    this.fail(this.#at > this.#bytes.length);
  }

  number(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (this.#bytes[this.#at + i] ?? 0);
    this.skip(size);
    return value;
  }

  /** A vector whose length takes `size` bytes. */
  vector(size: number): Uint8Array {
    const length = this.number(size);
    const from = this.#at;
    this.skip(length);
    return this.#bytes.subarray(from, this.hasFailed ? from : from + length);
  }
}
