// A proxy under `--watch` in the test's process: a folder of files that the test edits, and the log lines that answer.
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { builtinModules, loadBuiltins } from "../../../packages/core/src/cli/builtin.ts";
import type { Bundler } from "../../../packages/core/src/config/bundler.ts";
import { ProxyInstance } from "../../../packages/core/src/main/proxy-instance.ts";
import { Registry } from "../../../packages/core/src/registry/registry.ts";
import { WatchSession } from "../../../packages/core/src/watch/watch-session.ts";
import type { WatchOptions } from "../../../packages/core/src/watch/watch-session.ts";
import type { LogSink } from "../../../packages/core/src/worker/log.ts";
import { LogThreshold } from "../../../packages/core/src/worker/log.ts";
import { eventually } from "../../support/eventually.ts";

const PACKAGES = fileURLToPath(new URL("../../../node_modules", import.meta.url));

/** A folder of its own, from which the workspace's packages are found. */
export class Workspace implements Disposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "sluice-watch-")));

  constructor(files: Readonly<Record<string, string>>) {
    symlinkSync(PACKAGES, join(this.folder, "node_modules"));
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  /** As editors save: a new file takes the place of the old one. */
  replace(name: string, text: string): void {
    this.write(`${name}.new`, text);
    this.rename(`${name}.new`, name);
  }

  rename(from: string, to: string): void {
    renameSync(this.path(from), this.path(to));
  }

  remove(name: string): void {
    unlinkSync(this.path(name));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface WatchedOptions extends Pick<WatchOptions, "loadEsbuild" | "timers"> {
  /** @default proxy.yaml */
  readonly file?: string;
  readonly concurrency?: number;
  readonly wrapBundler?: (bundler: Bundler) => Bundler;
}

export class WatchedProxy implements AsyncDisposable {
  readonly files: Workspace;
  readonly lines: string[] = [];
  readonly #proxy: ProxyInstance;
  readonly #session: WatchSession;

  private constructor(files: Workspace, options: WatchedOptions, registry: Registry) {
    this.files = files;
    const { file = "proxy.yaml", concurrency = 0, loadEsbuild, timers } = options;
    const log: LogSink = {
      enabled: (level) => level !== "debug",
      write: (level, component, message, fields) => {
        const rest = fields === undefined ? "" : ` ${JSON.stringify(fields)}`;
        if (level !== "debug") this.lines.push(`${level} ${component}: ${message}${rest}`.replaceAll(files.folder, ""));
      },
    };
    this.#session = new WatchSession({
      file: files.path(file),
      log,
      ...(loadEsbuild && { loadEsbuild }),
      ...(timers && { timers }),
    });
    this.#proxy = new ProxyInstance({
      source: { file: files.path(file) },
      concurrency,
      log,
      registry,
      bundler: options.wrapBundler?.(this.#session.bundler) ?? this.#session.bundler,
      threshold: new LogThreshold(),
      builtins: builtinModules().map(({ url }) => url),
      drainTimeMs: 0,
      allowUnsupported: false,
      adminAddressPath: null,
      commandLine: {},
      onQuit: () => {},
    });
  }

  /** Serves what the files say. @throws Error with the problems where they are wrong */
  static async start(files: Readonly<Record<string, string>>, options: WatchedOptions = {}): Promise<WatchedProxy> {
    const made = new WatchedProxy(new Workspace(files), options, await loadBuiltins(new Registry()));
    const { isUp, problems, refusals } = await made.#proxy.start();
    if (!isUp) {
      await made[Symbol.asyncDispose]();
      throw new Error(problems.format() + refusals.map(({ message }) => message).join("\n"));
    }
    made.#session.start(() => made.#proxy.reload());
    return made;
  }

  get port(): number {
    const { address } = this.#proxy.server.listeners[0]!;
    return address.kind === "ip" ? address.port : 0;
  }

  url(path = "/"): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** What the response header `x-word` says, which the filters of these tests set. */
  async word(): Promise<string | undefined> {
    const { headers, body } = await request(this.url());
    await body.dump();
    return headers["x-word"] as string | undefined;
  }

  /** As after an edit, without waiting for its event. */
  async reload(): Promise<string | undefined> {
    return (await this.#session.reload("asked"))?.outcome;
  }

  /** Makes an edit, and resolves with the lines that it led to, up to the one that tells the outcome. */
  async after(edit: () => void): Promise<string[]> {
    const from = this.lines.length;
    edit();
    return eventually("an outcome of the edit", () => {
      const lines = this.lines.slice(from);
      return lines.some((line) => /swapped in|not applied|nothing to swap/.test(line)) ? lines : null;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.close();
    await this.#proxy.stop();
    this.files[Symbol.dispose]();
  }
}

/** One listener with the filter of `./filter.ts`, and what else the configuration has. */
export function configOf(filter = "acme.http.word", more = ""): string {
  return `extensions: ["./filter.ts"]
listeners:
  - name: front
    address: 127.0.0.1:0
    http:
      filters: [${filter}]
      routes: [{ prefix: /, respond: 200 }]
${more}`;
}

const SCHEMA = '{ type: "object", properties: { word: { type: "string" } }, additionalProperties: false }';

/** A filter that says a word in every response. `word` and `schema` are expressions; `imports` are lines. */
export function filterOf(word: string, { imports = "", create = "", schema = SCHEMA } = {}): string {
  return `import { defineHttpFilter } from "@sluice/sdk";
${imports}
export default defineHttpFilter({
  id: "acme.http.word",
  maturity: "alpha",
  security: "unknown",
  config: ${schema},
  create: (config: { word?: string }) => {
    ${create}
    return {
      onResponseHeaders(headers) {
        headers.set("x-word", ${word});
      },
    };
  },
});
`;
}
