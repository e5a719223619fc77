/** Byte strings: one character per byte, as header values are. Formats render them, so that what arrived as bytes leaves as the same bytes. */

// oxlint-disable-next-line no-control-regex -- beyond ASCII
const BEYOND_ASCII = /[^\x00-\x7f]/;
// oxlint-disable-next-line no-control-regex -- these break lines and terminals
const CONTROLS = /[\x00-\x1f\x7f]/;

/** Text as its UTF-8 bytes. */
export function toBytes(text: string): string {
  return BEYOND_ASCII.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The text that UTF-8 bytes stand for; bytes that are not UTF-8 stay one character each. */
export function fromBytes(bytes: string): string {
  if (!BEYOND_ASCII.test(bytes)) return bytes;
  try {
    return utf8.decode(Buffer.from(bytes, "latin1"));
  } catch {
    return bytes;
  }
}

/** Without the controls that a header value may not hold: all but HTAB. */
export function dropControls(text: string): string {
  // oxlint-disable-next-line no-control-regex -- see above
  return CONTROLS.test(text) ? text.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, "") : text;
}

/** Controls as `\n`, `\t`, `\x1b`: a value never ends a log line or moves a cursor. */
export function escapeControls(text: string): string {
  // oxlint-disable-next-line no-control-regex -- see above
  return CONTROLS.test(text) ? text.replace(/[\x00-\x1f\x7f]/g, escapeControl) : text;
}

function escapeControl(c: string): string {
  switch (c) {
    case "\n":
      return "\\n";
    case "\r":
      return "\\r";
    case "\t":
      return "\\t";
    default:
      return `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`;
  }
}
