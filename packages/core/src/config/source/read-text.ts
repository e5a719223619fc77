/** Reads a configuration's text from a file, a pipe or standard input, never more than the limit. */
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import type { Problems } from "../problems.ts";

export interface ReadTextOptions {
  readonly maxBytes: number;
  /** What `-` reads; the process's standard input unless given. */
  readonly stdin?: Readable;
}

/** The text; undefined when it cannot be read, which is then reported. */
export async function readText(
  file: string,
  problems: Problems,
  options: ReadTextOptions,
): Promise<string | undefined> {
  const at = { file: shownName(file), line: 0, column: 0, path: "" };
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const stream: Readable = file === "-" ? (options.stdin ?? process.stdin) : createReadStream(file);
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > options.maxBytes) {
        problems.error(at, {
          code: "ERR_CONFIG_TOO_LARGE",
          message: `the file is larger than ${options.maxBytes} bytes`,
        });
        return undefined;
      }
      chunks.push(chunk);
    }
  } catch (error) {
    problems.error(at, { code: "ERR_CONFIG_READ", message: `the file cannot be read: ${reason(error)}` });
    return undefined;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    problems.error(at, { code: "ERR_CONFIG_READ", message: "the file is not UTF-8 text" });
    return undefined;
  }
}

/** The name of a file in problems. */
export function shownName(file: string): string {
  return file === "-" ? "<stdin>" : file;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  EACCES: "permission denied",
  EISDIR: "it is a directory",
};

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return reasons[code] ?? (code === "" ? String(error) : code);
}
