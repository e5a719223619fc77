/** The rule of every chain: exactly one terminal filter, and it is the last. */
import type { CompileContext, Field } from "./context.ts";

export interface ChainLink {
  readonly name: string;
  /** undefined: not known, since the filter itself is wrong, which was reported. */
  readonly isTerminal: boolean | undefined;
  readonly at: Field;
}

/** `what`: `HTTP filter` or `network filter`. */
export function checkTerminal(context: CompileContext, links: readonly ChainLink[], chain: Field, what: string): void {
  const last = links.at(-1);
  const terminals = links.filter((link) => link.isTerminal === true);
  if (last === undefined) return void context.missing(chain, "a terminal filter", endingOf(what));
  for (const link of terminals.slice(0, -1)) {
    context.error(
      link.at,
      "ERR_CONFIG_CONFLICT",
      `the chain has a second terminal filter "${terminals.at(-1)?.name}"`,
      { expected: `one terminal ${what}, last` },
    );
  }
  const [terminal] = terminals.slice(-1);
  if (terminal !== undefined && terminal !== last) {
    context.error(
      terminal.at,
      "ERR_CONFIG_CONFLICT",
      `the terminal filter "${terminal.name}" is not the last of its chain`,
    );
  }
  if (terminal === undefined && links.every((link) => link.isTerminal !== undefined)) {
    context.error(last.at, "ERR_CONFIG_REQUIRED", `the chain does not end in a terminal filter`, {
      expected: endingOf(what),
    });
  }
}

function endingOf(what: string): string {
  return what === "HTTP filter"
    ? "envoy.filters.http.router last"
    : "one like tcp_proxy or http_connection_manager last";
}
