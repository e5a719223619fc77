/** How problems speak of values. */
import type { Json } from "../model.ts";
import type { Finding } from "../problems.ts";

/** `found the text "abc"` and what would be right. */
export function wrongType(value: Json, expected: string, suggestion?: string): Finding {
  return { code: "ERR_CONFIG_TYPE", message: `found ${describe(value)}`, expected, suggestion };
}

/** Values of a TypeScript configuration may be no JSON at all. */
function describe(value: Json): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "object":
      return "a mapping";
    case "string":
      return `the text ${quote(value)}`;
    case "number":
      return `the number ${value}`;
    case "boolean":
      return String(value);
    default:
      return `a ${typeof value}`;
  }
}

/** In quotes, cut to a length that fits a line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text);
}

/** `a, b, c`, cut after so many. */
export function listed(names: Iterable<string>, most = 12): string {
  const all = [...names];
  return all.length > most ? `${all.slice(0, most).join(", ")}, …` : all.join(", ");
}

export function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
