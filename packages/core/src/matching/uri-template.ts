/**
 * Hot path. Envoy's URI templates: `/files/{tenant}/{path=**}`. `*` is one segment, `**` any number of them, `{name}` keeps what it stands for,
 * `{name=pattern}` is one of several segments. Matched in one pass; what is captured fills `{name}` of a rewrite. Envoy: path.match.uri_template,
 * path.rewrite.uri_template.
 */
import { MatchProblem } from "./match-problem.ts";

const MAX_VARIABLES = 5;
const MAX_NAME_LENGTH = 16;
const MAX_LENGTH = 256;
/** pchar of RFC 3986 appendix A without `*`. */
const LITERAL = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=]+$/;
const REWRITE_LITERAL = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=/]+$/;
const NAME = /^[a-zA-Z][a-zA-Z0-9_]*$/;
const TEXT = 0;
const SEGMENT = 1;
const SEGMENTS = 2;
const OPEN = 3;
const CLOSE = 4;
const SLASH = 0x2f;

/** By code unit: whether a glob takes it. */
const IS_LITERAL = Uint8Array.from({ length: 128 }, (_, code) => (LITERAL.test(String.fromCharCode(code)) ? 1 : 0));

class Part {
  readonly kind: number;
  /** Of a text. */
  readonly text: string;
  /** Of a variable's begin and end. */
  readonly variable: number;
  /** Of the last glob: the length of the texts behind it; -1 of others. */
  readonly tail: number;

  constructor(kind: number, text: string, variable: number, tail = -1) {
    this.kind = kind;
    this.text = text;
    this.variable = variable;
    this.tail = tail;
  }
}

/** Made by {@link compileUriTemplate}. */
export class UriTemplate {
  readonly template: string;
  /** In the order of the template. */
  readonly variables: readonly string[];
  readonly #parts: readonly Part[];
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;

  constructor(template: string, variables: readonly string[], parts: readonly Part[]) {
    this.template = template;
    this.variables = variables;
    const last = parts.findLastIndex(({ kind }) => kind === SEGMENT || kind === SEGMENTS);
    const tail = parts.slice(last + 1).reduce((sum, { text }) => sum + text.length, 0);
    this.#parts = parts.map((part, i) => (i === last ? new Part(part.kind, "", -1, tail) : part));
    this.#starts = new Int32Array(variables.length);
    this.#ends = new Int32Array(variables.length);
  }

  /** What every path that it matches begins with. */
  get literalPrefix(): string {
    const first = this.#parts.find(({ kind }) => kind !== OPEN && kind !== CLOSE);
    return first?.kind === TEXT ? first.text : "";
  }

  /** Whether it matches the whole of a path without query. */
  matches(path: string): boolean {
    const parts = this.#parts;
    let at = 0;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      switch (part.kind) {
        case TEXT:
          if (!path.startsWith(part.text, at)) return false;
          at += part.text.length;
          break;
        case OPEN:
          this.#starts[part.variable] = at;
          break;
        case CLOSE:
          this.#ends[part.variable] = at;
          break;
        default:
          at = endOfGlob(path, at, part);
          if (at < 0) return false;
      }
    }
    return at === path.length;
  }

  /** What its variables stand for in a path, in their order; null where it does not match. */
  capture(path: string): string[] | null {
    if (!this.matches(path)) return null;
    const values: string[] = [];
    for (let i = 0; i < this.variables.length; i++) values.push(path.slice(this.#starts[i], this.#ends[i]));
    return values;
  }
}

/** -1: it takes nothing. Behind the last glob only texts follow, and behind `**` no other glob does: where it ends is known. */
function endOfGlob(path: string, at: number, { kind, tail }: Part): number {
  let end = tail < 0 ? path.length : path.length - tail;
  if (kind === SEGMENT) {
    const slash = path.indexOf("/", at);
    if (slash >= 0 && slash < end) end = slash;
    if (end <= at) return -1;
  } else if (end < at) return -1;
  for (let i = at; i < end; i++) {
    const code = path.charCodeAt(i);
    if (code === SLASH ? kind === SEGMENT : code >= 128 || IS_LITERAL[code] === 0) return -1;
  }
  return end;
}

/** Made by {@link compileUriRewrite}: texts, and between them the numbers of variables. */
export class UriRewrite {
  readonly #parts: ReadonlyArray<string | number>;

  constructor(parts: ReadonlyArray<string | number>) {
    this.#parts = parts;
  }

  /** @param values what {@link UriTemplate.capture} found */
  apply(values: readonly string[]): string {
    let text = "";
    for (const part of this.#parts) text += typeof part === "string" ? part : values[part]!;
    return text;
  }
}

/** The template, or why it is none. */
export function compileUriTemplate(template: string): UriTemplate | MatchProblem {
  const expected = 'segments like "/a/*/{name}/{rest=**}"';
  const wrong = (message: string): MatchProblem => new MatchProblem(`${shown(template)} ${message}`, expected);
  if (!/^\/[!-~]*$/.test(template) || template.length > MAX_LENGTH)
    return new MatchProblem(
      `${shown(template)} is no URI template`,
      `"/" and at most ${MAX_LENGTH} printable characters`,
    );
  const parser = new TemplateParser(template);
  const problem = parser.parse();
  return problem === null ? new UriTemplate(template, parser.variables, parser.parts) : wrong(problem);
}

/** A rewrite for what a template captures, or why it is none. */
export function compileUriRewrite(rewrite: string, variables: readonly string[]): UriRewrite | MatchProblem {
  const known =
    variables.length === 0 ? "no variable, as the template has none" : variables.map((name) => `{${name}}`).join(", ");
  const wrong = (message: string): MatchProblem =>
    new MatchProblem(`${shown(rewrite)} ${message}`, `a path with ${known}`);
  if (!rewrite.startsWith("/")) return wrong('does not begin with "/"');
  if (rewrite.includes("//")) return wrong('has "//"');
  const parts: (string | number)[] = [];
  let rest = rewrite;
  while (rest !== "") {
    const open = rest.indexOf("{");
    const text = open < 0 ? rest : rest.slice(0, open);
    if (text !== "" && !REWRITE_LITERAL.test(text)) return wrong(`has ${shown(text)}, which a path cannot hold`);
    if (text !== "") parts.push(text);
    if (open < 0) break;
    const close = rest.indexOf("}", open);
    if (close < 0) return wrong('has a "{" without "}"');
    const variable = variables.indexOf(rest.slice(open + 1, close));
    if (variable < 0) return wrong(`names ${shown(rest.slice(open + 1, close))}, which the template does not capture`);
    parts.push(variable);
    rest = rest.slice(close + 1);
  }
  return new UriRewrite(parts);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

class TemplateParser {
  readonly variables: string[] = [];
  readonly parts: Part[] = [];
  #rest: string;
  #text = "/";
  #hasSegments = false;

  constructor(template: string) {
    this.#rest = template.slice(1);
  }

  /** null, or what is wrong. */
  parse(): string | null {
    while (this.#rest !== "") {
      const problem = this.#rest.startsWith("{") ? this.#variable() : this.#segment();
      if (problem !== null) return problem;
      if (this.#rest === "" || this.#rest.startsWith("/")) {
        if (this.#rest !== "") this.#text += "/";
        this.#rest = this.#rest.slice(1);
        continue;
      }
      // What follows a glob or a variable without a slash ends the template.
      const suffix = this.#rest;
      if (!LITERAL.test(suffix))
        return `has ${shown(suffix)} behind a "*" or "}", where only the end of the last segment can stand`;
      this.#text += suffix;
      break;
    }
    this.#flush();
    return null;
  }

  #segment(): string | null {
    if (this.#rest.startsWith("*")) return this.#glob();
    const slash = this.#rest.indexOf("/");
    const literal = slash < 0 ? this.#rest : this.#rest.slice(0, slash);
    if (!LITERAL.test(literal)) return literal === "" ? 'has "//"' : `has the segment ${shown(literal)}`;
    this.#text += literal;
    this.#rest = this.#rest.slice(literal.length);
    return null;
  }

  #glob(): string | null {
    if (this.#hasSegments) return 'has a "*" or a variable behind "**"';
    const isLong = this.#rest.startsWith("**");
    this.#hasSegments = isLong;
    this.#flush();
    this.parts.push(new Part(isLong ? SEGMENTS : SEGMENT, "", -1));
    this.#rest = this.#rest.slice(isLong ? 2 : 1);
    return null;
  }

  #variable(): string | null {
    const close = this.#rest.indexOf("}");
    if (close < 0) return 'has a "{" without "}"';
    const inside = this.#rest.slice(1, close);
    const behind = this.#rest.slice(close + 1);
    const equals = inside.indexOf("=");
    const name = equals < 0 ? inside : inside.slice(0, equals);
    if (!NAME.test(name) || name.length > MAX_NAME_LENGTH)
      return `has the variable ${shown(name)}; a name is a letter and at most ${MAX_NAME_LENGTH - 1} letters, digits and "_"`;
    if (this.variables.includes(name)) return `has two variables ${shown(name)}`;
    if (this.variables.length === MAX_VARIABLES) return `has more than ${MAX_VARIABLES} variables`;
    const variable = this.variables.push(name) - 1;
    this.#flush();
    this.parts.push(new Part(OPEN, "", variable));
    this.#rest = equals < 0 ? "*" : inside.slice(equals + 1);
    const problem = this.#rest === "" ? `has the variable ${shown(name)} with an empty pattern` : this.#inside(name);
    this.#flush();
    this.parts.push(new Part(CLOSE, "", variable));
    this.#rest = behind;
    return problem;
  }

  #inside(name: string): string | null {
    for (;;) {
      const problem = this.#segment();
      if (problem !== null) return problem;
      if (this.#rest === "") return null;
      if (!this.#rest.startsWith("/") || this.#rest.length === 1)
        return `has the variable ${shown(name)} with ${shown(this.#rest)} where "/" and a segment is expected`;
      this.#text += "/";
      this.#rest = this.#rest.slice(1);
    }
  }

  #flush(): void {
    if (this.#text !== "") this.parts.push(new Part(TEXT, this.#text, -1));
    this.#text = "";
  }
}
