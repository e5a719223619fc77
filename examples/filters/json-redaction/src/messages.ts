/** Which messages are JSON that can be read, by their headers. */
import type { Headers } from "@sluice/sdk";

/** Why a message of JSON cannot be read as it comes; a stable word. */
export type Unreadable = "json_compressed" | "json_charset" | "json_partial";

export type JsonKind = "document" | "sequence";

/** null: it is no JSON. Whoever reads several types, or one with junk behind it, may take any of them: one of JSON is enough. */
export function jsonKind(headers: Headers): JsonKind | null {
  const types = contentTypes(headers).map(([type]) => type!);
  if (types.some((type) => SEQUENCE.test(type))) return "sequence";
  return types.some((type) => DOCUMENT.test(type)) ? "document" : null;
}

const SEQUENCE = /^application\/(?:x-ndjson|jsonl|jsonlines|x-jsonlines)$/;
/** The parts of a partial response have types of their own. */
const DOCUMENT = /^(?:(?:application|text)\/(?:[\w.!#$&^+-]+\+)?json|multipart\/byteranges)$/;

export function whyUnreadable(headers: Headers, status: number): Unreadable | null {
  // A part of a document is no document.
  if (status === 206 || headers.has("content-range")) return "json_partial";
  const encodings = (headers.get("content-encoding") ?? "").split(",").map((each) => each.trim().toLowerCase());
  if (encodings.some((each) => each !== "identity" && each !== "")) return "json_compressed";
  const [, ...parameters] = contentTypes(headers).flat();
  const charsets = parameters.filter((each) => each.startsWith("charset="));
  return charsets.every((each) => /^charset="?(?:utf-?8|us-ascii)"?$/.test(each)) ? null : "json_charset";
}

/** What no longer holds once bytes are left out. */
export function forgetLengths(headers: Headers): void {
  for (const name of [
    "content-length",
    "etag",
    "content-md5",
    "digest",
    "content-digest",
    "repr-digest",
    "accept-ranges",
  ])
    headers.delete(name);
}

/** For each type its words in lower case: the type itself, then what stands behind it. */
function contentTypes(headers: Headers): string[][] {
  const text = (headers.get("content-type") ?? "").toLowerCase().replaceAll(/\s+/g, " ").replaceAll(/ ?= ?/g, "=");
  return [...new Set(text.split(","))].map((type) => type.trim().split(/ ?; ?| /));
}
