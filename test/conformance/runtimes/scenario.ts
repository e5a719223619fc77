/** A row of the conformance table: what client, upstream and clock do, and what has to come of it wherever the filter runs. */
import {
  type FakeCluster,
  type HttpExchange,
  type HttpFilterHarness,
  type HttpFilterSetup,
  type HttpHarnessOptions,
  httpHarness,
  type TestRequest,
  type UpstreamAnswer,
} from "@sluice/core/testing";
import type { FilterName, RuntimeFixture } from "./fixtures.ts";

/** One exchange, being played. */
export class Bench {
  readonly harness: HttpFilterHarness;
  readonly exchange: HttpExchange;
  readonly #settle: () => Promise<void>;
  readonly #isStepwise: boolean;
  readonly #statsBefore: Readonly<Record<string, number>>;
  readonly #linesBefore: number;
  /** What a scenario notes on the way. */
  readonly notes: unknown[] = [];

  constructor(harness: HttpFilterHarness, settle: () => Promise<void>, isStepwise: boolean) {
    this.harness = harness;
    this.exchange = harness.open();
    this.#settle = settle;
    this.#isStepwise = isStepwise;
    this.#statsBefore = harness.stats();
    this.#linesBefore = harness.log.length;
  }

  /** What was counted since the beginning. */
  get stats(): Record<string, number> {
    const changes = Object.entries(this.harness.stats()).map(
      ([name, value]) => [name, value - (this.#statsBefore[name] ?? 0)] as const,
    );
    return Object.fromEntries(changes.filter(([name]) => !name.startsWith("isolate.")));
  }

  get log(): string[] {
    return this.harness.log
      .slice(this.#linesBefore)
      .map(({ level, component, message }) => `${level} ${component}: ${message}`);
  }

  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 3; rounds++) {
      await this.#settle();
      await this.harness.settle();
    }
  }

  /** Between two frames: nothing where they come all at once. */
  async step(): Promise<void> {
    if (this.#isStepwise) await this.settle();
  }

  /** Virtual time. */
  async after(ms: number): Promise<void> {
    await this.settle();
    await this.harness.advance(ms);
    await this.settle();
  }

  /** The whole request, frame by frame. */
  async send({ chunks, trailers, ...head }: TestRequest = {}): Promise<void> {
    const isBare = chunks === undefined && trailers === undefined;
    this.exchange.headers(head, isBare);
    for (const [i, chunk] of (chunks ?? []).entries()) {
      await this.step();
      this.exchange.data(chunk, trailers === undefined && i === chunks!.length - 1);
    }
    if (trailers !== undefined) {
      await this.step();
      this.exchange.trailers(trailers);
    }
    await this.settle();
  }

  /** The upstream's answer, frame by frame; nothing where nothing has come there. */
  async answer({ chunks, trailers, ...head }: UpstreamAnswer = {}): Promise<void> {
    if (this.exchange.over || !this.hasUpstream) return;
    const { upstream } = this.exchange;
    const isBare = chunks === undefined && trailers === undefined;
    upstream.respond(head, isBare);
    for (const [i, chunk] of (chunks ?? []).entries()) {
      await this.step();
      upstream.data(chunk, trailers === undefined && i === chunks!.length - 1);
    }
    if (trailers !== undefined) {
      await this.step();
      upstream.trailers(trailers);
    }
    await this.settle();
  }

  get hasUpstream(): boolean {
    return this.exchange.response.upstream !== null;
  }
}

export interface Observed {
  /** As it left the chain; null where nothing did. */
  readonly upstream: Readonly<Record<string, unknown>> | null;
  readonly response: Readonly<Record<string, unknown>>;
  readonly stats: Readonly<Record<string, number>>;
  readonly log: readonly string[];
  readonly notes: readonly unknown[];
}

export interface Scenario {
  readonly name: string;
  readonly filter: FilterName;
  readonly setup?: HttpFilterSetup & Omit<HttpHarnessOptions, "clusters">;
  readonly clusters?: () => Readonly<Record<string, FakeCluster>>;
  readonly play: (bench: Bench) => Promise<void>;
  /** The contract leaves the rest open: elsewhere `expected` has to hold, and no more. */
  readonly isOpen?: boolean;
  /** Inline; everywhere else all has to be what it is there. */
  readonly expected: { readonly [Part in keyof Observed]?: unknown };
}

/** The harnesses of one fixture: scenarios with the same setup share one, since a thread takes a while to start. */
export class Stage {
  readonly #fixture: RuntimeFixture;
  readonly #isStepwise: boolean;
  readonly #harnesses = new Map<string, Promise<readonly [HttpFilterHarness, () => Promise<void>]>>();

  constructor(fixture: RuntimeFixture, isStepwise: boolean) {
    this.#fixture = fixture;
    this.#isStepwise = isStepwise;
  }

  async observe(scenario: Scenario): Promise<Observed> {
    const [harness, settle] = await this.#harnessFor(scenario);
    const bench = new Bench(harness, settle, this.#isStepwise);
    await scenario.play(bench);
    await bench.settle();
    if (!bench.exchange.over) {
      bench.exchange.abort();
      await bench.settle();
    }
    return observed(bench);
  }

  async close(): Promise<void> {
    for (const started of this.#harnesses.values()) await (await started)[0].close();
    this.#harnesses.clear();
  }

  #harnessFor(scenario: Scenario): Promise<readonly [HttpFilterHarness, () => Promise<void>]> {
    const { filter, setup, clusters, name } = scenario;
    const key = clusters === undefined ? `${filter} ${JSON.stringify(setup)}` : name;
    let started = this.#harnesses.get(key);
    if (started === undefined) {
      started = this.#start(scenario);
      this.#harnesses.set(key, started);
    }
    return started;
  }

  async #start({ filter, setup, clusters }: Scenario): Promise<readonly [HttpFilterHarness, () => Promise<void>]> {
    const { definition, settle } = this.#fixture.place(filter);
    const options = { ...setup, ...(clusters !== undefined && { clusters: clusters() }) };
    return [await httpHarness(definition, options), settle];
  }
}

/** One scenario on a stage of its own. */
export async function observe(fixture: RuntimeFixture, scenario: Scenario, isStepwise: boolean): Promise<Observed> {
  const stage = new Stage(fixture, isStepwise);
  try {
    return await stage.observe(scenario);
  } finally {
    await stage.close();
  }
}

function observed({ exchange, stats, log, notes }: Bench): Observed {
  const { response } = exchange;
  const { upstream } = response;
  return {
    upstream: upstream && {
      line: `${upstream.method} ${upstream.scheme}://${upstream.authority}${upstream.path}`,
      headers: upstream.headerList.filter(([name]) => name !== "x-forwarded-proto" && name !== "x-request-id"),
      frames: exchange.upstream.frames,
      body: upstream.body,
      trailers: upstream.trailers,
    },
    response: {
      status: response.status,
      headers: response.headerList,
      frames: response.frames,
      body: response.body,
      trailers: response.trailers,
      informational: response.informational,
      details: response.details,
      flags: response.flags,
    },
    stats,
    log,
    notes,
  };
}
