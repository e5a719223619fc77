/** Reads V8's .cpuprofile files: where the time of a process's threads went, by function and by file. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

export interface Times {
  /** Self time in µs by function with its place, and by file. */
  functions: Map<string, number>;
  files: Map<string, number>;
  busyUs: number;
  /** Waiting for events; V8 also counts the reads of sockets here. */
  idleUs: number;
}

/** Sums the profiles of every thread that wrote one into `directory`. */
export function readProfiles(directory: string, root: string): Times {
  const times: Times = { functions: new Map(), files: new Map(), busyUs: 0, idleUs: 0 };
  for (const name of readdirSync(directory)) {
    if (!name.endsWith(".cpuprofile")) continue;
    addProfile(times, JSON.parse(readFileSync(join(directory, name), "utf8")) as Profile, root);
  }
  return times;
}

function addProfile(times: Times, profile: Profile, root: string): void {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  for (const [i, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    const us = profile.timeDeltas[i] ?? 0;
    if (frame === undefined) continue;
    if (frame.functionName === "(idle)") {
      times.idleUs += us;
      continue;
    }
    times.busyUs += us;
    const file = placeOf(frame.url, root);
    const label =
      `${frame.functionName || "(anonymous)"}  ${file === "" ? "" : `${file}:${frame.lineNumber + 1}`}`.trim();
    times.functions.set(label, (times.functions.get(label) ?? 0) + us);
    if (file !== "") times.files.set(file, (times.files.get(file) ?? 0) + us);
  }
}

function placeOf(url: string, root: string): string {
  return url.startsWith("file:") ? relative(root, fileURLToPath(url)) : url;
}

/** The largest entries, largest first. */
export function largest(times: ReadonlyMap<string, number>, count: number): [string, number][] {
  return [...times].sort((a, b) => b[1] - a[1]).slice(0, count);
}
