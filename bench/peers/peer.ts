/** What every measured proxy is to the benchmark: how to start it on a free port before a given origin. */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { freePort, Program, waitUntil } from "../lib/process.ts";
import { answersOk } from "../lib/http-client.ts";
import { answersHttp2 } from "../lib/http2-client.ts";
import { plainScript } from "../lib/plain-script.ts";
import { firstLine, hasCommand, PROXY_CORE } from "../lib/machine.ts";
import { canConnect } from "../lib/tcp-client.ts";

/** What clients and origin speak: HTTP/1 both, HTTP/2 both, HTTP/2 before HTTP/1, bytes. A program may be a peer of several, under one id. */
export type Protocol = "http" | "h2" | "h2-h1" | "tcp";

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
const PROBES: Readonly<Record<Protocol, (port: number) => Promise<boolean>>> = {
  http: (port) => answersOk(port, "/70"),
  h2: (port) => answersHttp2(port, "/70"),
  "h2-h1": (port) => answersHttp2(port, "/70"),
  tcp: canConnect,
};

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
  try {
    await waitUntil(program, () => PROBES[peer.protocol](port), START_MS, options.pollMs);
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
  return scriptPeer(id, id === "undici" ? "undici behind node:http" : packageName, "http", packageName);
}

/** node:http2 on both sides: what there was before. */
export const nodeHttp2: Peer = scriptPeer("node-http2", "node:http2", "h2", "");

/** `packageName`: what must be installed; "": nothing. */
function scriptPeer(id: string, title: string, protocol: Protocol, packageName: string): Peer {
  const script = join(import.meta.dirname, "node", `${id}.ts`);
  const peer: Peer = {
    id,
    title,
    protocol,
    isNodePeer: true,
    missing: () => (packageName !== "" && packageVersion(packageName) === "" ? `${packageName} is not installed` : ""),
    version: () => (packageName === "" ? process.versions.node : packageVersion(packageName)),
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
