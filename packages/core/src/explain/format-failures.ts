/** Checks that failed, as text: where each stands, what differs, and the routes that were looked at. */
import type { Explanation } from "./explain.ts";
import type { FailedCheck } from "./judge-routes.ts";

export function formatFailures(failed: readonly FailedCheck[], total: number): string {
  const lines: string[] = [];
  for (const { check, differences, explanation } of failed) {
    const { method, host, path } = check.request;
    lines.push(`${check.position}${check.name === "" ? "" : `  ${check.name}`}: ${method} ${host} ${path}`);
    for (const { what, expected, found } of differences) lines.push(`  ${what}: expected ${expected}, found ${found}`);
    lines.push(...(typeof explanation === "string" ? [`  ${explanation}`] : wayOf(explanation)));
  }
  const sum = total === 1 ? "1 check" : `${total} checks`;
  lines.push(failed.length === 0 ? `${sum} passed` : `${failed.length} of ${sum} failed`);
  return `${lines.join("\n")}\n`;
}

function wayOf({ answered, virtualHost, unmatched, passedOver, route }: Explanation): string[] {
  const answer = answered === null ? [] : [`    answered ${answered.status} (${answered.details}) before any filter`];
  if (virtualHost === null) return answered === null ? ["    no virtual host has this host"] : answer;
  const lines = [...answer, `    virtual host ${virtualHost.name}`];
  if (unmatched) lines.push("    its matcher has no route for it");
  for (const { index, name, failed } of passedOver)
    lines.push(`    passed over: route ${named(index, name)}: ${failed}`);
  if (route !== null) lines.push(`    taken: route ${named(route.index, route.name)}: ${route.match}`);
  return lines;
}

function named(index: number, name: string): string {
  return name === "" ? String(index) : `${index} "${name}"`;
}
