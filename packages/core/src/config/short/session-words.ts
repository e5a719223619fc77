/** Words of stateful_session: `cookie` with `ttl`, `path` and `attributes`, `header`, or `envelope`. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import type { Speller } from "./filter-words.ts";
import { isMapping } from "../is-mapping.ts";

const STATES = "type.googleapis.com/envoy.extensions.http.stateful_session";
const COOKIE_WORDS = ["ttl", "path", "attributes"] as const;
const KINDS = ["cookie", "header", "envelope"] as const;

export function spellSession(speller: Speller): void {
  const { written, context } = speller;
  const given = KINDS.filter((kind) => written[kind] !== undefined);
  const [kind] = given;
  if (kind === undefined) return;
  if (given.length > 1) {
    const message = `${given.join(" and ")} are both set`;
    context.error(written, given[1]!, { code: "ERR_CONFIG_CONFLICT", message, expected: "one of them" });
  }
  const names = given.map((each) => speller.take(each));
  const name = names[0]!;
  if (typeof name !== "string") return void context.wrongType(written, kind, `the name of the ${kind}`);
  const typed = kind === "cookie" ? cookieState(speller, name) : headerState(speller, kind, name);
  const state = { name: `envoy.http.stateful_session.${kind}`, typed_config: typed };
  speller.put("session_state", speller.from<JsonObject>(state, kind), kind);
}

function headerState(speller: Speller, kind: "header" | "envelope", name: string): JsonObject {
  if (kind === "header")
    return speller.from<JsonObject>({ "@type": `${STATES}.header.v3.HeaderBasedSessionState`, name }, kind);
  const header = speller.from<JsonObject>({ name }, kind);
  return speller.from<JsonObject>({ "@type": `${STATES}.envelope.v3.EnvelopeSessionState`, header }, kind);
}

function cookieState(speller: Speller, name: string): JsonObject {
  const { derived } = speller.context;
  const cookie = speller.from<JsonObject>({ name }, "cookie");
  for (const word of COOKIE_WORDS) {
    const value = speller.take(word);
    if (value === undefined) continue;
    cookie[word] = word === "attributes" ? attributesOf(speller, value) : value;
    derived.markEntry(cookie, word, speller.written, word);
  }
  return speller.from<JsonObject>({ "@type": `${STATES}.cookie.v3.CookieBasedSessionState`, cookie }, "cookie");
}

/** A mapping from names to values; Envoy's list stays what it is. */
function attributesOf({ context: { derived } }: Speller, value: Json): Json {
  if (!isMapping(value)) return value;
  const list = Object.entries(value).map(([name, text]): Json => {
    const attribute = derived.mark<JsonObject>({ name, value: text }, value, name);
    derived.markEntry(attribute, "value", value, name);
    return attribute;
  });
  return derived.mark(list, value);
}
