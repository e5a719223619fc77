/** `createServer`: the proxy inside another program, with the same configuration and the same built-in filters. */
import type { ConfigSource } from "../config/index.ts";
import type { SluiceConfig } from "../config/define-config.ts";
import { takeInlineFilters } from "../config/inline-filters.ts";
import type { Json } from "../config/model.ts";
import { formatProblem } from "../config/format-problem.ts";
import type { Problem } from "../config/problems.ts";
import { LogWriter } from "../main/log-writer.ts";
import { ProxyInstance } from "../main/proxy-instance.ts";
import { type AnyDefinition, Registry } from "../registry/registry.ts";
import { formatAddress } from "../worker/data-plane.ts";
import { type LogSink, LogThreshold } from "../worker/log.ts";
import { builtinModules, loadBuiltins } from "./builtin.ts";

export interface CreateServerOptions {
  /** Filter definitions in memory; they cannot cross to worker threads and need `concurrency: 0`. Modules stand in the configuration. */
  readonly extensions?: readonly Pick<AnyDefinition, "id">[];
  /** Worker threads; 0 runs everything in the calling thread. @default 0 */
  readonly concurrency?: number;
  /** How long connections may take to end at `stop`. @default 0: they end at once */
  readonly drainTimeMs?: number;
  /** What Envoy has and Sluice does not is a warning and left out. @default false */
  readonly allowUnsupported?: boolean;
  /** Where log lines go. @default nowhere */
  readonly log?: LogSink;
}

export interface StartedServer {
  /** What the listeners are bound to, in the configuration's order. */
  readonly listeners: ReadonlyArray<{ readonly name: string; readonly address: string; readonly port: number }>;
  /** Address of the admin interface; null where there is none. */
  readonly admin: string | null;
  readonly warnings: readonly Problem[];
}

export interface ProxyServer {
  /** @throws ConfigurationError where the configuration cannot be served; everything is closed again. */
  start(): Promise<StartedServer>;
  /** Drains, then closes everything; harmless when called twice. */
  stop(): Promise<void>;
}

/** Why a configuration cannot be served, all of it. */
export class ConfigurationError extends Error {
  readonly problems: readonly Problem[];

  constructor(lines: readonly string[], problems: readonly Problem[]) {
    super(lines.join("\n"));
    this.name = "ConfigurationError";
    this.problems = problems;
  }
}

/**
 * Embeds the proxy.
 * @param config the short form or Envoy's bootstrap, as an object, as text (YAML or JSON), or as `{ file }`.
 * @throws TypeError for in-memory extensions with worker threads.
 */
export function createServer(
  config: SluiceConfig | { readonly [key: string]: Json } | string | { readonly file: string },
  options: CreateServerOptions = {},
): ProxyServer {
  const { extensions = [], concurrency = 0, drainTimeMs = 0, allowUnsupported = false } = options;
  if (!Number.isInteger(concurrency) || concurrency < 0 || concurrency > 127) {
    throw new TypeError(`concurrency is ${concurrency}, expected a whole number from 0 to 127`);
  }
  if (extensions.length > 0 && concurrency > 0) {
    throw new TypeError(
      "definitions in memory cannot cross to worker threads: use concurrency 0, or name their modules under `extensions` in the configuration",
    );
  }
  const { source, filters } = sourceOf(config);
  if (filters.length > 0 && concurrency > 0) {
    throw new TypeError(
      'filters in the configuration cannot cross to worker threads: use concurrency 0, or name the configuration\'s file, as in { file: "sluice.config.ts" }',
    );
  }
  const known = [...extensions, ...filters];
  return new EmbeddedServer(source, known, concurrency, drainTimeMs, allowUnsupported, options.log);
}

function sourceOf(config: object | string): { readonly source: ConfigSource; readonly filters: readonly unknown[] } {
  if (typeof config === "string") return { source: { text: config, name: "config" }, filters: [] };
  const keys = Object.keys(config);
  if (keys.length === 1 && "file" in config && typeof config.file === "string")
    return { source: { file: config.file }, filters: [] };
  const { value, filters } = takeInlineFilters(config);
  return { source: { value, name: "config" }, filters };
}

class EmbeddedServer implements ProxyServer {
  readonly #make: () => Promise<ProxyInstance>;
  #proxy: Promise<ProxyInstance> | null = null;

  constructor(
    source: ConfigSource,
    extensions: readonly unknown[],
    concurrency: number,
    drainTimeMs: number,
    allowUnsupported: boolean,
    log: LogSink | undefined,
  ) {
    this.#make = async () => {
      const registry = await loadBuiltins(new Registry());
      const [problem] = registry.add(extensions, "extensions");
      if (problem !== undefined) throw new ConfigurationError([`${problem.source}: ${problem.message}`], []);
      const threshold = new LogThreshold();
      return new ProxyInstance({
        source,
        concurrency,
        drainTimeMs,
        allowUnsupported,
        threshold,
        log: log ?? new LogWriter({ threshold, format: "text", write: () => {} }),
        registry,
        builtins: builtinModules().map(({ url }) => url),
        commandLine: {},
        adminAddressPath: null,
        onQuit: () => void this.stop(),
      });
    };
  }

  async start(): Promise<StartedServer> {
    if (this.#proxy !== null) throw new Error("the server was started already");
    this.#proxy = this.#make();
    const proxy = await this.#proxy;
    const { isUp, problems, refusals } = await proxy.start();
    const found = [...problems];
    if (!isUp) {
      const refused = refusals.map(({ message, place }) =>
        place === null ? message : `${place.position}  ${place.path}  ${message}`,
      );
      throw new ConfigurationError([...found.map(formatProblem), ...refused], found);
    }
    return {
      listeners: proxy.server.listeners.map(({ name, address }) => ({
        name,
        address: formatAddress(address),
        port: address.kind === "ip" ? address.port : 0,
      })),
      admin: proxy.adminAddress === null ? null : formatAddress(proxy.adminAddress),
      warnings: found,
    };
  }

  async stop(): Promise<void> {
    const proxy = await this.#proxy?.catch(() => null);
    await proxy?.drainAndStop();
  }
}
