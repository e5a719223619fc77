/** A bound configuration: typed messages, and for each of them where it was written. */
import type { Message } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Json } from "../model.ts";
import type { Location } from "../problems.ts";
import type { JsonObject, Locator, Part } from "../source/source.ts";
import { isObject } from "./describe.ts";
import type { TypeRegistry } from "./registry.ts";
import { messageToJson } from "./to-json.ts";
import { camelCase } from "./type-lines.ts";

/** What an Any of the configuration holds. */
export type Payload =
  /** A message of Envoy's API, written inline or as a TypedStruct. */
  | { readonly kind: "message"; readonly typeName: string; readonly message: Message }
  /** Configuration of an extension by its id: data that the extension's own schema reads. */
  | { readonly kind: "plain"; readonly typeName: string; readonly value: JsonObject }
  /** Unknown or unsupported, and the message that holds it says `is_optional: true`. */
  | { readonly kind: "skipped"; readonly typeName: string; readonly value: JsonObject };

/** What the binder knows of its messages; private to it and the tree. */
export interface Origins {
  /** The object or list that a message or a plain value was read from, or the entry of one. */
  readonly places: WeakMap<object, Place>;
  readonly payloads: WeakMap<object, Payload>;
  readonly damaged: WeakSet<object>;
  /** Lists of the source of which elements were left out: for each element of the message its index in the source. */
  readonly shifted: WeakMap<object, readonly number[]>;
}

export interface Place {
  readonly container: object;
  /** Set where the value itself is no object: a duration, or something wrong. */
  readonly key?: string | number;
}

export class ConfigTree<T extends Message = Message> {
  readonly root: T;
  readonly #locator: Locator;
  readonly #origins: Origins;
  readonly #types: TypeRegistry;

  constructor(root: T, locator: Locator, origins: Origins, types: TypeRegistry) {
    this.root = root;
    this.#locator = locator;
    this.#origins = origins;
    this.#types = types;
  }

  /**
   * Where a message of this tree, or a field of it (proto name), or an element of that field (index or map key) was
   * written. `part: "key"` is the field's name instead of its value. An unset field gives the message's position.
   */
  at(message: Message, field?: string, element?: string | number, part: Part = "value"): Location {
    const place = this.#origins.places.get(message);
    if (place === undefined) return this.#fileLocation();
    if (field === undefined || place.key !== undefined) return this.#locator.locate(place.container, place.key, part);
    const key = spelling(place.container as JsonObject, field);
    const value = element === undefined ? undefined : (place.container as JsonObject)[key];
    if (element === undefined || typeof value !== "object" || value === null) {
      return this.#locator.locate(place.container, key, part);
    }
    const shifted = typeof element === "number" ? this.#origins.shifted.get(value)?.[element] : undefined;
    return this.#locator.locate(value, shifted ?? element, part);
  }

  /**
   * The deepest written place along a path of keys and indices below a message or a payload's plain value: where the
   * issue of an extension's own schema stands.
   */
  atPath(from: Message | JsonObject, path: readonly (string | number)[]): Location {
    const place = this.#origins.places.get(from);
    if (place === undefined) return this.#fileLocation();
    if (place.key !== undefined || path.length === 0) return this.#locator.locate(place.container, place.key);
    let container = place.container as Record<string | number, Json>;
    for (const [depth, step] of path.entries()) {
      const key = typeof step === "string" && !Array.isArray(container) ? spelling(container, step) : step;
      const value = Object.hasOwn(container, key) ? container[key] : undefined;
      if (depth === path.length - 1 || typeof value !== "object" || value === null)
        return this.#locator.locate(container, key);
      container = value as Record<string | number, Json>;
    }
    return this.#locator.locate(container);
  }

  /** What an Any holds; undefined when that was reported as wrong. */
  payload(any: Any): Payload | undefined {
    return this.#origins.payloads.get(any);
  }

  /** Whether anything in this message or below it was reported as an error: then other findings about it may be its echo. */
  isDamaged(message: Message): boolean {
    return this.#origins.damaged.has(message);
  }

  /** Canonical proto3 JSON with snake_case names as fresh plain data: defaults left out, each Any with its `@type`. */
  toJson(message: Message): JsonObject {
    const json = messageToJson(message, this.#types, this.#origins.payloads);
    if (!isObject(json)) throw new Error(`${message.$typeName} is not a JSON object`);
    return json;
  }

  #fileLocation(): Location {
    return { file: this.#locator.file, line: 0, column: 0, path: "" };
  }
}

/** The key that the user wrote for a field: snake_case unless only camelCase is there. */
function spelling(container: object, field: string): string {
  const camel = camelCase(field);
  return !Object.hasOwn(container, field) && Object.hasOwn(container, camel) ? camel : field;
}

/** Narrows by name: `isMessage<Router>(m, "envoy.extensions.filters.http.router.v3.Router")`. */
export function isMessage<T extends Message>(message: Message | undefined, typeName: T["$typeName"]): message is T {
  return message?.$typeName === typeName;
}
