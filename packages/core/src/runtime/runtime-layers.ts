/** Main's side of runtime values: the layers of the configuration, the values that the admin interface has set, and what comes out of both. */
import type { RuntimeModel } from "../config/model.ts";
import type { RuntimeEntries } from "./runtime-entry.ts";

/** What Envoy has where no layers are configured: the admin's alone. */
export const DEFAULT_RUNTIME: RuntimeModel = { layers: [{ name: "", kind: "admin" }] };

/** As `/runtime` shows it. */
export interface RuntimeDump {
  readonly layers: readonly string[];
  readonly entries: Readonly<
    Record<string, { readonly layer_values: readonly string[]; readonly final_value: string }>
  >;
}

export class RuntimeLayers {
  #model: RuntimeModel = DEFAULT_RUNTIME;
  /** Outlives changes of the configuration. */
  readonly #admin = new Map<string, string>();

  configure(model: RuntimeModel): void {
    this.#model = model;
  }

  get hasAdminLayer(): boolean {
    return this.#model.layers.some(({ kind }) => kind === "admin");
  }

  get layerCount(): number {
    return this.#model.layers.length;
  }

  get adminCount(): number {
    return this.#admin.size;
  }

  /** Sets values of the admin layer; an empty one removes its key. */
  modify(changes: ReadonlyMap<string, string>): void {
    for (const [key, value] of changes) {
      if (value === "") this.#admin.delete(key);
      else this.#admin.set(key, value);
    }
  }

  /** The last layer that has a key decides. */
  get final(): RuntimeEntries {
    const entries: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const layer of this.#values()) for (const [key, value] of layer) entries[key] = value;
    return { ...entries };
  }

  dump(): RuntimeDump {
    const layers = this.#values();
    const keys = [...new Set(layers.flatMap((layer) => [...layer.keys()]))].toSorted();
    const entries = keys.map((key) => {
      const values = layers.map((layer) => layer.get(key) ?? "");
      return [
        key,
        { layer_values: values, final_value: layers.findLast((layer) => layer.has(key))!.get(key)! },
      ] as const;
    });
    return { layers: this.#model.layers.map(({ name }) => name), entries: Object.fromEntries(entries) };
  }

  #values(): ReadonlyMap<string, string>[] {
    return this.#model.layers.map((layer) => {
      return layer.kind === "admin" ? this.#admin : new Map(Object.entries(layer.entries));
    });
  }
}
