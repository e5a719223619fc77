/** A configuration that was YAML or JSON text: its plain value, and line and column of every key and value in it. */
import { isMap, isScalar, type LineCounter, type Node, type Pair, type YAMLMap, type YAMLSeq } from "yaml";
import type { Location } from "../problems.ts";
import { joinPath } from "./path.ts";
import type { JsonObject, Part, Source } from "./source.ts";

/** Where a mapping or list of the plain value comes from. */
export interface Written {
  readonly node: YAMLMap | YAMLSeq;
  /** What holds it; null for the top. Where an alias puts it in several places: the first. */
  readonly parent: object | null;
  readonly key: string | number;
  /** Mappings that `<<` merges in, the first wins. */
  readonly merged: readonly object[];
}

export class YamlSource implements Source {
  readonly file: string;
  readonly root: JsonObject | undefined;
  readonly #lines: LineCounter;
  readonly #written: ReadonlyMap<object, Written>;

  constructor(file: string, root: JsonObject | undefined, lines: LineCounter, written: ReadonlyMap<object, Written>) {
    this.file = file;
    this.root = root;
    this.#lines = lines;
    this.#written = written;
  }

  locate(container: object, key?: string | number, part: Part = "value"): Location {
    const written = this.#written.get(container);
    if (written === undefined) return { file: this.file, line: 0, column: 0, path: "" };
    const own = this.#pathOf(container);
    if (key === undefined) return this.#location(offsetOf(written.node), own);
    const offset = this.#offsetOfEntry(container, key, part) ?? offsetOf(written.node);
    return this.#location(offset, joinPath(own, key));
  }

  #offsetOfEntry(container: object, key: string | number, part: Part): number | undefined {
    const written = this.#written.get(container);
    if (written === undefined) return undefined;
    if (!isMap<Node, Node | null>(written.node)) {
      const item = typeof key === "number" ? written.node.items[key] : undefined;
      return item === undefined ? undefined : offsetOf(item as Node);
    }
    for (const pair of written.node.items as Pair<Node, Node | null>[]) {
      if (keyText(pair.key) !== String(key)) continue;
      return part === "value" && pair.value !== null ? offsetOf(pair.value) : offsetOf(pair.key);
    }
    for (const other of written.merged) {
      const offset = this.#offsetOfEntry(other, key, part);
      if (offset !== undefined) return offset;
    }
    return undefined;
  }

  #pathOf(container: object): string {
    const keys: (string | number)[] = [];
    for (
      let at = this.#written.get(container);
      at !== undefined && at.parent !== null;
      at = this.#written.get(at.parent)
    ) {
      keys.push(at.key);
    }
    return keys.reverse().reduce<string>(joinPath, "");
  }

  #location(offset: number, path: string): Location {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.file, line, column: col, path };
  }
}

export function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

/** The text of a scalar key as it was written (`404`, not a number); undefined for keys that are no scalars. */
export function keyText(key: Node | null): string | undefined {
  if (!isScalar(key)) return undefined;
  const { value, source } = key;
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? (source ?? String(value)) : undefined;
}
