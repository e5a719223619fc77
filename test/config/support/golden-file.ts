// A golden case is one file: the configuration, then sections that start with a line of dashes and a title. Directives are comments of
// the input: `# model: clusters[0].http` shows that part of the compiled model, `# allow-unsupported` turns refusals into warnings.

export interface GoldenFile {
  readonly input: string;
  readonly models: readonly string[];
  readonly allowsUnsupported: boolean;
  /** Title → text, in their order. */
  readonly sections: ReadonlyMap<string, string>;
}

const rule = "-".repeat(60);

export function parseGolden(text: string): GoldenFile {
  const [input = "", ...parts] = text.split(/^-{60} (.*)\n/m);
  const sections = new Map<string, string>();
  for (let i = 0; i < parts.length; i += 2) sections.set(parts[i] ?? "", parts[i + 1] ?? "");
  const models = [...input.matchAll(/^# model: (.*)$/gm)].map((match) => match[1] ?? "");
  return { input, models, allowsUnsupported: /^# allow-unsupported$/m.test(input), sections };
}

export function formatGolden(input: string, sections: ReadonlyMap<string, string>): string {
  return input + [...sections].map(([title, text]) => `${rule} ${title}\n${text}`).join("");
}

/** The part of a value that a path such as `listeners[0].filterChain.tls` leads to. */
export function partAt(value: unknown, path: string): unknown {
  let part = value;
  for (const [, key, index] of path.matchAll(/([A-Za-z_$][\w$]*)|\[(\d+)\]/g)) {
    part = (part as Record<string, unknown> | undefined)?.[key ?? index ?? ""];
  }
  return part;
}

/** As JSON that reads well and is the same everywhere: bytes as text, PEM by its first line, this folder's path as a word. */
export function stableJson(value: unknown): string {
  const stable = (_: string, each: unknown): unknown => {
    if (each instanceof Uint8Array) return `bytes of ${JSON.stringify(Buffer.from(each).toString("latin1"))}`;
    if (typeof each !== "string") return each;
    if (each.startsWith("-----BEGIN")) return `${each.slice(0, each.indexOf("\n"))} …`;
    return each.replaceAll(process.cwd(), "<cwd>");
  };
  return `${JSON.stringify(value, stable, 2)}\n`;
}
