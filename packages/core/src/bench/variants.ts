/** Makes the chains of a job: imports each subject's modules, and puts together the definitions and filters that a variant stands for. */
import {
  type AnyFilterDefinition,
  type AnyHttpFilterDefinition,
  type AnyNetworkFilterDefinition,
  Registry,
} from "../registry/registry.ts";
import { type BenchServices, benchServices } from "./bench-services.ts";
import type { ChainDriver } from "./driver.ts";
import { HookClock, twinOf } from "./hooks.ts";
import { httpDriver } from "./http-driver.ts";
import { networkDriver } from "./network-driver.ts";
import {
  BenchError,
  type BenchJob,
  type InspectedDefinition,
  type Subject,
  type SubjectFilter,
  type SubjectModule,
  type Traffic,
  type Variant,
} from "./types.ts";

export async function inspectModules(modules: readonly SubjectModule[]): Promise<InspectedDefinition[]> {
  const registry = await loaded(modules);
  return registry.all().map(({ kind, definition, source }) => ({
    id: definition.id,
    kind: kind === "http" || kind === "network" ? kind : "other",
    isTerminal: definition.terminal === true,
    specifier: source,
  }));
}

/** @throws BenchError where a module cannot be loaded or holds what is no definition. */
async function loaded(modules: readonly SubjectModule[]): Promise<Registry> {
  const registry = new Registry();
  const [problem] = await registry.load(modules);
  if (problem !== undefined) throw new BenchError(`${problem.source} ${problem.message}`);
  return registry;
}

const WHERE_CONFIG = "its configuration is what --config or --profile says, or sluice.bench.config of its package.json";

export interface MadeVariant {
  readonly name: string;
  readonly driver: ChainDriver;
}

/** What makes of a definition the one that is measured. */
type Change = (definition: AnyFilterDefinition) => AnyFilterDefinition;

/** One subject of a job, its modules imported. */
export class LoadedSubject {
  readonly #subject: Subject;
  readonly #registry: Registry;

  constructor(subject: Subject, registry: Registry) {
    this.#subject = subject;
    this.#registry = registry;
  }

  /** @throws BenchError with what the filter says where its configuration is refused. */
  async make({ name, role, upTo }: Variant, traffic: Traffic): Promise<MadeVariant> {
    const filters = role === "empty" ? [] : this.#subject.filters.slice(0, upTo);
    if (role === "twin") return this.#chain(name, filters.map(inline), traffic, twinOf);
    return this.#chain(name, filters, traffic, (definition) => definition);
  }

  /**
   * Calls every `create` and forgets what it made. Of a function that was made once, V8 compiles the variables around it in as constants, of one that was made
   * twice it does not: a version of which a twin stands beside it would be some percent slower than one without.
   */
  async createOnce(traffic: Traffic): Promise<void> {
    const { driver } = await this.#chain("", this.#subject.filters.map(inline), traffic, twinOf);
    driver.close();
  }

  /** The chain with a clock around every hook. */
  async makeTimed({ name, upTo }: Variant, traffic: Traffic): Promise<MadeVariant & { readonly clock: HookClock }> {
    const clock = new HookClock();
    const filters = this.#subject.filters.slice(0, upTo);
    const made = await this.#chain(name, filters, traffic, (definition) => clock.timed(definition));
    return { ...made, clock };
  }

  async #chain(
    name: string,
    filters: readonly SubjectFilter[],
    traffic: Traffic,
    change: Change,
  ): Promise<MadeVariant> {
    const services = benchServices();
    const byId = new Map(filters.map((filter) => [filter.id, filter]));
    try {
      const definitions: AnyFilterDefinition[] = [];
      for (const filter of byId.values()) definitions.push(change(await this.#running(filter, services)));
      const parts = { services, filters: filters.map(inline), routes: this.#subject.routes };
      const driver =
        traffic.kind === "http"
          ? await httpDriver({ ...parts, definitions: definitions as AnyHttpFilterDefinition[], traffic })
          : await networkDriver({ ...parts, definitions: definitions as AnyNetworkFilterDefinition[], traffic });
      return { name, driver };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new BenchError(`${message}\n${WHERE_CONFIG}`);
    }
  }

  /** The filter's definition, or where it runs in threads of its own, the one that stands for it. */
  async #running({ id, runtime }: SubjectFilter, services: BenchServices): Promise<AnyFilterDefinition> {
    const registered = this.#registry.get(id);
    const found = registered === undefined || registered.kind === "discovery" ? undefined : registered.definition;
    if (found === undefined) throw new BenchError(`no module of ${this.#subject.label} defines "${id}"`);
    if (runtime === undefined) return found;
    const { isolate, START_LIMIT_MS } = await import("../isolate/isolate.ts");
    const { clock, timers, log } = services;
    const module = this.#registry.moduleOf(id)!;
    const host = { module, clock, timers, log, startLimitMs: START_LIMIT_MS };
    return isolate(found as AnyHttpFilterDefinition, runtime, host);
  }
}

function inline({ runtime: _, ...filter }: SubjectFilter): SubjectFilter {
  return filter;
}

/** By their index, in the order in which the variants first name them: reversed with it, so that no version is always the first to be loaded. */
export async function loadSubjects(job: BenchJob): Promise<ReadonlyMap<number, LoadedSubject>> {
  const subjects = new Map<number, LoadedSubject>();
  for (const { subject: index } of job.variants) {
    const subject = job.subjects[index]!;
    if (subjects.has(index)) continue;
    const made = new LoadedSubject(subject, await loaded(subject.modules));
    await made.createOnce(job.traffic);
    subjects.set(index, made);
  }
  return subjects;
}
