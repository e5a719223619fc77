// Programs of the system as peers: found or named as missing, started on free ports, ended by their own process id.
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, within } from "./eventually.ts";
import { closedPort } from "./raw-origin.ts";

const PLACES = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin", "/usr/local/sbin"];

/** Full path of a program. @throws Error that names it where it is not installed: a missing peer is a failure, never a skipped test. */
export function program(name: string): string {
  for (const place of PLACES) {
    const path = join(place, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Elsewhere, then.
    }
  }
  throw new Error(`the program ${name} is not installed; .ci/run names its Debian package`);
}

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly bytes: Buffer;
}

/** Runs a program to its end. */
export async function runProgram(
  name: string,
  args: readonly string[],
  input: string | Uint8Array = "",
  withinMs = 30_000,
): Promise<Finished> {
  const child = spawn(program(name), args, { stdio: ["pipe", "pipe", "pipe"] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => out.push(data));
  child.stderr.on("data", (data: Buffer) => err.push(data));
  // It may end without reading all of it.
  child.stdin.on("error", () => {}).end(input);
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  try {
    const code = await within(`${name} ends`, promise, withinMs);
    const bytes = Buffer.concat(out);
    return { code, bytes, out: bytes.toString(), err: Buffer.concat(err).toString() };
  } finally {
    child.kill("SIGKILL");
  }
}

/** A server program in the foreground, with a folder for its files. */
export class Daemon implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #output = "";

  private constructor(name: string, args: readonly string[], port: number, folder: string) {
    this.port = port;
    this.folder = folder;
    this.#child = spawn(program(name), args, { stdio: ["ignore", "pipe", "pipe"], cwd: folder });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#child.once("exit", () => resolve());
    this.#exited = promise;
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on("data", (data: Buffer) => (this.#output += data.toString()));
  }

  /** `prepare` gets a free port and a folder, may write files there, and returns the arguments. */
  static async start(
    name: string,
    prepare: (port: number, folder: string) => readonly string[] | Promise<readonly string[]>,
  ): Promise<Daemon> {
    program(name);
    const folder = await mkdtemp(join(tmpdir(), `sluice-${name}-`));
    // For servers that give up being root.
    await chmod(folder, 0o755);
    const port = await closedPort();
    const daemon = new Daemon(name, await prepare(port, folder), port, folder);
    try {
      await eventually(`${name} accepts connections`, () => daemon.#accepts(), 15_000);
      return daemon;
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw new Error(`${name} did not start:\n${daemon.#output}`, { cause: error });
    }
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGTERM");
      await within("the program ends", this.#exited, 5000).catch(() => this.#child.kill("SIGKILL"));
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  async #accepts(): Promise<boolean> {
    if (this.#child.exitCode !== null) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = connect(this.port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    try {
      return await promise;
    } finally {
      socket.destroy();
    }
  }
}

export async function writeConfig(folder: string, name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}
