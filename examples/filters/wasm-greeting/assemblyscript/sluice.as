// The world sluice:filter@0.1.0 for AssemblyScript: what the canonical ABI has in memory, as texts and lists. A hook's arguments and its answer are freed when the
// answer has been read. Functions whose names start with `__` are the component's exports: scripts/assemblyscript.ts gives them their names.

@external("sluice:filter/host@0.1.0", "counter")
declare function hostCounter(at: usize, length: u32): u32;
@external("sluice:filter/host@0.1.0", "increment")
export declare function increment(counter: u32, amount: u32): void;
@external("sluice:filter/this-stream@0.1.0", "route-config")
declare function hostRouteConfig(into: usize): void;

export function counter(name: string): u32 {
  const utf8 = String.UTF8.encode(name);
  return hostCounter(changetype<usize>(utf8), utf8.byteLength);
}

export function routeConfig(): string | null {
  const into = allocate(12, 4);
  hostRouteConfig(into);
  return load<u8>(into) == 0 ? null : textAt(into + 4);
}

// ---- memory of one call: a block that is used again, and what did not fit ----

const BLOCK: usize = 65536;
const block: usize = heap.alloc(BLOCK);
let used: usize = 0;
const others: usize[] = [];

export function allocate(size: usize, align: usize): usize {
  const start = (used + align - 1) & ~(align - 1);
  if (start + size <= BLOCK) {
    used = start + size;
    return block + start;
  }
  const made = heap.alloc(size);
  others.push(made);
  return made;
}

export function __cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  const made = allocate(size, align);
  if (old != 0) memory.copy(made, old, min(oldSize, size));
  return made;
}

export function __free(_answer: usize): void {
  used = 0;
  while (others.length > 0) heap.free(others.pop());
}

// ---- texts ----

export function textAt(at: usize): string {
  return String.UTF8.decodeUnsafe(load<u32>(at), load<u32>(at + 4));
}

function put(at: usize, text: string): void {
  const length = String.UTF8.byteLength(text);
  const to = allocate(length, 1);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, to);
  store<u32>(at, to as u32);
  store<u32>(at + 4, length as u32);
}

/** A header section where it stands in memory: names are compared without making strings of them. */
export class Fields {
  constructor(
    private at: usize,
    private count: u32,
  ) {}

  has(name: string): bool {
    for (let i: u32 = 0; i + 1 < this.count; i += 2) if (this.isNamed(this.at + i * 8, name)) return true;
    return false;
  }

  private isNamed(at: usize, name: string): bool {
    const length = load<u32>(at + 4);
    if (length != <u32>name.length) return false;
    const start: usize = load<u32>(at);
    for (let i: u32 = 0; i < length; i++) if (load<u8>(start + i) != name.charCodeAt(i)) return false;
    return true;
  }
}

// ---- answers ----

const OUTCOME: usize = 56;
const EDIT: usize = 20;
export const SET: u8 = 0;
export const APPEND: u8 = 1;
export const DELETE: u8 = 2;

/** The answer `continue`, with room for `edits` of them. */
export class Outcome {
  readonly at: usize;
  private edits: u32 = 0;

  constructor(room: u32) {
    this.at = allocate(OUTCOME, 4);
    memory.fill(this.at, 0, OUTCOME);
    store<u32>(this.at + 4, allocate(room * EDIT, 4) as u32);
  }

  edit(kind: u8, name: string, value: string): this {
    const at: usize = load<u32>(this.at + 4) + this.edits * EDIT;
    store<u8>(at, kind);
    put(at + 4, name);
    put(at + 12, value);
    store<u32>(this.at + 8, ++this.edits);
    return this;
  }

  reply(status: u16, body: string, details: string): this {
    store<u8>(this.at + 24, 1);
    store<u16>(this.at + 28, status);
    put(this.at + 40, body);
    put(this.at + 48, details);
    return this;
  }
}

/** The answer of `configure`: an empty problem takes the configuration. */
export function configured(problem: string): usize {
  const at = allocate(12, 4);
  store<u8>(at, problem.length == 0 ? 0 : 1);
  put(at + 4, problem);
  return at;
}

/** The text value of a key at the top of JSON that a schema has passed and whose values have no escapes; "" where it has none. */
export function jsonText(json: string, key: string): string {
  const start = json.indexOf('"' + key + '":"');
  if (start < 0) return "";
  const from = start + key.length + 4;
  return json.substring(from, json.indexOf('"', from));
}
