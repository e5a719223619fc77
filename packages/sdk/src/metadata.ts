/** Dynamic metadata with a type: what one filter provides and another requires. */

/** The values of a namespace, JSON-like. */
export type MetadataValues = Readonly<Record<string, unknown>>;

/** Names a namespace of dynamic metadata and carries the type of its values. Plain data: two that name the same namespace are the same key. */
export interface MetadataKey<Values extends MetadataValues = MetadataValues> {
  readonly namespace: string;
  /** For the compiler alone; never there. */
  readonly "~values"?: Values;
}

/**
 * A typed key of dynamic metadata: `const identity = metadataKey<{ subject: string }>("acme.identity")`. Export it from the package that provides it, list it under
 * `provides` there and under `requires` where it is read; `stream.metadata.get(identity)` is then typed.
 * @param namespace in lower case, reverse DNS as ids are. @throws TypeError where it is empty
 */
export function metadataKey<Values extends MetadataValues>(namespace: string): MetadataKey<Values> {
  if (typeof namespace !== "string" || namespace === "")
    throw new TypeError("the namespace of a metadata key is empty");
  return Object.freeze({ namespace });
}
