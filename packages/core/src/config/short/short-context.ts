/** What the parts of the short form's adapter share. */
import { isAbsolute, join, normalize, relative, resolve } from "node:path";
import type { Registry } from "../../registry/registry.ts";
import type { Json } from "../model.ts";
import type { Finding, Problems } from "../problems.ts";
import type { DerivedSource } from "../source/derived-source.ts";
import type { FoundFilter } from "./find-filter.ts";
import type { Locator } from "../source/source.ts";

export interface ShortOptions {
  readonly base: Locator;
  readonly derived: DerivedSource;
  readonly problems: Problems;
  readonly registry: Registry;
  readonly allowUnsupported: boolean;
  /** Of the configuration file: relative file names begin here. */
  readonly directory: string;
  /** As written → URL of the module; null where it could not be loaded. */
  readonly extensions: ReadonlyMap<string, string | null>;
}

export class ShortContext {
  readonly base: Locator;
  readonly derived: DerivedSource;
  readonly problems: Problems;
  readonly registry: Registry;
  readonly extensions: ReadonlyMap<string, string | null>;
  readonly #allowUnsupported: boolean;
  readonly #directory: string;
  /** How the routes of the connection manager at hand may call the filters of its chain. */
  readonly filterNames = new Map<string, FoundFilter & { readonly nameInChain: string }>();
  /** Whether a listener asked for `edge: true`. */
  isEdge = false;
  /** Whether a route retries. */
  hasRetries = false;

  constructor(options: ShortOptions) {
    this.base = options.base;
    this.derived = options.derived;
    this.problems = options.problems;
    this.registry = options.registry;
    this.extensions = options.extensions;
    this.#allowUnsupported = options.allowUnsupported;
    this.#directory = options.directory;
  }

  error(container: object, key: string | number | undefined, finding: Finding): void {
    this.problems.error(this.base.locate(container, key), finding);
  }

  wrongType(container: object, key: string | number, expected: string): void {
    const value = (container as Record<string | number, Json>)[key];
    this.error(container, key, { code: "ERR_CONFIG_TYPE", message: `found ${nameOf(value)}`, expected });
  }

  /** Something that a later version will have. */
  unsupported(container: object, key: string, what: string, expected?: string): void {
    const finding: Finding = { code: "ERR_CONFIG_UNSUPPORTED", message: `${what} is not supported yet`, expected };
    this.problems[this.#allowUnsupported ? "warning" : "error"](this.base.locate(container, key, "key"), finding);
  }

  /** Files are named relative to the configuration; the long form's are relative to the working directory. */
  filePath(file: string): string {
    if (isAbsolute(file)) return file;
    const path = resolve(this.#directory, file);
    const fromHere = relative(process.cwd(), path);
    return fromHere.startsWith("..") ? path : normalize(join(".", fromHere));
  }
}

function nameOf(value: Json | undefined): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
