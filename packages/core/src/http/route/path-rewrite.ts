/** Hot path. Rewrites of paths: the part that the route matched, what a pattern finds, a URI template. The query stays as it is. */
import type { RegexRewriteModel } from "../../config/model.ts";
import { type LinearRegex, compileRegex } from "../../matching/linear-regex.ts";
import {
  compileUriRewrite,
  compileUriTemplate,
  type UriRewrite,
  type UriTemplate,
} from "../../matching/uri-template.ts";
import { compiled } from "./route-match.ts";

/** What the route matches a path by. */
export interface MatchedPath {
  readonly kind: "prefix" | "exact" | "separated_prefix" | "regex" | "template" | "connect";
  /** Its case does not matter where the route ignores case. */
  readonly value: string;
}

/** What a rewrite leaves may be no path: a target in another form, which names another server, or the rest of a host. */
export function rooted(path: string): string {
  return path.charCodeAt(0) === 0x2f ? path : `/${path}`;
}

export function endOfPath(path: string): number {
  const query = path.indexOf("?");
  return query < 0 ? path.length : query;
}

/** Path and query with the part that the route matched replaced: of what is no fixed text that is the whole path. */
export function rewritePrefix(path: string, { kind, value }: MatchedPath, replacement: string): string {
  const end = endOfPath(path);
  const isFixed = kind === "prefix" || kind === "exact" || kind === "separated_prefix";
  return replacement + path.slice(isFixed ? Math.min(value.length, end) : end);
}

export class RegexRewrite {
  readonly #regex: LinearRegex;
  readonly #substitution: string;

  constructor(model: RegexRewriteModel) {
    this.#regex = compiled(compileRegex(model.pattern));
    this.#substitution = model.substitution;
  }

  apply(path: string): string {
    const end = endOfPath(path);
    return this.onPath(path.slice(0, end)) + path.slice(end);
  }

  /** Of a path without query. */
  onPath(path: string): string {
    return this.#regex.replaceAll(path, this.#substitution);
  }
}

export class TemplateRewrite {
  readonly #template: UriTemplate;
  readonly #rewrite: UriRewrite;

  constructor(template: string, rewrite: string) {
    this.#template = compiled(compileUriTemplate(template));
    this.#rewrite = compiled(compileUriRewrite(rewrite, this.#template.variables));
  }

  /** null where the path is no longer what the template matched: filters may have changed it. */
  apply(path: string): string | null {
    const end = endOfPath(path);
    const values = this.#template.capture(path.slice(0, end));
    return values === null ? null : this.#rewrite.apply(values) + path.slice(end);
  }
}
