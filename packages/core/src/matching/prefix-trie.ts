/**
 * Hot path. Which of many prefixes a text has, found in one walk down the text. A radix trie takes the prefixes one by one; frozen, it lies in flat arrays, so that
 * ten thousand of them stay in the processor's cache.
 */

import { atOnce } from "../timing/slices.ts";

const NODES_IN_STEP = 256;

class TrieNode<Value> {
  label: string;
  /** Of the prefix that ends here; null: none does. */
  value: Value | null = null;
  /** By the first code unit of their label; null: there are none. */
  children: Map<number, TrieNode<Value>> | null = null;

  constructor(label: string) {
    this.label = label;
  }

  put(child: TrieNode<Value>): void {
    this.children ??= new Map();
    this.children.set(child.label.charCodeAt(0), child);
  }
}

export class PrefixTrie<Value> {
  readonly #root = new TrieNode<Value>("");
  isEmpty = true;

  /** The value of a prefix, made where there is none. */
  at(prefix: string, make: () => Value): Value {
    this.isEmpty = false;
    let node = this.#root;
    let at = 0;
    while (at < prefix.length) {
      const child = node.children?.get(prefix.charCodeAt(at));
      if (child === undefined) {
        const leaf = new TrieNode<Value>(prefix.slice(at));
        node.put(leaf);
        node = leaf;
        break;
      }
      const common = commonLength(child.label, prefix, at);
      at += common;
      if (common === child.label.length) node = child;
      else {
        const upper = split(child, common);
        node.put(upper);
        node = upper;
      }
    }
    return (node.value ??= make());
  }

  /** The same for walking. Prefixes that come later are not in it. */
  freeze(): FrozenTrie<Value> {
    return atOnce(this.freezing());
  }

  /** The same in steps of some hundred nodes. */
  *freezing(): Generator<undefined, FrozenTrie<Value>> {
    const nodes: TrieNode<Value>[] = [this.#root];
    const parents: number[] = [-1];
    for (let i = 0; i < nodes.length; i++) {
      if (i % NODES_IN_STEP === 0) yield;
      for (const child of nodes[i]!.children?.values() ?? []) {
        nodes.push(child);
        parents.push(i);
      }
    }
    const trie = new FrozenTrie<Value>(nodes.length);
    for (const [i, { label, value }] of nodes.entries()) {
      if (i % NODES_IN_STEP === 0) yield;
      trie.append(parents[i]!, label, value);
    }
    return trie;
  }
}

/** A node for the first part of the label takes the node's place; the node keeps the rest. */
function split<Value>(node: TrieNode<Value>, length: number): TrieNode<Value> {
  const upper = new TrieNode<Value>(node.label.slice(0, length));
  node.label = node.label.slice(length);
  upper.put(node);
  return upper;
}

function commonLength(label: string, text: string, from: number): number {
  const length = Math.min(label.length, text.length - from);
  let i = 0;
  while (i < length && label.charCodeAt(i) === text.charCodeAt(from + i)) i++;
  return i;
}

/** Made by {@link PrefixTrie.freeze}. */
export class FrozenTrie<Value> {
  /** Labels without their first unit, which the edge has, one after the other. */
  #labels = "";
  #count = 0;
  /** For each node: where its label begins, how long it is, the number of its value or -1. */
  readonly #nodes: Int32Array;
  readonly #values: Value[] = [];
  /** Open addressing, two numbers a slot: the edge (node and unit), the node that it leads to; -1: empty. */
  readonly #edges: Float64Array;
  readonly #mask: number;

  constructor(nodes: number) {
    this.#nodes = new Int32Array(3 * nodes);
    const slots = 2 ** Math.ceil(Math.log2(2 * nodes));
    this.#mask = slots - 1;
    this.#edges = new Float64Array(2 * slots).fill(-1);
  }

  /** The next node; its parent came before it. The root has none, and no label. */
  append(parent: number, label: string, value: Value | null): void {
    const node = this.#count++;
    const rest = label.slice(1);
    this.#nodes[3 * node] = this.#labels.length;
    this.#nodes[3 * node + 1] = rest.length;
    this.#nodes[3 * node + 2] = value === null ? -1 : this.#values.push(value) - 1;
    this.#labels += rest;
    if (parent < 0) return;
    const code = label.charCodeAt(0);
    let slot = slotOf(parent, code) & this.#mask;
    while (this.#edges[2 * slot] !== -1) slot = (slot + 1) & this.#mask;
    this.#edges[2 * slot] = parent * 0x1_0000 + code;
    this.#edges[2 * slot + 1] = node;
  }

  /** Puts the values of all prefixes of the text into `found`, from index `count` on, the shortest first; how many stand there then. */
  collect(text: string, found: Value[], count: number): number {
    const nodes = this.#nodes;
    const labels = this.#labels;
    let end = count;
    let node = 0;
    let at = 0;
    for (;;) {
      const value = nodes[3 * node + 2]!;
      if (value >= 0) found[end++] = this.#values[value]!;
      if (at >= text.length) return end;
      node = this.#child(node, text.charCodeAt(at));
      if (node < 0) return end;
      const start = nodes[3 * node]!;
      const length = nodes[3 * node + 1]!;
      at++;
      if (at + length > text.length) return end;
      for (let i = 0; i < length; i++) if (text.charCodeAt(at + i) !== labels.charCodeAt(start + i)) return end;
      at += length;
    }
  }

  #child(node: number, code: number): number {
    const edges = this.#edges;
    const mask = this.#mask;
    const key = node * 0x1_0000 + code;
    let slot = slotOf(node, code) & mask;
    for (;;) {
      const found = edges[2 * slot]!;
      if (found === key) return edges[2 * slot + 1]!;
      if (found === -1) return -1;
      slot = (slot + 1) & mask;
    }
  }
}

function slotOf(node: number, code: number): number {
  const mixed = Math.imul(node, 0x9e37_79b1) ^ Math.imul(code, 0x85eb_ca6b);
  return mixed ^ (mixed >>> 15);
}
