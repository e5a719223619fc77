// An upstream that a test may kill, pause, or make misbehave; it comes back on the same port.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("upstream.mjs", import.meta.url));

/** Of the upstream itself. */
export type Mood = "good" | "slow" | "babbling" | "garbage" | "reset" | "closing" | "unavailable" | "refusing";
/** What is done to it besides. */
export type Harm = Exclude<Mood, "good"> | "killed" | "paused";

export class Victim implements AsyncDisposable {
  readonly port: number;
  #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(): Promise<Victim> {
    const child = fork(PROGRAM, ["0"]);
    return new Victim(child, await portOf(child));
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async suffer(harm: Harm): Promise<void> {
    if (harm === "paused") this.#child.kill("SIGSTOP");
    else if (harm === "killed") await this.#kill();
    else await this.#become(harm);
  }

  async recover(harm: Harm): Promise<void> {
    if (harm === "killed") {
      this.#child = fork(PROGRAM, [String(this.port)]);
      await portOf(this.#child);
      return;
    }
    if (harm === "paused") this.#child.kill("SIGCONT");
    await this.#become("good");
  }

  async #become(mood: Mood): Promise<void> {
    const done = portOf(this.#child);
    this.#child.send(mood);
    await done;
  }

  async #kill(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.#kill();
  }
}

async function portOf(child: ChildProcess): Promise<number> {
  const [message] = (await once(child, "message")) as [{ port: number }];
  return message.port;
}
