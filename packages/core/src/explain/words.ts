/** Values and matchers in words, as explanations have them. */
import type { StringMatcherModel } from "../config/model.ts";

export function matcherText({ kind, value, ignoreCase }: StringMatcherModel): string {
  return `${kind} ${shown(value)}${ignoreCase ? " in any case" : ""}`;
}

export function found(value: string | null): string {
  return value === null ? "none" : shown(value);
}

export function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
