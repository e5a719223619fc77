/**
 * Hot path (docs/extending/hot-path-rules.md). What Envoy's connection manager does to a request's path
 * before anyone looks at it, in its order: refuse a fragment, unescape slashes, canonicalize, merge
 * slashes. A path that needs none of it costs one scan. What is forwarded is what was matched.
 */
import {
  canonicalizePath,
  DOUBLE_SLASH,
  ESCAPED_SLASH,
  FRAGMENT,
  NOT_CANONICAL,
  PATH_END_SHIFT,
  scanPath,
} from "./path-canonical.ts";

/** HttpConnectionManager.PathWithEscapedSlashesAction, without its IMPLEMENTATION_SPECIFIC_DEFAULT (Envoy: keep). */
export type EscapedSlashesAction =
  | "KEEP_UNCHANGED"
  | "REJECT_REQUEST"
  | "UNESCAPE_AND_REDIRECT"
  | "UNESCAPE_AND_FORWARD";

export interface PathNormalizeSettings {
  /** HttpConnectionManager.normalize_path. Default in Envoy: false. */
  readonly normalizePath: boolean;
  /** HttpConnectionManager.merge_slashes. Default in Envoy: false. */
  readonly mergeSlashes: boolean;
  /** HttpConnectionManager.path_with_escaped_slashes_action. */
  readonly escapedSlashes: EscapedSlashesAction;
}

/** What to do with the request. */
export const PathAction = {
  /** Go on with {@link PathNormalizer.path}. */
  none: 0,
  /** Answer 307 with `location: path`; a gRPC request is rejected instead. */
  redirect: 1,
  /** Answer 400; Envoy's details in both cases: `path_normalization_failed`. */
  reject: 2,
} as const;
export type PathAction = (typeof PathAction)[keyof typeof PathAction];

export interface NormalizedPath {
  readonly path: string;
  readonly action: "none" | "redirect" | "reject";
}

const ACTION_NAMES = ["none", "redirect", "reject"] as const;

/** One for each connection manager; its result stands in its fields until the next call. */
export class PathNormalizer {
  /** The path to go on with: the very same string where nothing was to do, or where it is rejected. */
  path: string;
  /** What a scan may find that something is to be done about. */
  readonly #concerns: number;
  readonly #unescapedAction: PathAction;

  constructor(settings: PathNormalizeSettings) {
    this.path = "";
    this.#concerns =
      FRAGMENT |
      (settings.normalizePath ? NOT_CANONICAL : 0) |
      (settings.mergeSlashes ? DOUBLE_SLASH : 0) |
      (settings.escapedSlashes === "KEEP_UNCHANGED" ? 0 : ESCAPED_SLASH);
    this.#unescapedAction =
      settings.escapedSlashes === "REJECT_REQUEST"
        ? PathAction.reject
        : settings.escapedSlashes === "UNESCAPE_AND_REDIRECT"
          ? PathAction.redirect
          : PathAction.none;
  }

  /**
   * Takes a request's path with its query, one character a byte (latin1), and returns the action. The query
   * is never touched. A `#` anywhere rejects, whatever the settings (RFC 9112 3.2: a target has no
   * fragment; Envoy since 1.16.5). The `*` of OPTIONS is no path and stays. Empty becomes `/` when normalized.
   */
  normalize(target: string): PathAction {
    this.path = target;
    const found = scanPath(target);
    if ((found & this.#concerns) === 0 || target === "*") return PathAction.none;
    if ((found & FRAGMENT) !== 0) return PathAction.reject;
    const end = found >> PATH_END_SHIFT;
    let path = target.slice(0, end);
    let action: PathAction = PathAction.none;
    if ((found & this.#concerns & ESCAPED_SLASH) !== 0) {
      action = this.#unescapedAction;
      if (action === PathAction.reject) return action;
      path = path.replace(ESCAPED_SLASHES, unescapeSlash);
    }
    if ((this.#concerns & NOT_CANONICAL) !== 0) {
      const canonical = canonicalizePath(path, path.length);
      if (canonical === null) return PathAction.reject;
      path = canonical;
    }
    if ((this.#concerns & DOUBLE_SLASH) !== 0) path = path.replace(SLASHES, "/");
    this.path = path + target.slice(end);
    return action;
  }
}

/** {@link PathNormalizer} for one path: what tools and tests call. */
export function normalizePath(target: string, settings: PathNormalizeSettings): NormalizedPath {
  const normalizer = new PathNormalizer(settings);
  const action = normalizer.normalize(target);
  return { path: normalizer.path, action: ACTION_NAMES[action] };
}

const ESCAPED_SLASHES = /%2f|%5c/gi;
const SLASHES = /\/{2,}/g;

function unescapeSlash(escaped: string): string {
  return escaped.charCodeAt(1) === 0x32 ? "/" : "\\";
}
