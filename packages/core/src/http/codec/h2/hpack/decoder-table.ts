/**
 * Hot path: docs/extending/hot-path-rules.md. The decoder's dynamic table: a ring of ready fields, newest last. Nothing is shifted, and reading an index is
 * one look into an array. The ring starts small and doubles: an idle connection keeps little.
 */
import type { HeaderField } from "../../../headers/field.ts";
import { FIELD_FAULT } from "./field-sink.ts";
import { DEFAULT_TABLE_BYTES, ENTRY_OVERHEAD, STATIC_SIZE } from "./static-table.ts";

const FIRST_CAPACITY = 16;

export class DecoderTable {
  /** By slot, as are `faults`. */
  fields: (HeaderField | null)[];
  faults: number[];
  /** Octets as RFC 7541 section 4.1 counts them. */
  bytes: number;
  maxBytes: number;
  count: number;
  /** Slot behind the newest. */
  #next: number;
  #mask: number;

  constructor() {
    this.fields = [];
    this.faults = [];
    this.bytes = 0;
    this.maxBytes = DEFAULT_TABLE_BYTES;
    this.count = 0;
    this.#next = 0;
    this.#mask = -1;
  }

  /** Slot of an index beyond the static table; -1 where there is no such entry. */
  slot(index: number): number {
    const age = index - STATIC_SIZE;
    return age > this.count ? -1 : (this.#next - age) & this.#mask;
  }

  add(field: HeaderField, faults: number): void {
    const size = field.name.length + field.value.length + ENTRY_OVERHEAD;
    this.#evict(this.maxBytes - size);
    // Larger than the whole table: empties it, and is no error (RFC 7541 section 4.4).
    if (size > this.maxBytes) return;
    if (this.count > this.#mask) this.#grow();
    const slot = this.#next;
    this.fields[slot] = field;
    this.faults[slot] = faults;
    this.#next = (slot + 1) & this.#mask;
    this.bytes += size;
    this.count++;
  }

  resize(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  #evict(allowed: number): void {
    while (this.count > 0 && this.bytes > allowed) {
      const slot = (this.#next - this.count) & this.#mask;
      const field = this.fields[slot]!;
      this.bytes -= field.name.length + field.value.length + ENTRY_OVERHEAD;
      this.fields[slot] = null;
      this.count--;
    }
  }

  #grow(): void {
    const capacity = this.count === 0 ? FIRST_CAPACITY : this.count * 2;
    const fields: (HeaderField | null)[] = [];
    const faults: number[] = [];
    for (let i = 0; i < this.count; i++) {
      const slot = (this.#next + i) & this.#mask;
      fields.push(this.fields[slot]!);
      faults.push(this.faults[slot]!);
    }
    while (fields.length < capacity) {
      fields.push(null);
      faults.push(FIELD_FAULT.none);
    }
    this.fields = fields;
    this.faults = faults;
    this.#next = this.count;
    this.#mask = capacity - 1;
  }
}
