/** Hot path where hosts report so. xds.data.orca.v3.OrcaLoadReport in protobuf's own bytes: a few doubles, and maps of them; what is not asked for is stepped over. */

/** Takes metrics by name; false: that one is wrong. */
export interface MetricSink {
  set(name: string, value: number): boolean;
}

/** Field → name of doubles, of maps from names to doubles. */
const DOUBLES: readonly (string | undefined)[] = [
  undefined,
  "cpu_utilization",
  "mem_utilization",
  undefined,
  undefined,
  undefined,
  "rps_fractional",
  "eps",
  undefined,
  "application_utilization",
];
const MAPS: readonly (string | undefined)[] = [
  undefined,
  undefined,
  undefined,
  undefined,
  "request_cost",
  "utilization",
  undefined,
  undefined,
  "named_metrics",
];

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** False: it is no such message, or a number in it is none. */
export function readBinaryReport(bytes: Buffer, sink: MetricSink): boolean {
  return new ReportReader(bytes).read(sink);
}

class ReportReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(sink: MetricSink): boolean {
    const { length } = this.#bytes;
    while (this.#at < length) {
      const key = this.#varint();
      const field = key >>> 3;
      const wire = key & 7;
      if (key < 0 || field === 0) return false;
      const double = wire === FIXED64 ? DOUBLES[field] : undefined;
      const map = wire === BYTES ? MAPS[field] : undefined;
      if (double !== undefined) {
        if (!sink.set(double, this.#double(length))) return false;
      } else if (map === undefined) {
        if (!this.#skip(wire, length)) return false;
      } else if (!this.#entry(map, sink)) return false;
    }
    return true;
  }

  /** One entry of a map: 1 is the key, 2 the value. */
  #entry(map: string, sink: MetricSink): boolean {
    const end = this.#end(this.#bytes.length);
    if (end < 0) return false;
    let name = "";
    let value = 0;
    while (this.#at < end) {
      const key = this.#varint();
      if (key === ((1 << 3) | BYTES)) {
        const stop = this.#end(end);
        if (stop < 0) return false;
        name = this.#bytes.toString("utf8", this.#at, stop);
        this.#at = stop;
      } else if (key === ((2 << 3) | FIXED64)) {
        value = this.#double(end);
      } else if (key < 0 || !this.#skip(key & 7, end)) return false;
    }
    return this.#at === end && name !== "" && sink.set(`${map}.${name}`, value);
  }

  /** NaN: it is not there. */
  #double(end: number): number {
    if (this.#at + 8 > end) return NaN;
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  /** Where what has a length ends; -1: not before `most`. */
  #end(most: number): number {
    const length = this.#varint();
    return length < 0 || this.#at + length > most ? -1 : this.#at + length;
  }

  /** -1: it has no end, or is larger than keys and lengths here can be. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return -1;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return -1;
  }

  #skip(wire: number, most: number): boolean {
    if (wire === VARINT) {
      for (let i = 0; i < 10 && this.#at < most; i++) if (this.#bytes[this.#at++]! < 0x80) return true;
      return false;
    }
    const end =
      wire === BYTES ? this.#end(most) : wire === FIXED64 ? this.#at + 8 : wire === FIXED32 ? this.#at + 4 : -1;
    if (end < 0 || end > most) return false;
    this.#at = end;
    return true;
  }
}
