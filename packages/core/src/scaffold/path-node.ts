/** Which Node the scripts of a new package would run on: the first in the path that no package brought. */
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join, sep } from "node:path";
import { unsupportedNode } from "../cli/node-version.ts";

/** Whether that Node is too old, or there is none. */
export function needsNode(path: string = process.env["PATH"] ?? ""): boolean {
  const name = process.platform === "win32" ? "node.exe" : "node";
  for (const folder of path.split(delimiter)) {
    if (folder === "" || folder.split(sep).includes("node_modules")) continue;
    const program = join(folder, name);
    try {
      accessSync(program, constants.X_OK);
    } catch {
      continue;
    }
    try {
      const version = execFileSync(program, ["--version"], { encoding: "utf8", timeout: 10_000 }).trim();
      return unsupportedNode(version.replace(/^v/, "")) !== null;
    } catch {
      return true;
    }
  }
  return true;
}
