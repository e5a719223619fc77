/** Words of the short form for filters that guard upstreams: numbers that stand in messages of their own in Envoy's API. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import type { Speller } from "./filter-words.ts";

const PERCENTS = [
  ["success_rate", "sr_threshold"],
  ["max_rejection", "max_rejection_probability"],
] as const;

/** `success_rate: 90`, `max_rejection: 50` (percent), `min_rps: 5`. */
export function spellAdmissionControl(speller: Speller): void {
  for (const [word, field] of PERCENTS) {
    const value = numberOf(speller, word);
    if (value === undefined) continue;
    const percent = speller.from<JsonObject>({ value }, word);
    put(speller, field, percent, word);
  }
  const rps = numberOf(speller, "min_rps");
  if (rps !== undefined) put(speller, "rps_threshold", rps, "min_rps");
}

/** The API wants a runtime key beside each. */
function put(speller: Speller, field: string, default_value: Json, word: string): void {
  const runtime_key = `admission_control.${field}`;
  speller.put(field, speller.from({ default_value, runtime_key }, word), word);
}

function numberOf(speller: Speller, word: string): number | undefined {
  const value = speller.take(word);
  if (value === undefined || typeof value === "number") return value;
  return void speller.context.wrongType(speller.written, word, "a number");
}
