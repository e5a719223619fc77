/**
 * Counts the tokens of a response while it passes: by what it says of its use, or where it says nothing, by its pieces (a stream) or its bytes. It keeps one
 * line of a stream, or a document up to a limit.
 */
import { count, estimateTokens } from "./prompt.ts";

export interface TokenMeter {
  add(data: Uint8Array): void;
  /** Tokens so far: of the prompt (-1: not said), and of the completion. */
  read(): { readonly prompt: number; readonly completion: number };
}

const LONGEST_DOCUMENT = 1_048_576;
const LONGEST_LINE = 262_144;
const LF = 0x0a;

/** Of what it cannot read it counts the prompt alone, or what is compressed by its bytes. */
export function meterFor(contentType: string, contentEncoding: string): TokenMeter {
  const type = contentType.split(";", 1)[0]!.trim().toLowerCase();
  const isCompressed = !/^(?:identity)?$/i.test(contentEncoding.trim());
  if (type === "text/event-stream") return isCompressed ? new ByteMeter() : new StreamMeter();
  if (/^application\/(?:[\w.-]+\+)?json$/.test(type)) return isCompressed ? new ByteMeter() : new DocumentMeter();
  return type.startsWith("text/") || type === "application/x-ndjson" ? new ByteMeter() : NOTHING_READ;
}

const NOTHING_READ: TokenMeter = { add() {}, read: () => ({ prompt: -1, completion: 0 }) };

class ByteMeter implements TokenMeter {
  #bytes = 0;

  add(data: Uint8Array): void {
    this.#bytes += data.length;
  }

  read(): { prompt: number; completion: number } {
    return { prompt: -1, completion: estimateTokens(this.#bytes) };
  }
}

/** What a document or an event says of its use; the fields of OpenAI and of Anthropic. */
class Use {
  prompt = -1;
  completion = -1;

  read(value: unknown): void {
    const event = asObject(value);
    // The first event of Anthropic has the message inside, the last one of OpenAI's responses the response.
    const use = asObject(event["usage"] ?? asObject(event["message"] ?? event["response"])["usage"]);
    const prompt = use["prompt_tokens"] ?? use["input_tokens"];
    const completion = use["completion_tokens"] ?? use["output_tokens"];
    if (prompt !== undefined) this.prompt = count(prompt);
    if (completion !== undefined) this.completion = count(completion);
  }
}

class DocumentMeter implements TokenMeter {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  add(data: Uint8Array): void {
    this.#bytes += data.length;
    if (this.#bytes <= LONGEST_DOCUMENT) this.#chunks.push(Uint8Array.from(data));
    else this.#chunks.length = 0;
  }

  read(): { prompt: number; completion: number } {
    const use = new Use();
    use.read(parsed(Buffer.concat(this.#chunks).toString("utf8")));
    return { prompt: use.prompt, completion: use.completion === -1 ? estimateTokens(this.#bytes) : use.completion };
  }
}

/** Server-sent events (WHATWG HTML, 9.2): lines of `data:`, each with a document of its own. */
class StreamMeter implements TokenMeter {
  readonly #use = new Use();
  #line = "";
  #isTooLong = false;
  /** Events that brought a piece of the text. */
  #pieces = 0;

  add(data: Uint8Array): void {
    let from = 0;
    for (let at = data.indexOf(LF); at !== -1; at = data.indexOf(LF, from)) {
      this.#keep(data.subarray(from, at));
      this.#endLine();
      from = at + 1;
    }
    this.#keep(data.subarray(from));
  }

  read(): { prompt: number; completion: number } {
    const { prompt, completion } = this.#use;
    // What it says at its beginning is not what it has come to: a stream that is broken off says no more than that.
    return { prompt, completion: Math.max(completion, this.#pieces) };
  }

  #keep(piece: Uint8Array): void {
    if (this.#line.length + piece.length > LONGEST_LINE) this.#isTooLong = true;
    else if (piece.length > 0) this.#line += Buffer.from(piece).toString("latin1");
  }

  #endLine(): void {
    const line = this.#line;
    const isTooLong = this.#isTooLong;
    this.#line = "";
    this.#isTooLong = false;
    if (isTooLong) this.#pieces += estimateTokens(LONGEST_LINE);
    else if (line.startsWith("data:")) this.#event(parsed(Buffer.from(line.slice(5), "latin1").toString("utf8")));
  }

  #event(value: unknown): void {
    this.#use.read(value);
    if (hasText(value)) this.#pieces++;
  }
}

/** Whether an event brings something of the completion: text, thoughts, a call of a tool. */
function hasText(value: unknown): boolean {
  const event = asObject(value);
  if (isPiece(event["delta"])) return true;
  const { choices } = event;
  if (!Array.isArray(choices)) return false;
  return choices.some((choice) => isPiece(asObject(choice)["delta"]) || isText(asObject(choice)["text"]));
}

/** Beside what a delta is of it has only what it brings. */
function isPiece(delta: unknown): boolean {
  if (isText(delta)) return true;
  return Object.entries(asObject(delta)).some(
    ([name, value]) => !LABELS.has(name) && (isText(value) || (typeof value === "object" && value !== null)),
  );
}

const LABELS: ReadonlySet<string> = new Set(["role", "type", "stop_reason", "stop_sequence", "signature"]);

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
