// Says in one sentence that this Node is too old. Runs before everything else on whatever Node there is:
// imports nothing and uses no syntax newer than ES2020.

const MINIMUM = [22, 19] as const;

/**
 * @param version as in `process.versions.node`, such as `22.19.0`
 * @returns the sentence for the user, or null when Sluice runs on this version
 */
export function unsupportedNode(version: string): string | null {
  const [major, minor] = version.split(".").map(Number) as [number, number];
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return null;
  return `sluice needs Node.js ${MINIMUM.join(".")} or newer, but this is Node.js ${version}.`;
}
