// A plain upstream in a process of its own that can be restarted in order, as a roll-out does; it comes back on the same port.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { within } from "../support/eventually.ts";

const PROGRAM = fileURLToPath(new URL("plain-origin.mjs", import.meta.url));

export type Protocol = "http1" | "http2";

export class PlainOrigin implements AsyncDisposable {
  readonly port: number;
  readonly #protocol: Protocol;
  #child: ChildProcess;

  private constructor(child: ChildProcess, port: number, protocol: Protocol) {
    this.#child = child;
    this.port = port;
    this.#protocol = protocol;
  }

  static async start(protocol: Protocol): Promise<PlainOrigin> {
    const child = fork(PROGRAM, ["0", protocol]);
    return new PlainOrigin(child, await portOf(child), protocol);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** From now on it fails its checks, and answers all else. */
  async leave(): Promise<void> {
    const done = once(this.#child, "message");
    this.#child.send("leave");
    await within("the origin leaves", done, 20_000);
  }

  /** `whileGone` runs between its two lives. */
  async restart(whileGone: () => Promise<void>): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await within("the origin ends", gone, 20_000);
    await whileGone();
    this.#child = fork(PROGRAM, [String(this.port), this.#protocol]);
    await portOf(this.#child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}

async function portOf(child: ChildProcess): Promise<number> {
  const [message] = (await within("the origin listens", once(child, "message"), 20_000)) as [{ port: number }];
  return message.port;
}
