/** Dynamic metadata and filter state in the filter's thread: what the filter declared is there to be read; what it sets is cloned, and travels to the worker. */
import type { DynamicMetadata, FilterState, MetadataKey, MetadataValues } from "@sluice/sdk";
import type { FarStream } from "./far-stream.ts";

export class FarMetadata implements DynamicMetadata {
  readonly #stream: FarStream;
  /** Since the last snapshot. */
  readonly #own = new Map<string, Record<string, unknown>>();

  constructor(stream: FarStream) {
    this.#stream = stream;
  }

  get<Values extends MetadataValues>(key: string | MetadataKey<Values>): Partial<Values> | undefined {
    const namespace = nameOf(key);
    const what = `stream.metadata.get(${JSON.stringify(namespace)})`;
    const known = this.#stream.attribute(`metadata.${namespace}`, what) as MetadataValues | undefined;
    const own = this.#own.get(namespace);
    return (own === undefined ? known : { ...known, ...own }) as Partial<Values> | undefined;
  }

  set(key: string | MetadataKey, values: MetadataValues): void {
    const namespace = nameOf(key);
    const copy = structuredClone(values);
    this.#own.set(namespace, { ...this.#own.get(namespace), ...copy });
    this.#stream.command(["metadata", this.#stream.number, namespace, copy]);
  }

  entries(): IterableIterator<[string, MetadataValues]> {
    throw new TypeError(
      "stream.metadata.entries() cannot be had outside of inline (runtime: worker): declare namespaces in reads",
    );
  }

  renewed(): void {
    this.#own.clear();
  }
}

export class FarFilterState implements FilterState {
  readonly #stream: FarStream;
  readonly #own = new Map<string, unknown>();

  constructor(stream: FarStream) {
    this.#stream = stream;
  }

  get(key: string): unknown {
    const known = this.#known(key);
    return this.#own.has(key) ? this.#own.get(key) : known?.value;
  }

  has(key: string): boolean {
    const known = this.#known(key);
    return this.#own.has(key) || known !== undefined;
  }

  set(
    key: string,
    value: unknown,
    options: { readonly readOnly?: boolean; readonly life?: "request" | "connection" } = {},
  ): void {
    const copy: unknown = structuredClone(value);
    this.#own.set(key, copy);
    const { readOnly = false, life = "request" } = options;
    this.#stream.command(["filterState", this.#stream.number, key, copy, readOnly, life]);
  }

  renewed(): void {
    this.#own.clear();
  }

  #known(key: string): { readonly value: unknown } | undefined {
    const what = `stream.filterState.get(${JSON.stringify(key)})`;
    return this.#stream.attribute(`filterState.${key}`, what) as { readonly value: unknown } | undefined;
  }
}

const nameOf = (key: string | MetadataKey): string => (typeof key === "string" ? key : key.namespace);
