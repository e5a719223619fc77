/** `request_headers` and `response_headers`: what is set, added and removed. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import type { Section } from "./section.ts";
import type { ShortContext } from "./short-context.ts";

const actions: Readonly<Record<string, string>> = {
  set: "OVERWRITE_IF_EXISTS_OR_ADD",
  add: "APPEND_IF_EXISTS_OR_ADD",
  default: "ADD_IF_ABSENT",
};

/** Envoy's four lists into `into`. */
export function adaptHeaderChanges(section: Section, into: JsonObject): void {
  for (const direction of ["request", "response"]) {
    const changes = section.section("headers", `${direction}_headers`);
    if (changes === undefined) continue;
    const options: Json[] = [];
    for (const [key, action] of Object.entries(actions)) options.push(...adaptOptions(changes, key, action));
    if (options.length > 0)
      section.put(into, `${direction}_headers_to_add`, changes.make(options), `${direction}_headers`);
    changes.copy("remove", into, `${direction}_headers_to_remove`);
  }
}

function adaptOptions(changes: Section, key: string, action: string): Json[] {
  const texts = changes.mapping(key);
  return texts === undefined ? [] : headerOptions(changes.context, texts, action);
}

/** Name → text, as Envoy's options. */
export function headerOptions({ derived }: ShortContext, texts: JsonObject, action: string): Json[] {
  return Object.entries(texts).map(([name, value]) => {
    const header: JsonObject = { key: name, value };
    derived.markEntry(header, "key", texts, name);
    derived.markEntry(header, "value", texts, name);
    const option = { header: derived.mark(header, texts, name), append_action: action };
    return derived.mark(option, texts, name);
  });
}
