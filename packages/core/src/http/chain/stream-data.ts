/** Dynamic metadata and filter state of a stream. Maps, so that no key is special; made on first use. */
import type { DynamicMetadata, FilterState, MetadataKey, MetadataValues } from "@sluice/sdk";

export class StreamMetadata implements DynamicMetadata {
  readonly #namespaces = new Map<string, Record<string, unknown>>();

  get<Values extends MetadataValues>(key: string | MetadataKey<Values>): Partial<Values> | undefined {
    const namespace = typeof key === "string" ? key : key.namespace;
    return this.#namespaces.get(namespace) as Partial<Values> | undefined;
  }

  set(key: string | MetadataKey, values: MetadataValues): void {
    const namespace = typeof key === "string" ? key : key.namespace;
    let known = this.#namespaces.get(namespace);
    if (known === undefined) {
      known = Object.create(null) as Record<string, unknown>;
      this.#namespaces.set(namespace, known);
    }
    for (const name of Object.keys(values)) known[name] = values[name];
  }

  entries(): IterableIterator<[string, MetadataValues]> {
    return this.#namespaces.entries();
  }
}

interface Entry {
  value: unknown;
  readonly readOnly: boolean;
}

export class StreamFilterState implements FilterState {
  readonly #entries = new Map<string, Entry>();
  readonly #connection: StreamFilterState | null;

  /** `connection` is the state that outlives the stream; null for that state itself. */
  constructor(connection: StreamFilterState | null) {
    this.#connection = connection;
  }

  get(key: string): unknown {
    const own = this.#entries.get(key);
    return own === undefined ? this.#connection?.get(key) : own.value;
  }

  has(key: string): boolean {
    return this.#entries.has(key) || this.#connection?.has(key) === true;
  }

  set(
    key: string,
    value: unknown,
    options?: { readonly readOnly?: boolean; readonly life?: "request" | "connection" },
  ): void {
    if (options?.life === "connection" && this.#connection !== null) {
      this.#connection.set(key, value, options);
      return;
    }
    if (this.#entries.get(key)?.readOnly === true) throw new TypeError(`filter state "${key}" is read-only`);
    this.#entries.set(key, { value, readOnly: options?.readOnly === true });
  }
}
