/** Words that the short form has for built-in filters whose messages take many lines for what is said daily. Everything else of a message stands beside them. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { spellAdmissionControl } from "./overload-words.ts";
import { isMapping } from "../is-mapping.ts";
import { spellSession } from "./session-words.ts";
import type { ShortContext } from "./short-context.ts";

export interface Spelt {
  /** The filter's configuration in its message's own words. */
  readonly config: JsonObject;
  /** Field of `config` → the word that it comes from. */
  readonly origins: ReadonlyMap<string, string>;
}

/** One configuration being spelt out. */
export class Speller {
  readonly context: ShortContext;
  readonly written: JsonObject;
  readonly config: JsonObject;
  readonly origins = new Map<string, string>();

  constructor(context: ShortContext, written: JsonObject) {
    this.context = context;
    this.written = written;
    this.config = { ...written };
  }

  /** The value of a word, which is none of the message's fields. */
  take(word: string): Json | undefined {
    delete this.config[word];
    return this.written[word];
  }

  takeMapping(word: string, expected: string): JsonObject | undefined {
    const value = this.take(word);
    if (value === undefined || isMapping(value)) return value;
    return void this.context.wrongType(this.written, word, expected);
  }

  put(field: string, value: Json, word: string): void {
    if (this.written[field] !== undefined && field !== word) {
      const message = `${word} and ${field} are both set`;
      this.context.error(this.written, word, { code: "ERR_CONFIG_CONFLICT", message });
      return;
    }
    this.config[field] = value;
    this.origins.set(field, word);
  }

  /** `made` comes from the word. */
  from<Made extends object>(made: Made, word: string): Made {
    return this.context.derived.mark(made, this.written, word);
  }
}

const NONE: ReadonlyMap<string, string> = new Map();

/** `config` as the message of the filter says it. */
export function spellOut(context: ShortContext, id: string, config: JsonObject): Spelt {
  const spell = Object.hasOwn(spellers, id) ? spellers[id] : undefined;
  if (spell === undefined) return { config, origins: NONE };
  const speller = new Speller(context, config);
  spell(speller);
  return speller;
}

const spellers: Readonly<Record<string, (speller: Speller) => void>> = {
  "envoy.filters.http.compressor": (speller) => {
    spellLibrary(speller, "compressor");
    spellCompressor(speller);
  },
  "envoy.filters.http.admission_control": spellAdmissionControl,
  "envoy.filters.http.decompressor": (speller) => spellLibrary(speller, "decompressor"),
  "envoy.filters.http.grpc_stats": spellGrpcStats,
  "envoy.filters.http.set_metadata": spellMetadata,
  "envoy.filters.http.set_filter_state": spellFilterState,
  "envoy.filters.http.header_to_metadata": spellHeaderToMetadata,
  "envoy.filters.http.stateful_session": spellSession,
};

const libraries: Readonly<Record<string, string>> = { gzip: "Gzip", brotli: "Brotli", zstd: "Zstd" };

/** `library: gzip`, or `library: { gzip: { … } }`. */
function spellLibrary(speller: Speller, kind: "compressor" | "decompressor"): void {
  const word = "library";
  const value = speller.take(word);
  if (value === undefined) return;
  const [name, ...others] = isMapping(value) ? Object.keys(value) : [value];
  const message = typeof name === "string" && Object.hasOwn(libraries, name) ? libraries[name] : undefined;
  const options = isMapping(value) ? (value[name as string] ?? {}) : {};
  if (message === undefined || others.length > 0 || !isMapping(options)) {
    const expected = "gzip, brotli or zstd, or one of these with its options";
    return void speller.context.wrongType(speller.written, word, expected);
  }
  const type = `type.googleapis.com/envoy.extensions.compression.${name as string}.${kind}.v3.${message}`;
  const typed = speller.from<JsonObject>({ "@type": type, ...options }, word);
  for (const key of Object.keys(options)) speller.context.derived.markEntry(typed, key, options, key);
  speller.put(`${kind}_library`, speller.from({ name: name as string, typed_config: typed }, word), word);
}

/** `min_length`, `content_types`; `requests: true`: requests too. */
function spellCompressor(speller: Speller): void {
  const { written, context } = speller;
  const common: JsonObject = {};
  let word = "";
  for (const [key, field] of [
    ["min_length", "min_content_length"],
    ["content_types", "content_type"],
  ] as const) {
    const value = speller.take(key);
    if (value === undefined) continue;
    common[field] = value;
    context.derived.markEntry(common, field, written, key);
    word ||= key;
  }
  const direction = (from: string): JsonObject => speller.from({ ...(word !== "" && { common_config: common }) }, from);
  if (word !== "") speller.put("response_direction_config", direction(word), word);
  const requests = speller.take("requests");
  if (requests === undefined || requests === false) return;
  if (requests === true) speller.put("request_direction_config", direction("requests"), "requests");
  else context.wrongType(written, "requests", "true or false");
}

/** `methods: all`, or a list of those that are counted for themselves: `package.Service/Method`. */
function spellGrpcStats(speller: Speller): void {
  const word = "methods";
  const methods = speller.take(word);
  if (methods === undefined) return;
  if (methods === "all") return speller.put("stats_for_all_methods", true, word);
  const byService = new Map<string, Json[]>();
  const isList = Array.isArray(methods) && methods.every((each) => typeof each === "string" && isMethod(each));
  if (!isList) {
    const expected = "all, or a list of methods as in package.Service/Method";
    return void speller.context.wrongType(speller.written, word, expected);
  }
  for (const [service, method] of (methods as string[]).map((each) => each.split("/") as [string, string])) {
    const known = byService.get(service);
    if (known === undefined) byService.set(service, [method]);
    else known.push(method);
  }
  const services = [...byService].map(([name, names]): Json => speller.from({ name, method_names: names }, word));
  speller.put("individual_method_stats_allowlist", speller.from({ services }, word), word);
}

function isMethod(text: string): boolean {
  return /^[^/]+\/[^/]+$/.test(text);
}

/** `metadata` as a mapping from namespaces to values. */
function spellMetadata(speller: Speller): void {
  const { metadata } = speller.written;
  if (!isMapping(metadata)) return;
  const entries = Object.entries(metadata).map(([namespace, value]): Json => {
    const entry: JsonObject = { metadata_namespace: namespace, value, allow_overwrite: true };
    return speller.context.derived.mark(entry, metadata, namespace);
  });
  speller.put("metadata", speller.from(entries, "metadata"), "metadata");
}

/** `set`: key → text with command operators; what comes out empty is not set. */
function spellFilterState(speller: Speller): void {
  const texts = speller.takeMapping("set", "a mapping from keys to texts");
  if (texts === undefined) return;
  const { derived } = speller.context;
  const entries = Object.entries(texts).map(([key, text]): Json => {
    const format: JsonObject = { text_format: text, omit_empty_values: true };
    const entry: JsonObject = {
      object_key: key,
      factory_key: "envoy.string",
      format_string: derived.mark(format, texts, key),
      skip_if_empty: true,
    };
    return derived.mark(entry, texts, key);
  });
  speller.put("on_request_headers", speller.from(entries, "set"), "set");
}

/** `request`, `cookies` and `response`: name → key of the metadata. */
function spellHeaderToMetadata(speller: Speller): void {
  const request = [...metadataRules(speller, "request", "header"), ...metadataRules(speller, "cookies", "cookie")];
  const word = speller.written["request"] === undefined ? "cookies" : "request";
  if (request.length > 0) speller.put("request_rules", speller.from(request, word), word);
  const response = metadataRules(speller, "response", "header");
  if (response.length > 0) speller.put("response_rules", speller.from(response, "response"), "response");
}

function metadataRules(speller: Speller, word: string, source: "header" | "cookie"): Json[] {
  const keys = speller.takeMapping(word, "a mapping from names to keys of the metadata");
  if (keys === undefined) return [];
  const { derived } = speller.context;
  return Object.entries(keys).map(([name, key]): Json => {
    const target = derived.mark<JsonObject>({ key }, keys, name);
    return derived.mark<JsonObject>({ [source]: name, on_header_present: target }, keys, name);
  });
}
