/** Whether the package that a module belongs to was written for this sdk: its package.json states the range under peerDependencies. */
import { readFileSync } from "node:fs";
import { createRequire, findPackageJSON } from "node:module";
import { SDK_VERSION } from "@sluice/sdk";

const SDK = "@sluice/sdk";

interface Manifest {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly peerDependencies?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, unknown>>;
}

/** One sentence that names both versions where they do not fit; null otherwise, and for modules of no package or of one that names no range. */
export function sdkRangeProblem(url: string, sdkVersion: string = SDK_VERSION): string | null {
  const manifest = manifestOf(url);
  const range = manifest?.peerDependencies?.[SDK] ?? manifest?.dependencies?.[SDK];
  if (manifest === null || range === undefined) return null;
  const who = `${typeof manifest.name === "string" ? manifest.name : "its package"}${typeof manifest.version === "string" ? ` ${manifest.version}` : ""}`;
  // A link into a checkout is no statement about versions.
  if (typeof range === "string" && /^(?:file|link|workspace|portal):/.test(range)) return null;
  const { satisfies, validRange } = createRequire(import.meta.url)("semver") as typeof import("semver");
  if (typeof range !== "string" || validRange(range) === null) {
    return `${who} asks for ${SDK} ${JSON.stringify(range)}, which is no range of versions; this Sluice has ${sdkVersion}`;
  }
  if (satisfies(sdkVersion, range, { includePrerelease: true })) return null;
  return `${who} needs ${SDK} ${range}, which does not fit the ${sdkVersion} of this Sluice`;
}

function manifestOf(url: string): Manifest | null {
  if (!url.startsWith("file:")) return null;
  try {
    const path = findPackageJSON(url);
    return path === undefined ? null : (JSON.parse(readFileSync(path, "utf8")) as Manifest);
  } catch {
    return null;
  }
}
