/** Every admin path, as data; `/help` and the page at `/` list it. */
import { certs } from "./certs.ts";
import { clusters } from "./clusters.ts";
import { configDump } from "./config-dump.ts";
import { type AdminEndpoint, text } from "./endpoint.ts";
import { explain } from "./explain.ts";
import { filters } from "./filters.ts";
import { drainListeners, listeners } from "./listeners.ts";
import { failHealthCheck, logging, memory, passHealthCheck, quit, ready, serverInfo } from "./server-endpoints.ts";
import { modifyRuntime, runtime } from "./runtime.ts";
import { prometheus, resetCounters, stats } from "./stats-endpoints.ts";
import { tap } from "./tap.ts";

const help: AdminEndpoint = {
  path: "/help",
  help: "print out list of admin commands",
  handle: () => text(helpText()),
};

const home: AdminEndpoint = {
  path: "/",
  help: "admin home page",
  handle: () => ({ status: 200, body: homePage(), contentType: "text/html; charset=utf-8" }),
};

/** In alphabetical order. */
export const endpoints: readonly AdminEndpoint[] = [
  home,
  certs,
  clusters,
  configDump,
  drainListeners,
  explain,
  filters,
  failHealthCheck,
  passHealthCheck,
  help,
  listeners,
  logging,
  memory,
  quit,
  ready,
  resetCounters,
  runtime,
  modifyRuntime,
  serverInfo,
  stats,
  prometheus,
  tap,
];

export function helpText(): string {
  let lines = "admin commands are:\n";
  for (const { path, help: explanation, mutates, parameters } of endpoints) {
    lines += `  ${path}${mutates === true ? " (POST)" : ""}: ${explanation}\n`;
    for (const [name, meaning] of Object.entries(parameters ?? {})) lines += `      ${name}: ${meaning}\n`;
  }
  return lines;
}

function homePage(): string {
  const rows = endpoints.map(({ path, help: explanation, mutates }) => {
    const command =
      mutates === true
        ? `<form method="post" action="${path}"><button>${path}</button></form>`
        : `<a href="${path}">${path}</a>`;
    return `<tr><td>${command}</td><td>${explanation}</td></tr>`;
  });
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sluice admin</title></head><body><h1>Sluice admin</h1><table>\n${rows.join("\n")}\n</table></body></html>\n`;
}
