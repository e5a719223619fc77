/** The imports of one component's world, for all of its instances in a chain: they act on the stream whose hook runs. */
import type { Counter, FilterContext, HttpStream } from "@sluice/sdk";
import { type ReadAttribute, attributeReader } from "./attributes.ts";
import type { ComponentDescription } from "./description.ts";
import type { GuestHost, GuestRequest, LogLevel } from "./guest.ts";

const MAX_LOG_CHARACTERS = 4096;
const MAX_COUNTERS = 256;
const MAX_METADATA_CHARACTERS = 65_536;
const MAX_ATTRIBUTES = 256;

/** What the component began for a stream and hears of later: `ComponentFilter` has it. */
export interface Pending {
  startCall(request: GuestRequest): number;
  startTimer(ms: number): number;
}

export class ComponentHost implements GuestHost {
  readonly #context: FilterContext;
  readonly #description: ComponentDescription;
  readonly #pending: Pending;
  readonly #counters: Counter[] = [];
  readonly #counterNames: string[] = [];
  readonly #attributes = new Map<string, ReadAttribute>();
  readonly #routeConfigs = new WeakMap<object, string>();
  /** The stream whose hook runs; null while there is none. */
  stream: HttpStream | null = null;
  /** Whether `configure` runs. */
  isConfiguring = false;

  constructor(context: FilterContext, description: ComponentDescription, pending: Pending) {
    this.#context = context;
    this.#description = description;
    this.#pending = pending;
  }

  log(level: LogLevel, message: string): void {
    this.#context.logger[level](message.slice(0, MAX_LOG_CHARACTERS));
  }

  counter(name: string): number {
    if (!this.isConfiguring) throw new TypeError(`it asks for the counter "${name}" outside of configure`);
    const known = this.#counterNames.indexOf(name);
    if (known >= 0) return known;
    if (!/^[a-z0-9_]+(\.[a-z0-9_]+)*$/.test(name) || name.length > 100)
      throw new TypeError(`"${name.slice(0, 100)}" is no name of a counter, expected lower-case words`);
    if (this.#counters.length >= MAX_COUNTERS) throw new TypeError(`it asks for more than ${MAX_COUNTERS} counters`);
    this.#counters.push(this.#context.stats.counter(name));
    return this.#counterNames.push(name) - 1;
  }

  increment(counter: number, amount: number): void {
    const found = this.#counters[counter];
    if (found === undefined) throw new TypeError(`it increments counter ${counter}, which does not exist`);
    found.inc(amount);
  }

  now(): number {
    return this.#context.clock.now();
  }

  wallNow(): number {
    return this.#context.clock.wallNow();
  }

  random(): number {
    return this.#context.random.next();
  }

  attribute(name: string): string | undefined {
    const stream = this.#current();
    let read = this.#attributes.get(name);
    if (read === undefined) {
      read = attributeReader(name, this.#description.reads);
      if (this.#attributes.size < MAX_ATTRIBUTES) this.#attributes.set(name, read);
    }
    return read(stream);
  }

  routeConfig(): string | undefined {
    const { routeConfig } = this.#current();
    if (typeof routeConfig !== "object" || routeConfig === null)
      return routeConfig === undefined ? undefined : JSON.stringify(routeConfig);
    let text = this.#routeConfigs.get(routeConfig);
    if (text === undefined) this.#routeConfigs.set(routeConfig, (text = JSON.stringify(routeConfig)));
    return text;
  }

  metadata(namespace: string): string | undefined {
    const { reads, requires = [] } = this.#description;
    if (!reads.includes(`metadata.${namespace}`) && !requires.some((key) => key.namespace === namespace))
      throw new TypeError(
        `it reads metadata of "${namespace}", and its description does not list "metadata.${namespace}" under reads`,
      );
    const values = this.#current().metadata.get(namespace);
    return values === undefined ? undefined : JSON.stringify(values);
  }

  setMetadata(namespace: string, values: string): void {
    if (values.length > MAX_METADATA_CHARACTERS)
      throw new TypeError(`it sets metadata of ${values.length} characters, at most ${MAX_METADATA_CHARACTERS} may be`);
    const parsed: unknown = JSON.parse(values);
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
      throw new TypeError(`it sets metadata of "${namespace}" that is no JSON object`);
    this.#current().metadata.set(namespace, parsed as Readonly<Record<string, unknown>>);
  }

  startCall(request: GuestRequest): number {
    if (this.#description.calls !== true)
      throw new TypeError('it calls a cluster, and its description does not say "calls": true');
    this.#current();
    return this.#pending.startCall(request);
  }

  startTimer(ms: number): number {
    this.#current();
    return this.#pending.startTimer(ms);
  }

  #current(): HttpStream {
    if (this.stream === null) throw new TypeError("it asks for a stream while none is there");
    return this.stream;
  }
}
