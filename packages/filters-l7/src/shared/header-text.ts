/** Header values as text: a header map holds bytes, one a character; metadata and filter state hold text. */

/** UTF-8 where the bytes are that; else each byte stays the character that it is. */
export function textOf(bytes: string): string {
  if (/^[\x00-\x7f]*$/.test(bytes)) return bytes;
  try {
    return decoder.decode(Buffer.from(bytes, "latin1"));
  } catch {
    return bytes;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
