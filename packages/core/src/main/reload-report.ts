/** What the log says of a configuration that was read again. */
import { formatProblem } from "../config/format-problem.ts";
import type { ApplyProblem } from "../worker/data-plane.ts";
import type { LogSink } from "../worker/log.ts";
import type { ReloadResult } from "./proxy-instance.ts";

export function reportReload(log: LogSink, component: string, result: ReloadResult, ms: number): void {
  const { outcome, problems, refusals } = result;
  for (const problem of problems)
    log.write(problem.severity === "error" ? "error" : "warn", component, formatProblem(problem));
  for (const refusal of refusals) log.write("error", component, refusalText(refusal));
  if (outcome === "refused") log.write("error", component, "not applied: the last good version goes on serving");
  else if (outcome === "unchanged") log.write("info", component, "nothing to swap: it means the same as before");
  else
    log.write(
      "info",
      component,
      `swapped in after ${Math.ceil(ms)} ms: new streams take it, open ones end on the version before`,
    );
}

function refusalText({ message, place }: ApplyProblem): string {
  return place === null ? message : `${place.position}  ${place.path}  ${message}`;
}
