/** Whether something that a module exports is a filter definition that this engine can run. Fail-closed: whatever is not sure is refused. */
import { createRequire } from "node:module";
import { DEFINITION, SDK_VERSION, definitionProblems } from "@sluice/sdk";
import type { AnyDefinition, LoadProblem, Registered } from "./registry.ts";

export function checkDefinition(
  candidate: unknown,
  source: string,
  sdkVersion: string = SDK_VERSION,
): Registered | LoadProblem {
  if (typeof candidate !== "object" || candidate === null || !(DEFINITION in candidate)) {
    return {
      source,
      message:
        "exports something that is no filter definition, expected what defineHttpFilter, defineNetworkFilter, defineListenerFilter or defineDiscovery returns",
    };
  }
  const kind: unknown = candidate[DEFINITION];
  const definition = candidate as unknown as AnyDefinition;
  const { id } = definition;
  if (typeof id !== "string" || id === "") return { source, message: "has a definition without an id" };
  if (kind !== "http" && kind !== "network" && kind !== "listener" && kind !== "discovery") {
    return {
      source,
      message: `${id} is a definition of kind ${JSON.stringify(kind)}, which this version of Sluice does not know`,
    };
  }
  const versionProblem = checkVersion(id, definition.sdkVersion, sdkVersion);
  if (versionProblem !== null) return { source, message: versionProblem };
  // Another copy of the sdk, or none, may have made the mark.
  const problems = definitionProblems(definition);
  if (problems.length > 0) return { source, message: `${id}: ${problems.join("; ")}` };
  return { kind, definition, source } as Registered;
}

/** A filter runs on the sdk that it was made with and on later ones of the same major version (for 0.x: minor). */
function checkVersion(id: string, made: unknown, ours: string): string | null {
  if (made === ours) return null;
  const { valid, satisfies } = semver();
  if (typeof made !== "string" || valid(made) === null) {
    return `${id} does not say with which version of @sluice/sdk it was made; this Sluice has ${ours}`;
  }
  if (satisfies(ours, `^${made}`, { includePrerelease: true })) return null;
  return `${id} was made with @sluice/sdk ${made}, which does not fit the ${ours} of this Sluice`;
}

/** Loaded when two versions differ, which is rare: it costs some milliseconds in every thread. */
function semver(): typeof import("semver") {
  return createRequire(import.meta.url)("semver") as typeof import("semver");
}
