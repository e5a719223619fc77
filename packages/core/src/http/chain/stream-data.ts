/** Dynamic metadata and filter state of a stream. Maps, so that no key is special; made on first use. */
import type { DynamicMetadata, FilterState } from "@sluice/sdk";

type Values = Readonly<Record<string, unknown>>;

export class StreamMetadata implements DynamicMetadata {
  readonly #namespaces = new Map<string, Record<string, unknown>>();

  get(namespace: string): Values | undefined {
    return this.#namespaces.get(namespace);
  }

  set(namespace: string, values: Values): void {
    let known = this.#namespaces.get(namespace);
    if (known === undefined) {
      known = Object.create(null) as Record<string, unknown>;
      this.#namespaces.set(namespace, known);
    }
    for (const key of Object.keys(values)) known[key] = values[key];
  }

  entries(): IterableIterator<[string, Values]> {
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
