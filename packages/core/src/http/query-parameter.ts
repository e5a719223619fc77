/** Hot path. One parameter of a query, found without reading the others into anything. */

/** First value of a parameter as it is written, without decoding; null where there is none. `query` is without `?`. */
export function queryParameter(query: string, name: string): string | null {
  let at = 0;
  while (at < query.length) {
    const end = endOf(query, "&", at, query.length);
    const equals = endOf(query, "=", at, end);
    if (equals - at === name.length && query.startsWith(name, at)) return query.slice(equals + 1, end);
    at = end + 1;
  }
  return null;
}

/** First value of a parameter of a path's query, percent-decoded to bytes as its name is; `+` stays. Envoy: parseAndDecodeQueryString. */
export function decodedQueryParameter(path: string, name: string): string | null {
  let at = path.indexOf("?") + 1;
  if (at === 0) return null;
  while (at < path.length) {
    const end = endOf(path, "&", at, path.length);
    const equals = endOf(path, "=", at, end);
    if (isName(path, at, equals, name)) return decoded(path.slice(Math.min(equals + 1, end), end));
    at = end + 1;
  }
  return null;
}

function endOf(text: string, mark: string, from: number, limit: number): number {
  const code = mark.charCodeAt(0);
  let at = from;
  // Not indexOf: behind the limit it would look through all that is left, once for each parameter.
  while (at < limit && text.charCodeAt(at) !== code) at++;
  return at;
}

function isName(text: string, from: number, to: number, name: string): boolean {
  if (to - from === name.length && text.startsWith(name, from)) return true;
  return to - from > name.length && to - from <= 3 * name.length && decoded(text.slice(from, to)) === name;
}

const ESCAPED = /%([0-9a-fA-F]{2})/g;

function decoded(text: string): string {
  return text.includes("%") ? text.replace(ESCAPED, unescaped) : text;
}

function unescaped(_: string, hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}
