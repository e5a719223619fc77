/**
 * YAML 1.2 (and so JSON) to a plain value with positions, every syntax error at once. As Envoy reads YAML: `!ignore` before a
 * key leaves the entry out, and an integer that a double cannot hold becomes a string. Left out: tags other than YAML's core, several documents in a file.
 */
import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { Json } from "../model.ts";
import type { Finding, Problems } from "../problems.ts";
import { defaultLimits, type SourceLimits } from "./limits.ts";
import type { JsonObject } from "./source.ts";
import { keyText, offsetOf, type Written, YamlSource } from "./yaml-source.ts";

/** Syntax errors that are told; after so many the rest says nothing new. */
const maxSyntaxErrors = 50;

export function parseSource(
  text: string,
  file: string,
  problems: Problems,
  limits: SourceLimits = defaultLimits,
): YamlSource {
  const source = text.startsWith("\uFEFF") ? text.slice(1) : text;
  return new SourceParser(source, file, problems, limits).parse();
}

class SourceParser {
  readonly #text: string;
  readonly #file: string;
  readonly #problems: Problems;
  readonly #limits: SourceLimits;
  readonly #lines = new LineCounter();
  readonly #written = new Map<object, Written>();
  readonly #anchors = new Map<string, Anchor>();
  #writtenNodes = 0;
  #aliasNodes = 0;
  #tooDeep = false;
  #tooMany = false;

  constructor(text: string, file: string, problems: Problems, limits: SourceLimits) {
    this.#text = text;
    this.#file = file;
    this.#problems = problems;
    this.#limits = limits;
  }

  parse(): YamlSource {
    return new YamlSource(this.#file, this.#root(), this.#lines, this.#written);
  }

  #root(): JsonObject | undefined {
    if (this.#text.length > this.#limits.maxBytes) {
      this.#error(0, {
        code: "ERR_CONFIG_TOO_LARGE",
        message: `the text is longer than ${this.#limits.maxBytes} characters`,
      });
      return undefined;
    }
    if (hasMoreParts(this.#text, this.#limits.maxParts)) {
      const message = `the text has more than ${this.#limits.maxParts} parts`;
      this.#error(0, { code: "ERR_CONFIG_TOO_LARGE", message });
      return undefined;
    }
    const document = this.#compose();
    if (document === undefined) return undefined;
    const { contents } = document;
    if (contents === null || (isScalar(contents) && contents.value === null)) {
      this.#error(0, { code: "ERR_CONFIG_SYNTAX", message: "the file is empty", expected: "a mapping" });
      return undefined;
    }
    if (!isMap(contents)) {
      const message = `the top level is ${isSeq(contents) ? "a list" : "a scalar"}`;
      this.#error(offsetOf(contents), { code: "ERR_CONFIG_SYNTAX", message, expected: "a mapping" });
      return undefined;
    }
    const before = this.#problems.errorCount;
    const root = this.#convert(contents, null, "", 1) as JsonObject;
    return this.#problems.errorCount === before ? root : undefined;
  }

  /** The only document, when its syntax is right. */
  #compose(): Document.Parsed | undefined {
    const before = this.#problems.errorCount;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: YAML allows none of them, the library all
    const control = this.#text.search(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/);
    const parser = new Parser(this.#lines.addNewLine);
    const composer = new Composer({
      schema: "core",
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
      resolveKnownTags: false,
      customTags: [ignoreTag],
    });
    const documents: Document.Parsed[] = [];
    let lexical = 0;
    for (const token of parser.parse(this.#text)) {
      if (token.type === "error" || token.type === "flow-error-end") lexical++;
      for (const document of composer.next(token)) documents.push(document);
      if (lexical > maxSyntaxErrors || documents.length > 2) break;
    }
    for (const document of composer.end(true, this.#text.length)) documents.push(document);
    if (control >= 0)
      this.#error(control, { code: "ERR_CONFIG_SYNTAX", message: "control characters are not allowed" });
    for (const document of documents) this.#syntaxErrors(document);
    const [first, second] = documents;
    if (second !== undefined && this.#problems.errorCount === before) {
      const message = "a second document starts here";
      this.#error(second.range[0], { code: "ERR_CONFIG_SYNTAX", message, expected: "one document in the file" });
    }
    return this.#problems.errorCount === before ? first : undefined;
  }

  #syntaxErrors(document: Document.Parsed): void {
    for (const { code, message, pos } of [...document.errors, ...document.warnings].slice(0, maxSyntaxErrors)) {
      if (message.includes("call stack")) this.#deep(pos[0]);
      else if (code !== "TAG_RESOLVE_FAILED" || !message.includes(ignoreTag.tag)) {
        this.#error(pos[0], { code: "ERR_CONFIG_SYNTAX", message: clause(message) });
      }
    }
  }

  #convert(node: Node | null, parent: object | null, key: string | number, depth: number): Json {
    this.#writtenNodes++;
    if (node === null) return null;
    if (isAlias(node)) return this.#alias(node.source, offsetOf(node));
    const before = this.#writtenNodes + this.#aliasNodes;
    const anchor: Anchor = { value: null, nodes: 0, isOpen: true };
    if (!isAlias(node) && "anchor" in node && node.anchor !== undefined) this.#anchors.set(node.anchor, anchor);
    if (isMap(node)) anchor.value = this.#mapping(node, parent, key, depth);
    else if (isSeq(node)) anchor.value = this.#list(node, parent, key, depth);
    else if (isScalar(node)) anchor.value = plainScalar(node);
    anchor.nodes = this.#writtenNodes + this.#aliasNodes - before + 1;
    anchor.isOpen = false;
    return anchor.value;
  }

  #mapping(node: YAMLMap, parent: object | null, key: string | number, depth: number): JsonObject {
    const made: JsonObject = {};
    const merged: object[] = [];
    this.#written.set(made, { node, parent, key, merged });
    if (depth > this.#limits.maxDepth) return (this.#deep(offsetOf(node)), made);
    const firstAt = new Map<string, number>();
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      if ((pair.key as Scalar).tag === ignoreTag.tag) {
        this.#convert(pair.value, made, "", depth + 1);
        continue;
      }
      const name = this.#key(pair.key);
      if (name === undefined) continue;
      if (name === "<<" && (pair.key as Scalar).type === "PLAIN") {
        this.#merge(pair, made, merged, depth);
        continue;
      }
      const first = firstAt.get(name);
      if (first !== undefined) {
        const message = `the key ${JSON.stringify(name)} appears twice, first on line ${this.#lines.linePos(first).line}`;
        this.#error(offsetOf(pair.key), { code: "ERR_CONFIG_DUPLICATE_KEY", message });
        continue;
      }
      firstAt.set(name, offsetOf(pair.key));
      setOwn(made, name, this.#convert(pair.value, made, name, depth + 1));
    }
    for (const other of merged as JsonObject[]) {
      for (const name of Object.keys(other)) if (!Object.hasOwn(made, name)) setOwn(made, name, other[name] ?? null);
    }
    return made;
  }

  #key(key: Node | null): string | undefined {
    const target = isAlias(key) ? this.#anchors.get(key.source)?.value : undefined;
    const name = target === undefined ? keyText(key) : typeof target === "object" ? undefined : String(target);
    if (name === undefined)
      this.#error(key === null ? 0 : offsetOf(key), {
        code: "ERR_CONFIG_SYNTAX",
        message: "a key is missing or not a text",
      });
    return name;
  }

  /** `<<: *base` or `<<: [*a, *b]`: entries that are not written take those of the others. */
  #merge(pair: Pair<Node, Node | null>, made: object, merged: object[], depth: number): void {
    const value = this.#convert(pair.value, made, "<<", depth + 1);
    for (const other of Array.isArray(value) ? value : [value]) {
      if (typeof other === "object" && other !== null && !Array.isArray(other)) merged.push(other);
      else
        this.#error(offsetOf(pair.value ?? pair.key), {
          code: "ERR_CONFIG_SYNTAX",
          message: "<< merges something else",
          expected: "a mapping or a list of mappings",
        });
    }
  }

  #list(node: YAMLSeq, parent: object | null, key: string | number, depth: number): Json[] {
    const made: Json[] = [];
    this.#written.set(made, { node, parent, key, merged: [] });
    if (depth > this.#limits.maxDepth) return (this.#deep(offsetOf(node)), made);
    for (const item of node.items as (Node | null)[]) made.push(this.#convert(item, made, made.length, depth + 1));
    return made;
  }

  #alias(name: string, offset: number): Json {
    const anchor = this.#anchors.get(name);
    if (anchor === undefined || anchor.isOpen) {
      const message =
        anchor === undefined
          ? `the alias *${name} has no anchor before it`
          : `the alias *${name} is inside its own anchor`;
      this.#error(offset, { code: "ERR_CONFIG_ALIAS", message });
      return null;
    }
    this.#aliasNodes += anchor.nodes;
    if (this.#aliasNodes > this.#limits.maxAliasNodes + 10 * this.#writtenNodes) {
      if (!this.#tooMany) this.#error(offset, { code: "ERR_CONFIG_ALIAS", message: "the aliases expand to too much" });
      this.#tooMany = true;
      return null;
    }
    return anchor.value;
  }

  #deep(offset: number): void {
    if (this.#tooDeep) return;
    this.#tooDeep = true;
    this.#error(offset, {
      code: "ERR_CONFIG_TOO_DEEP",
      message: `the nesting is deeper than ${this.#limits.maxDepth} levels`,
    });
  }

  #error(offset: number, finding: Finding): void {
    const { line, col } = this.#lines.linePos(offset);
    this.#problems.error({ file: this.#file, line, column: col, path: "" }, finding);
  }
}

/** See SourceLimits.maxParts. */
function hasMoreParts(text: string, limit: number): boolean {
  if (text.length <= limit) return false;
  let halves = 0;
  for (let i = 0; i < text.length && halves <= 2 * limit; i++) {
    const c = text.charAt(i);
    if ("\n,[{&*!".includes(c)) halves += 2;
    else if ("\"'".includes(c) || (c === " " && ":-?".includes(text.charAt(i - 1)))) halves += 1;
  }
  return halves > 2 * limit;
}

/** What an anchor names, and how many nodes that is with its own aliases expanded. */
interface Anchor {
  value: Json;
  nodes: number;
  isOpen: boolean;
}

const ignoreTag = { tag: "!ignore", resolve: (text: string) => text };

function plainScalar(node: Scalar): Json {
  const { value, source } = node;
  if (typeof value === "number") {
    return !Number.isInteger(value) || Number.isSafeInteger(value)
      ? value
      : exactInteger(source ?? String(value), value);
  }
  return typeof value === "string" || typeof value === "boolean" ? value : null;
}

function exactInteger(source: string, value: number): Json {
  const digits = source.startsWith("+") ? source.slice(1) : source;
  return /^(-?\d+|0[xo][\da-fA-F]+)$/.test(digits) ? String(BigInt(digits)) : value;
}

/** `__proto__` is a key like any other. */
function setOwn(object: JsonObject, key: string, value: Json): void {
  if (key === "__proto__")
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

function clause(sentence: string): string {
  const text = sentence.replace(/\.$/, "");
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
