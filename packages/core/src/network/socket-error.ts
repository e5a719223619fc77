/** What a socket's error is called in logs and to pools: the system's code where there is one, else a stable word. */

interface Coded {
  readonly code?: unknown;
  readonly message?: unknown;
}

export function errorWord(error: unknown): string {
  if (typeof error !== "object" || error === null) return "unknown_error";
  const { code, message } = error as Coded;
  if (typeof code === "string" && code !== "") return code;
  return typeof message === "string" && message !== "" ? message : "unknown_error";
}

/** Codes that mean that the peer (or something on the way) reset the connection, rather than that it closed it. */
const RESETS: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED"]);

export function isReset(word: string): boolean {
  return RESETS.has(word);
}
