// Real processes as upstreams: started on ports of their own, told how to behave, killed, paused and started again.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { within } from "../../support/eventually.ts";

const SCRIPT = fileURLToPath(new URL("origin.ts", import.meta.url));

export type Mode = "ok" | "sick" | "lies" | "slow" | "resets" | "degraded" | "leave";

export class OriginProcess implements AsyncDisposable {
  port = 0;
  #child: ChildProcess;
  #lines: ((line: string) => void)[] = [];

  private constructor() {
    this.#child = this.#spawn();
  }

  static async start(): Promise<OriginProcess> {
    const origin = new OriginProcess();
    origin.port = Number(await within("the origin listens", origin.#nextLine()));
    return origin;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): string {
    return String(this.#child.pid);
  }

  async be(mode: Mode): Promise<void> {
    const said = this.#nextLine();
    this.#child.stdin!.write(`${mode}\n`);
    await within(`the origin is ${mode}`, said);
  }

  async die(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#child.once("exit", () => resolve());
    this.#child.kill("SIGKILL");
    await within("the origin dies", promise);
  }

  /** Stopped, its kernel still takes connections for it. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  goOn(): void {
    this.#child.kill("SIGCONT");
  }

  /** On the port that it had. */
  async revive(): Promise<void> {
    this.#child = this.#spawn();
    await within("the origin listens again", this.#nextLine());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.die();
  }

  #spawn(): ChildProcess {
    const child = spawn(process.execPath, [SCRIPT, String(this.port)], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin!.on("error", () => {});
    createInterface(child.stdout!).on("line", (line) => this.#lines.shift()?.(line));
    return child;
  }

  #nextLine(): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#lines.push(resolve);
    return promise;
  }
}
