/** What every part of the compiler shares: the bound tree, the problems, the extensions that are known, and how things are told. */
import { isAbsolute, resolve } from "node:path";
import type { Message } from "@bufbuild/protobuf";
import type { ErrorCode } from "../../errors.ts";
import type { Registry } from "../../registry/registry.ts";
import { didYouMean } from "../did-you-mean.ts";
import { bind, type BindOptions } from "../envoy/bind.ts";
import type { ConfigTree } from "../envoy/tree.ts";
import type { ConfigPlace, LocalityNameModel, ObserveModel } from "../model.ts";
import type { Finding, Location, Problems } from "../problems.ts";
import type { JsonObject, Locator } from "../source/source.ts";

/** A field of a message; with `element`, an entry of that list or map. */
export interface Field {
  readonly message: Message;
  readonly field?: string | undefined;
  readonly element?: string | number | undefined;
}

export interface CompileOptions {
  readonly tree: ConfigTree;
  /** Finds places inside extension configurations that are no messages. */
  readonly locator: Locator;
  /** As the tree was bound: problems, and whether what is unsupported is an error. */
  readonly binding: BindOptions;
  readonly registry: Registry;
  /** Names that Envoy allows to dangle (a TCP proxy's cluster, the filter of a per-route configuration) are errors: short form. */
  readonly strict: boolean;
  /** Where relative file names begin. Envoy: the working directory. */
  readonly directory: string;
}

type Details = Omit<Finding, "code" | "message">;

export class CompileContext {
  readonly tree: ConfigTree;
  readonly registry: Registry;
  readonly strict: boolean;
  /** Names of the clusters that the configuration defines, known before listeners are compiled. */
  readonly clusterNames: Set<string>;
  /** The same for all connection managers; known before they are compiled. */
  observe: ObserveModel = { sampleEvery: 0, debugTrace: null };
  /** Who this proxy is; known before listeners are compiled. */
  node: { readonly cluster: string; readonly node: string } = { cluster: "", node: "" };
  /** Where outlier detection of all clusters writes its events; empty: nowhere. Known before clusters are compiled. */
  outlierEventLog = "";
  /** The cluster that this proxy is a host of, and where it is; known before clusters are compiled. null: nobody says. */
  local: { readonly cluster: string; readonly locality: LocalityNameModel } | null = null;
  readonly #options: CompileOptions;
  readonly #problems: Problems;

  constructor(options: CompileOptions, clusterNames: Set<string> = new Set()) {
    this.tree = options.tree;
    this.registry = options.registry;
    this.strict = options.strict;
    this.clusterNames = clusterNames;
    this.#options = options;
    this.#problems = options.binding.problems;
  }

  /** Binds a message that stands inside an extension's plain configuration; what comes back compiles its parts. */
  bindInside<T extends Message>(typeName: T["$typeName"], value: JsonObject): CompileContext {
    const tree = bind<T>(typeName, value, this.#options.locator, this.#options.binding);
    return new CompileContext({ ...this.#options, tree }, this.clusterNames);
  }

  at({ message, field, element }: Field): Location {
    return this.tree.at(message, field, element);
  }

  place(at: Field): ConfigPlace {
    const { file, line, column, path } = this.at(at);
    return { path, position: line > 0 ? `${file}:${line}:${column}` : file };
  }

  error(at: Field, code: ErrorCode, message: string, details: Details = {}): void {
    this.#problems.error(this.at(at), { code, message, ...details });
  }

  warning(at: Field, code: ErrorCode, message: string, details: Details = {}): void {
    this.#problems.warning(this.at(at), { code, message, ...details });
  }

  /** Something is wrong along a path of keys below a message or an extension's plain configuration. */
  errorAt(
    from: Message | JsonObject,
    path: readonly (string | number)[],
    code: ErrorCode,
    message: string,
    details: Details = {},
  ): void {
    this.#problems.error(this.tree.atPath(from, path), { code, message, ...details });
  }

  /** Says that a required thing is missing, unless it was there and wrong, which was reported then. */
  missing(at: Field, what: string, expected?: string): void {
    if (!this.tree.isDamaged(at.message)) this.error(at, "ERR_CONFIG_REQUIRED", `${what} is missing`, { expected });
  }

  /** A value that Envoy knows and Sluice does not implement; a warning where unsupported things are allowed. */
  unsupported(at: Field, what: string, expected?: string): void {
    const tell = this.#options.binding.allowUnsupported ? this.warning : this.error;
    tell.call(this, at, "ERR_CONFIG_UNSUPPORTED", `${what} is not supported`, { expected });
  }

  /** A name that nothing in the configuration bears. */
  dangling(
    at: Field,
    kind: string,
    name: string,
    known: Iterable<string>,
    severity: "error" | "warning" = "error",
    where = "defined",
  ): void {
    const tell = severity === "error" ? this.error : this.warning;
    const suggestion = didYouMean(name, known);
    tell.call(this, at, "ERR_CONFIG_REFERENCE", `${kind} "${name}" is not ${where}`, { suggestion });
  }

  resolvePath(file: string): string {
    return isAbsolute(file) ? file : resolve(this.#options.directory, file);
  }

  /** Lets an extension's own schema judge its configuration; `message`: what it was made from, where that is one. */
  judge(id: string, which: "config" | "routeConfig", value: JsonObject, message: Message | undefined): void {
    // What is missing because it was wrong would be told twice.
    if (message !== undefined && this.tree.isDamaged(message)) return;
    const verdict = this.registry.judge(id, which, value);
    if (verdict.ok) return;
    for (const issue of verdict.issues) {
      this.errorAt(message ?? value, issue.path, "ERR_CONFIG_TYPE", clause(issue.message));
    }
  }
}

/** Schema libraries say `Expected a number.`; problems are clauses. */
function clause(sentence: string): string {
  const text = sentence.replace(/\.$/, "");
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
