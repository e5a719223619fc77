/** The processes of an end-to-end run: the proxy by its own command, the origin by the bench's entry. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { childEntry } from "./process.ts";
import { type BenchAnswer, BenchError, type HttpTraffic } from "./types.ts";

const START_MS = 30_000;

export interface LoadProcess {
  readonly port: number;
  stop(): void;
}

export type ProxyProcess = LoadProcess;

/** `sluice run FILE` with one worker; resolves when its listener is bound. */
export async function startProxy(file: string): Promise<ProxyProcess> {
  const isSource = import.meta.url.endsWith(".ts");
  const cli = fileURLToPath(new URL(isSource ? "../cli/main.ts" : "./cli.js", import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, cli, "run", file, "--concurrency", "1"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const { promise, resolve } = Promise.withResolvers<number>();
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(-4000);
    const found = /listener bench: 127\.0\.0\.1:(\d+)/.exec(output);
    if (found !== null) resolve(Number(found[1]));
  });
  return started(child, promise, () => `the proxy did not start: ${output.trim()}`);
}

export async function startOriginProcess(traffic: HttpTraffic): Promise<LoadProcess> {
  const child = fork(childEntry(), [], { serialization: "advanced", stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const { promise, resolve } = Promise.withResolvers<number>();
  child.once("message", (answer: BenchAnswer) => {
    if (answer.answer === "origin") resolve(answer.port);
  });
  child.send({ ask: "origin", traffic });
  return started(child, promise, () => "the origin did not start");
}

async function started(child: ChildProcess, port: Promise<number>, failure: () => string): Promise<LoadProcess> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const fail = (): void => reject(new BenchError(failure()));
  const timer = setTimeout(fail, START_MS);
  child.once("exit", fail).once("error", fail);
  // What ends later is found by the load.
  ended.catch(() => {});
  const stop = (): void => void child.kill("SIGKILL");
  try {
    return { port: await Promise.race([port, ended]), stop };
  } catch (error) {
    stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
