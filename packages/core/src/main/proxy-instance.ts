/**
 * A whole proxy in one object: server, admin, and the way from a configuration's source to both. The command line and `createServer` are
 * two thin shells around it.
 */
import { writeFile } from "node:fs/promises";
import type { Bundler } from "../config/bundler.ts";
import { type ConfigSource, loadConfig } from "../config/index.ts";
import type { AddressModel, CompiledConfig } from "../config/model.ts";
import type { Problems } from "../config/problems.ts";
import { sameMeaning } from "../config/same-meaning.ts";
import type { ApplyProblem } from "../worker/data-plane.ts";
import { formatAddress, toProblem } from "../worker/data-plane.ts";
import type { LogSink } from "../worker/log.ts";
import type { AdminServer } from "./admin/admin-server.ts";
import { Server, type ServerOptions } from "./server.ts";

export interface ProxyOptions extends ServerOptions {
  readonly source: ConfigSource;
  readonly allowUnsupported: boolean;
  /** How the process was started, for `/server_info`. */
  readonly commandLine: Readonly<Record<string, string | number | boolean>>;
  readonly adminAddressPath: string | null;
  /** `POST /quitquitquit`. */
  readonly onQuit: () => void;
  /** Under `run --watch`. */
  readonly bundler?: Bundler | undefined;
}

export interface StartResult {
  readonly isUp: boolean;
  /** Of the configuration: warnings where it is up. */
  readonly problems: Problems;
  /** What stood against starting it: addresses in use, filters that cannot be created. */
  readonly refusals: readonly ApplyProblem[];
}

/** What became of another version of the configuration. */
export interface ReloadResult {
  /** `refused`: what served before does. */
  readonly outcome: "applied" | "unchanged" | "refused";
  readonly problems: Problems;
  readonly refusals: readonly ApplyProblem[];
}

export class ProxyInstance {
  readonly server: Server;
  readonly #options: ProxyOptions;
  readonly #log: LogSink;
  #admin: AdminServer | null = null;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#log = options.log;
    this.server = new Server(options);
    this.server.spawn();
  }

  get adminAddress(): AddressModel | null {
    return this.#admin?.address ?? null;
  }

  /** Reads the configuration and serves it. Where it does not come up, everything is closed again. */
  async start(): Promise<StartResult> {
    const { source, allowUnsupported, bundler } = this.#options;
    const registry = this.#options.registry.fork();
    try {
      const { config, problems } = await loadConfig(source, { registry, allowUnsupported, bundler });
      if (config === null) {
        await this.stop();
        return { isUp: false, problems, refusals: [] };
      }
      const refusals = await this.#serve(config);
      if (refusals.length > 0) await this.stop();
      else this.#options.registry.adopt(registry);
      return { isUp: refusals.length === 0, problems, refusals };
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Reads the configuration again; it serves in all threads or in none. MUST NOT be called while a call is open. @throws Error before `start` */
  async reload(): Promise<ReloadResult> {
    const { source, allowUnsupported, bundler } = this.#options;
    const live = this.server.config;
    if (live === null) throw new Error("there is no configuration yet");
    const registry = this.#options.registry.fork();
    const { config, problems } = await loadConfig(source, { registry, allowUnsupported, bundler });
    if (config === null) return { outcome: "refused", problems, refusals: [] };
    if (sameMeaning(config, live)) return { outcome: "unchanged", problems, refusals: [] };
    if (!sameMeaning(config.admin, live.admin)) {
      const message = "the address of the admin interface cannot change while it runs";
      return { outcome: "refused", problems, refusals: [{ message, place: null }] };
    }
    const refusals = await this.server.apply(config);
    if (refusals.length > 0) return { outcome: "refused", problems, refusals };
    this.#options.registry.adopt(registry);
    return { outcome: "applied", problems, refusals };
  }

  /** Lame duck, then the end. */
  async drainAndStop(): Promise<void> {
    await this.server.drain();
    await this.stop();
  }

  /** The end, at once. */
  async stop(): Promise<void> {
    await this.server.stop();
    await this.#admin?.close();
  }

  async #serve(config: CompiledConfig): Promise<readonly ApplyProblem[]> {
    // Admin first: it shows a server that is still initializing.
    if (config.admin !== null) {
      try {
        await this.#startAdmin(config.admin.address);
      } catch (error) {
        return [toProblem(error)];
      }
    }
    return this.server.start(config);
  }

  async #startAdmin(address: AddressModel): Promise<void> {
    const { AdminServer } = await import("./admin/admin-server.ts");
    const { commandLine, threshold, registry, adminAddressPath, onQuit } = this.#options;
    this.#admin = new AdminServer({ server: this.server, threshold, registry, commandLine, quit: onQuit }, this.#log);
    await this.#admin.listen(address);
    const bound = formatAddress(this.#admin.address ?? address);
    this.#log.write("info", "admin", `admin address: ${bound}`);
    if (adminAddressPath !== null) await writeFile(adminAddressPath, bound);
  }
}
