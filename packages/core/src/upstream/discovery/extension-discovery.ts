/**
 * Clusters whose hosts a third party's code finds, in main, beside those that are found otherwise. A cluster whose discovery did not change is not asked anew by another
 * configuration; one whose did starts beside the old one, and has its hosts until it has found its own.
 */
import type { ClusterModel, ExtensionDiscoveryModel } from "../../config/model.ts";
import { sameMeaning } from "../../config/same-meaning.ts";
import { judge } from "../../registry/schema.ts";
import type { Registry } from "../../registry/registry.ts";
import type { StatsStore } from "../../stats/stats-store.ts";
import { ComponentLogger } from "../../worker/filter-context.ts";
import type { LogSink } from "../../worker/log.ts";
import type { ClusterHosts, DiscoveryPart } from "../../worker/parts.ts";
import type { HostModel } from "../host.ts";
import { RunningDiscovery } from "./running-discovery.ts";

/** First hosts that take longer are not waited for. */
const FIRST_HOSTS_MS = 5000;

export interface ExtensionDiscoveryOptions {
  readonly log: LogSink;
  readonly stats: StatsStore;
  readonly registry: Registry;
  readonly onHosts: (cluster: string, hosts: readonly HostModel[]) => void;
}

type ExtensionModel = ClusterModel & { readonly discovery: ExtensionDiscoveryModel };

interface Followed {
  readonly model: ExtensionModel;
  readonly running: RunningDiscovery;
}

export class ExtensionDiscovery implements DiscoveryPart {
  readonly #options: ExtensionDiscoveryOptions;
  readonly #others: DiscoveryPart;
  #followed: ReadonlyMap<string, Followed> = new Map();
  /** Of a configuration that is not live yet; with those of the live one that it keeps. */
  #pending = new Map<string, Followed>();
  #isOver = false;

  constructor(others: DiscoveryPart, options: ExtensionDiscoveryOptions) {
    this.#others = others;
    this.#options = options;
  }

  get hosts(): ClusterHosts {
    const own = [...this.#followed].map(([name, { running }]) => [name, running.hosts] as const);
    return own.length === 0 ? this.#others.hosts : new Map([...this.#others.hosts, ...own]);
  }

  async resolve(models: readonly ClusterModel[]): Promise<ClusterHosts> {
    const own = models.filter(isExtension);
    const others = this.#others.resolve(models);
    this.#stopPending();
    if (own.length === 0) return others;
    const begun = await Promise.all(own.map((model) => this.#begin(model)));
    const found = begun.flatMap((followed) => followed ?? []);
    await within(
      FIRST_HOSTS_MS,
      found.flatMap(({ model, running }) =>
        running.hosts.length > 0 || model.discovery.waits === false ? [] : running.first,
      ),
    );
    const hosts = new Map(await others);
    for (const { model, running } of found) hosts.set(model.name, running.hosts);
    return hosts;
  }

  follow(models: readonly ClusterModel[]): void {
    this.#others.follow(models);
    const before = this.#followed;
    const next = new Map<string, Followed>();
    for (const { name } of models) {
      const followed = this.#pending.get(name);
      if (followed === undefined) continue;
      this.#pending.delete(name);
      next.set(name, followed);
    }
    this.#followed = next;
    for (const [name, followed] of before) if (next.get(name) !== followed) followed.running.stop();
    this.#stopPending();
    // What was found while the configuration was brought out.
    for (const [name, { running }] of next) this.#options.onHosts(name, running.hosts);
  }

  discard(): void {
    this.#others.discard?.();
    this.#stopPending();
  }

  close(): void {
    this.#isOver = true;
    this.#others.close();
    this.#stopPending();
    for (const { running } of this.#followed.values()) running.stop();
    this.#followed = new Map();
  }

  #stopPending(): void {
    for (const [name, followed] of this.#pending) if (this.#followed.get(name) !== followed) followed.running.stop();
    this.#pending.clear();
  }

  /** undefined where the code is not there: that was a problem of the configuration. */
  async #begin(model: ExtensionModel): Promise<Followed | undefined> {
    const { name, statName, discovery } = model;
    const known = this.#followed.get(name);
    if (known !== undefined && sameMeaning(known.model.discovery, discovery)) {
      this.#pending.set(name, known);
      return known;
    }
    const { registry, log, stats, onHosts } = this.#options;
    const logger = new ComponentLogger(log, `discovery ${discovery.id} of cluster ${name}`);
    const version = registry.fork();
    const problems = discovery.module === null ? [] : await version.load([discovery.module]);
    if (this.#isOver) return undefined;
    for (const { message } of problems) logger.error(message);
    const definition = version.discovery(discovery.id) ?? registry.discovery(discovery.id);
    const config = definition === undefined ? undefined : judge(definition.config, discovery.config);
    if (definition === undefined || config?.ok !== true) {
      logger.error("cannot be started: its definition, or what its schema says, is another one now");
      return undefined;
    }
    const running: RunningDiscovery = new RunningDiscovery({
      cluster: name,
      definition,
      config: config.value,
      log: logger,
      scope: stats.scope(`cluster.${statName}.`),
      onHosts: (hosts) => {
        if (this.#followed.get(name)?.running === running) onHosts(name, hosts);
      },
    });
    if (known !== undefined) running.inherit(known.running.hosts);
    const followed: Followed = { model, running };
    this.#pending.set(name, followed);
    running.start();
    return followed;
  }
}

function isExtension(model: ClusterModel): model is ExtensionModel {
  return model.discovery.kind === "extension";
}

/** Waits for all of them, but not longer. */
async function within(ms: number, waited: readonly Promise<void>[]): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([Promise.all(waited), late.promise]);
  clearTimeout(timer);
}
