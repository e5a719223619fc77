/** Hot path. Values by IP range: all ranges that hold an address, the longest prefix first, found in one walk over its bits. */
import { parseCidr } from "../cidr.ts";
import { IPV4, IPV6, IpReader } from "../ip-address.ts";

/** One for the thread: reading is synchronous and its result is used at once. */
const reader = new IpReader();
const ipv4Word = new Uint32Array(1);

class IpNode<Value> {
  zero: IpNode<Value> | null = null;
  one: IpNode<Value> | null = null;
  /** In the order of their declaration; null: no range ends here. */
  values: Value[] | null = null;
}

export class IpTrie<Value> {
  readonly #ipv4 = new IpNode<Value>();
  readonly #ipv6 = new IpNode<Value>();
  /** Values on the way of the last walk, from the shortest prefix to the longest. */
  readonly found: (readonly Value[])[] = [];

  /** @throws TypeError for what is no range; the configuration was checked before. */
  add(cidr: string, value: Value): void {
    const parsed = parseCidr(cidr);
    if (parsed === null) throw new TypeError(`${cidr} is not a range of IP addresses`);
    const { words, bits } = parsed;
    let node = words.length === 1 ? this.#ipv4 : this.#ipv6;
    for (let i = 0; i < bits; i++) {
      const isOne = ((words[i >> 5]! >>> (31 - (i & 31))) & 1) === 1;
      let next = isOne ? node.one : node.zero;
      if (next === null) {
        next = new IpNode<Value>();
        if (isOne) node.one = next;
        else node.zero = next;
      }
      node = next;
    }
    if (node.values === null) node.values = [value];
    else node.values.push(value);
  }

  /** Fills {@link found}; how many there are; -1 for what is no address. */
  find(address: string): number {
    const family = reader.read(address);
    if (family === IPV4) {
      ipv4Word[0] = reader.ipv4;
      return this.#walk(this.#ipv4, ipv4Word, 32);
    }
    return family === IPV6 ? this.#walk(this.#ipv6, reader.ipv6, 128) : -1;
  }

  #walk(root: IpNode<Value>, words: Uint32Array, bits: number): number {
    let count = 0;
    let node: IpNode<Value> | null = root;
    for (let i = 0; node !== null; i++) {
      if (node.values !== null) this.found[count++] = node.values;
      if (i === bits) break;
      node = ((words[i >> 5]! >>> (31 - (i & 31))) & 1) === 1 ? node.one : node.zero;
    }
    return count;
  }
}
