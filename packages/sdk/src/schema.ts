/** Configuration schemas: the Standard Schema interface (any library that speaks it), plain JSON Schema, and proto JSON. */

/** Standard Schema, version 1 (https://standardschema.dev): the part that is used here. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    /** Standard JSON Schema, version 1: the schema as a JSON Schema, where the library can tell it. */
    readonly jsonSchema?:
      | { readonly input: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown> }
      | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<SchemaIssue> };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

/** A JSON Schema document (2020-12). Its configuration type is whatever the author says it is. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly [keyword: string]: unknown;
}

export type Schema = StandardSchema<unknown, unknown> | JsonSchema;

/** The type that a schema yields. */
export type SchemaOutput<S> = S extends {
  readonly "~standard": { readonly types?: infer T | undefined };
}
  ? NonNullable<T> extends { readonly output: infer Output }
    ? Output
    : unknown
  : unknown;

/** Thrown by the function of {@link parsedBy} to refuse a value: `path` leads to the offending key. */
export class ConfigError extends Error {
  readonly path: ReadonlyArray<string | number>;

  constructor(message: string, path: ReadonlyArray<string | number> = []) {
    super(message);
    this.name = "ConfigError";
    this.path = path;
  }
}

/**
 * A schema from a function: it returns the settings or throws {@link ConfigError}. For filters whose configuration is a
 * protobuf message (checked against its descriptor before it gets here) or that want no schema library.
 */
export function parsedBy<Output>(parse: (value: unknown) => Output): StandardSchema<unknown, Output> {
  return {
    "~standard": {
      version: 1,
      vendor: "sluice",
      validate(value) {
        try {
          return { value: parse(value) };
        } catch (error) {
          if (error instanceof Error && error.name === "ConfigError") {
            return { issues: [{ message: error.message, path: (error as ConfigError).path }] };
          }
          throw error;
        }
      },
    },
  };
}
