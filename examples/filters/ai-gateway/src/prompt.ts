/** What the body of a request to a language model says: the model, and how many tokens it may cost. The APIs of OpenAI and of Anthropic agree on these fields. */

export interface Prompt {
  readonly model: string;
  /** Tokens of the prompt, by the rule of thumb of four bytes each. */
  readonly estimatedTokens: number;
  /** The most that the completion may have; 0: it does not say. */
  readonly completionLimit: number;
}

const BYTES_A_TOKEN = 4;

export function estimateTokens(bytes: number): number {
  return Math.ceil(bytes / BYTES_A_TOKEN);
}

/** null: the body is no JSON object with a model; "ambiguous": it says twice what parsers may take either of. */
export function readPrompt(body: Uint8Array): Prompt | "ambiguous" | null {
  let value: unknown;
  let text: string;
  try {
    text = UTF8.decode(body);
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { model, max_completion_tokens, max_tokens } = value as Readonly<Record<string, unknown>>;
  // The model becomes a header: what is no token of printable ASCII is no model.
  if (typeof model !== "string" || !/^[\x21-\x7e]{1,200}$/.test(model)) return null;
  if (saysTwice(text)) return "ambiguous";
  return {
    model,
    estimatedTokens: estimateTokens(body.length),
    completionLimit: count(max_completion_tokens ?? max_tokens),
  };
}

const FIELDS: ReadonlySet<string> = new Set(["model", "max_tokens", "max_completion_tokens"]);
/** No field is longer, with every letter escaped and the quotes. */
const LONGEST_NAME = 6 * "max_completion_tokens".length + 2;

/** Whether a field stands twice in the object. Some parsers take the first, others the last, and those of Go whatever the case. `json` is legal. */
function saysTwice(json: string): boolean {
  const seen = new Set<string>();
  let depth = 0;
  for (let i = 0; i < json.length; i++) {
    const character = json[i]!;
    if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    if (character !== '"') continue;
    const from = i;
    while (json[++i] !== '"') if (json[i] === "\\") i++;
    if (depth !== 1 || i - from >= LONGEST_NAME) continue;
    const name = (JSON.parse(json.slice(from, i + 1)) as string).toLowerCase();
    if (!FIELDS.has(name) || !isName(json, i + 1)) continue;
    if (seen.has(name)) return true;
    seen.add(name);
  }
  return false;
}

/** Whether a colon comes next. */
function isName(json: string, from: number): boolean {
  let i = from;
  while (/\s/.test(json[i]!)) i++;
  return json[i] === ":";
}

export function count(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
