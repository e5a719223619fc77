/** Where a value goes, and as what: the text, rewritten, decoded, as number or as any value of JSON. A value that is none is not set. */
import type { DynamicMetadata, Regexes, RegexRewrite } from "@sluice/sdk";
import type { TargetSettings } from "./config.ts";
import { parseProtobufValue } from "./protobuf-value.ts";

/** Envoy's limit; longer values are not set. */
const MAX_LENGTH = 8 * 1024;

const NUMBER = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?$/i;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

export class Target {
  readonly #settings: TargetSettings;
  readonly #rewrite: RegexRewrite | null;

  /** @throws ConfigError where the pattern is no regular expression. */
  constructor(settings: TargetSettings, regexes: Regexes) {
    const { rewrite } = settings;
    this.#settings = settings;
    this.#rewrite = rewrite === null ? null : regexes.compileRewrite(rewrite.pattern, rewrite.substitution);
  }

  set(metadata: DynamicMetadata, sent: string): void {
    const { namespace, key, value } = this.#settings;
    let text = value === "" ? sent : value;
    if (text.length >= MAX_LENGTH) return;
    if (this.#rewrite !== null) text = this.#rewrite.apply(text);
    if (text === "" || text.length >= MAX_LENGTH) return;
    const converted = this.#convert(text);
    if (converted !== undefined) metadata.set(namespace, { [key]: converted });
  }

  /** undefined: it is no value of the type. */
  #convert(text: string): unknown {
    const { type, isBase64 } = this.#settings;
    if (isBase64 && !BASE64.test(text)) return undefined;
    if (type === "PROTOBUF_VALUE") return parseProtobufValue(Buffer.from(text, isBase64 ? "base64" : "utf8"));
    const decoded = isBase64 ? Buffer.from(text, "base64").toString("utf8") : text;
    if (type === "STRING") return decoded === "" ? undefined : decoded;
    const trimmed = decoded.trim();
    const number = NUMBER.test(trimmed) ? Number(trimmed) : Number.NaN;
    return Number.isFinite(number) ? number : undefined;
  }
}
