// docs/filters.md out of the filter packages: ids, messages, maturity from the definitions, the sentence from each index.ts.
import { readFileSync } from "node:fs";
import { listenerFilters, networkFilters } from "@sluice/filters-l4";
import { filters as l7 } from "@sluice/filters-l7";
import { root } from "../guard/tree.ts";

interface Described {
  readonly id: string;
  readonly terminal?: boolean;
  readonly maturity: string;
  readonly security: string;
  readonly messages?: Readonly<Record<string, readonly string[]>>;
}

export function filterIndex(): string {
  return `# Built-in filters

Written by \`UPDATE_DOCS=1 npx vitest run test/docs\` from the filters' definitions. A chain ends with exactly one terminal filter; the
short form of the configuration adds the router by itself. _Security_ is what a filter may be exposed to, in Envoy's words.

## HTTP

${table(["packages/filters-l7", l7.filter(({ id }) => !isNetwork(id))])}

## Network

The HTTP connection manager, \`envoy.filters.network.http_connection_manager\`, is part of the core:
[what it takes](configuration/envoy.md), [what it does](life-of-a-request.md).

${table(["packages/filters-l4", networkFilters], ["packages/filters-l7", l7.filter(({ id }) => isNetwork(id))])}

## Listener

They run before TLS and the filter chain.

${table(["packages/filters-l4", listenerFilters])}

Filters of your own: [your first filter](extending/first-filter.md).
`;
}

const isNetwork = (id: string): boolean => id.startsWith("envoy.filters.network.");

function table(...packages: ReadonlyArray<readonly [folder: string, filters: readonly Described[]]>): string {
  const all = packages.flatMap(([folder, filters]) => filters.map((filter) => ({ folder, filter })));
  const rows = all.map(({ folder, filter }) => {
    const { id, messages = {} } = filter;
    const name = id.slice(id.lastIndexOf(".") + 1);
    const home = `${folder}/src/${name.replaceAll("_", "-")}`;
    const terminal = filter.terminal === true ? ", terminal" : "";
    const [message = id] = Object.keys(messages);
    const link = `[\`${name}\`](../${home}/README.md)${terminal}`;
    return [
      link,
      sentence(id, home),
      message === "" ? "by its id" : `\`${message}\``,
      filter.maturity,
      filter.security,
    ];
  });
  return aligned([["filter", "what it does", "message", "maturity", "security"], ...rows]);
}

/** A table as the formatter writes it. */
function aligned([head = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!, fill)).join(" | ")} |`;
  const rule = line(
    head.map(() => ""),
    "-",
  );
  return [line(head, " "), rule, ...rows.map((row) => line(row, " "))].join("\n");
}

/** What follows the id in a comment of a filter's index.ts: the first, unless there are several filters. */
function sentence(id: string, home: string): string {
  const lines = readFileSync(`${root}${home}/index.ts`, "utf8").split("\n");
  const prefix = `/** ${id}: `;
  const line = lines.find((each) => each.startsWith(prefix) && each.endsWith(" */"));
  if (line === undefined) throw new Error(`${home}/index.ts has no "${prefix}…", which says what the filter does`);
  return line.slice(prefix.length, -3);
}
