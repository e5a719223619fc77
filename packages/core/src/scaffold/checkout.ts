/** Whether this code runs from a checkout of Sluice: its packages are then linked, so that a new filter works before anything is published. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's folder; null where the code was installed, wherever that is. */
export function checkoutOf(url: string): string | null {
  let folder = dirname(fileURLToPath(url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) return null;
    folder = parent;
  }
  const root = dirname(dirname(folder));
  return folder === join(root, "packages", "core") && isCheckout(root) ? root : null;
}

function isCheckout(folder: string): boolean {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      readonly name?: unknown;
      readonly workspaces?: unknown;
    };
    return manifest.name === "sluice" && Array.isArray(manifest.workspaces);
  } catch {
    return false;
  }
}
