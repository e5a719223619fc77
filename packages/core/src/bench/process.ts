/** Starts measuring processes, one for each question: fresh ones, so that what one compiled or left on its heap says nothing about the next. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { V8_TUNING } from "../main/v8-flags.ts";
import {
  type BenchAnswer,
  BenchError,
  type BenchJob,
  type BenchRequest,
  type BenchSample,
  type InspectedDefinition,
  type SubjectModule,
} from "./types.ts";

/** A young generation that a batch does not fill. */
const V8_FLAGS = ["--expose-gc", "--max-semi-space-size=32", "--min-semi-space-size=32", ...V8_TUNING];
const KEPT_OUTPUT = 4000;

/** Built, beside this file's chunk as `bench.js`; run from the sources, in `child.ts`. */
export function childEntry(): string {
  return fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./child.ts" : "./bench.js", import.meta.url));
}

export async function measureInProcess(job: BenchJob, timeoutMs: number): Promise<BenchSample> {
  const answer = await ask({ ask: "measure", job }, timeoutMs);
  if (answer.answer === "sample") return answer.sample;
  throw new BenchError(answer.answer === "refused" ? answer.message : "the measuring process answered something else");
}

export async function inspectInProcess(
  modules: readonly SubjectModule[],
  timeoutMs: number,
): Promise<readonly InspectedDefinition[]> {
  const answer = await ask({ ask: "inspect", modules }, timeoutMs);
  if (answer.answer === "definitions") return answer.definitions;
  throw new BenchError(answer.answer === "refused" ? answer.message : "the measuring process answered something else");
}

function ask(request: BenchRequest, timeoutMs: number): Promise<BenchAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<BenchAnswer>();
  const child = fork(childEntry(), [], {
    execArgv: [...process.execArgv.filter((flag) => !flag.startsWith("--inspect")), ...V8_FLAGS],
    serialization: "advanced",
    // What a filter prints is no part of the report.
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(-KEPT_OUTPUT);
  });
  const timer = setTimeout(() => {
    child.kill("SIGKILL");
    reject(new BenchError(`the measuring process did not answer within ${timeoutMs / 1000} s${said(output)}`));
  }, timeoutMs);
  child.once("message", (answer: BenchAnswer) => resolve(answer));
  child.once("error", reject);
  child.once("close", (code, signal) => {
    clearTimeout(timer);
    reject(new BenchError(`the measuring process ended with ${signal ?? code ?? "nothing"}${said(output)}`));
  });
  child.send(request);
  return promise.finally(() => clearTimeout(timer));
}

function said(output: string): string {
  return output.trim() === "" ? "" : `: ${output.trim()}`;
}
