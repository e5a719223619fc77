/** What every measured proxy is to the benchmark: how to start it on a free port before a given origin. */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { freePort, Program, waitUntil } from "../lib/process.ts";
import { answersOk } from "../lib/http-client.ts";
import { plainScript } from "../lib/plain-script.ts";
import { firstLine, hasCommand, PROXY_CORE } from "../lib/machine.ts";
import { canConnect } from "../lib/tcp-client.ts";

export type Protocol = "http" | "tcp";

export interface StartOptions {
  originPort: number;
  /** A temporary directory of this run, for generated configurations. */
  directory: string;
  /** How often the port is asked whether it answers yet; 20 by default. */
  pollMs?: number;
  /** More arguments of Node for the peers that are Node programs, such as those of its profiler. */
  nodeArgs?: readonly string[];
}

export interface RunningPeer {
  port: number;
  program: Program;
  /** From the spawn to the first answer, to within `pollMs`. */
  startMs: number;
}

export interface Peer {
  id: string;
  title: string;
  protocol: Protocol;
  /** One of the Node proxies that Sluice is compared with as "the best Node peer". */
  isNodePeer: boolean;
  /** What is missing to run it, or "". */
  missing(): string;
  version(): string;
  start(options: StartOptions): Promise<RunningPeer>;
}

const START_MS = 20_000;

/** Starts `command` on the proxy's core and waits until the port that it was given answers. */
export async function startPeer(
  peer: Pick<Peer, "id" | "protocol">,
  options: StartOptions,
  command: (port: number) => [string, ...string[]],
): Promise<RunningPeer> {
  const port = await freePort();
  const [file, ...args] = command(port);
  const begin = performance.now();
  const program = new Program(peer.id, file, args, { core: PROXY_CORE, cwd: options.directory });
  const probe = peer.protocol === "http" ? () => answersOk(port, "/70") : () => canConnect(port);
  try {
    await waitUntil(program, probe, START_MS, options.pollMs);
  } catch (error) {
    await program.stop();
    throw error;
  }
  return { port, program, startMs: performance.now() - begin };
}

/** Writes a configuration file with `{PORT}` and `{ORIGIN}` filled in; returns its path. */
export function writeConfig(options: StartOptions, name: string, template: string, port: number): string {
  const file = join(options.directory, name);
  const text = template.replaceAll("{PORT}", String(port)).replaceAll("{ORIGIN}", String(options.originPort));
  writeFileSync(file, text.replaceAll("{DIRECTORY}", options.directory));
  return file;
}

export function missingCommand(name: string, debianPackage: string): string {
  return hasCommand(name) ? "" : `${name} is not installed (Debian: ${debianPackage})`;
}

/** The first version number in the first line that a command prints. */
export function commandVersion(command: string, flag: string): string {
  return /\d+\.\d+[\w.-]*/.exec(firstLine(command, [flag]))?.[0] ?? "";
}

/** A Node proxy: a script of its own in peers/node/, started with its port and the origin's. */
export function nodePeer(id: string, packageName: string): Peer {
  const script = join(import.meta.dirname, "node", `${id}.ts`);
  const peer: Peer = {
    id,
    title: id === "undici" ? "undici behind node:http" : packageName,
    protocol: "http",
    isNodePeer: true,
    missing: () => (packageVersion(packageName) === "" ? `${packageName} is not installed` : ""),
    version: () => packageVersion(packageName),
    start: (options) =>
      startPeer(peer, options, (port) => [
        process.execPath,
        ...(options.nodeArgs ?? []),
        plainScript(script),
        String(port),
        String(options.originPort),
      ]),
  };
  return peer;
}

function packageVersion(name: string): string {
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const path of paths) {
    try {
      const manifest = createRequire(import.meta.url)(join(path, name, "package.json")) as { version: string };
      return manifest.version;
    } catch {
      // Not in this node_modules: look in the next one up.
    }
  }
  return "";
}
