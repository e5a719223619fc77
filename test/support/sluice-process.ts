// `sluice` as a process of its own, from the sources unless told: its streams, its addresses, its end.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../packages/core/src/cli/main.ts", import.meta.url));

/** Another `sluice` than that of the sources, and where it runs. */
export interface SluicePlace extends Pick<SpawnOptions, "cwd" | "env"> {
  readonly command?: readonly [program: string, ...args: string[]];
}

export class SluiceProcess {
  readonly child: ChildProcess;
  out = "";
  err = "";
  readonly #exited: Promise<number | NodeJS.Signals>;
  #wake: () => void = () => {};

  constructor(argv: readonly string[], stdin?: string, { command, ...place }: SluicePlace = {}) {
    const [program, ...args] = command ?? [process.execPath, "--conditions=sluice-source", BIN];
    this.child = spawn(program, [...args, ...argv], { ...place, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.out += text;
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.err += text;
      this.#wake();
    });
    this.child.stdin!.end(stdin ?? "");
    this.#exited = once(this.child, "close").then(([code, signal]) => {
      this.#wake();
      return (code ?? signal) as number | NodeJS.Signals;
    });
  }

  /** Exit code, or the signal that ended it; all output has been read by then. */
  get exited(): Promise<number | NodeJS.Signals> {
    return this.#exited;
  }

  /** Resolves with the first match in standard error. @throws Error with all of it when the process ends before. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.err);
      if (match !== null) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`the process ended with ${this.child.exitCode ?? this.child.signalCode}:\n${this.err}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  /** Resolves when it serves. */
  async serves(): Promise<void> {
    await this.says(/sluice \S+ serves/);
  }

  /** Port of a listener by its name, or of `admin address`. */
  port(name: string): number {
    const match = new RegExp(`(?:listener ${name}|${name}): \\S+:(\\d+)`).exec(this.err);
    if (match === null) throw new Error(`no address of ${name} in:\n${this.err}`);
    return Number(match[1]);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** For the end of a test, whatever came before. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#exited;
  }
}
