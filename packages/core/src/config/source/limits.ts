/** What a configuration file may cost. */
export interface SourceLimits {
  /** Bytes of text. */
  readonly maxBytes: number;
  /**
   * Parts: line ends, commas, brackets, anchors, aliases, tags, pairs of quotes or other indicators. One takes up to
   * 1 KB and 6 µs to parse, so this bounds memory and time. A file of maxBytes that somebody wrote has fewer.
   */
  readonly maxParts: number;
  /** Levels of mappings and lists. */
  readonly maxDepth: number;
  /** Nodes after aliases are expanded, beyond ten times what is written. */
  readonly maxAliasNodes: number;
}

export const defaultLimits: SourceLimits = {
  maxBytes: 4 * 1024 * 1024,
  maxParts: 750_000,
  maxDepth: 200,
  maxAliasNodes: 100_000,
};
