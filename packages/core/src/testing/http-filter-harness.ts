/**
 * HTTP filters under test: definitions run through their schemas, defaults and `create`, and then through the real chain engine between two scripted ends, under a
 * virtual clock. No socket, no real waiting. Whole exchanges by `request`, frame by frame by `open`.
 */
import type { HcmModel, HttpFilterModel } from "../config/model.ts";
import type { ConnectionManager } from "../http/manager/connection-manager.ts";
import { createConnectionManager } from "../http/manager/create.ts";
import type { ServerConnection } from "../http/manager/server-connection.ts";
import type { HttpStream } from "../http/manager/http-stream.ts";
import { ScriptedConnection } from "../network/scripted-connection.ts";
import type { TestResponse } from "./client-end.ts";
import { testConnectionInfo } from "./connection-info.ts";
import { defaultHcm } from "./default-models.ts";
import { HttpExchange } from "./exchange.ts";
import { FakeCluster } from "./fake-cluster.ts";
import type { FakeStream } from "./fake-stream.ts";
import { FilterHarness } from "./filter-harness.ts";
import { KitServices } from "./kit-services.ts";
import type { Respond, TestRequest } from "./messages.ts";
import { type ChainInput, chainOf, type ChainMember } from "./members.ts";
import { routeConfigOf } from "./routes.ts";
import { scriptedUpstream, UPSTREAM_ID } from "./scripted-upstream.ts";
import type { AnyDefinition, CommonOptions, HttpFilterSetup, TestClient, TestRoute } from "./setup.ts";
import type { UpstreamEnd } from "./upstream-end.ts";

export interface HttpHarnessOptions extends CommonOptions {
  /** The first that matches is taken; none: no route. @default one for everything */
  readonly routes?: readonly TestRoute[];
  /** What the upstream answers to `request()`. @default 200 with the body "ok" */
  readonly upstream?: Respond;
  /** Settings of the connection manager, over Envoy's defaults. */
  readonly hcm?: Partial<Omit<HcmModel, "filters" | "routeConfig" | "accessLogs">>;
  /**
   * Real milliseconds that `request()` waits for a hook's promise that no virtual timer settles (real I/O), before it lets the engine's time-outs strike.
   * @default 2000
   */
  readonly patienceMs?: number;
}

/** A filter's definition, or the definitions of a chain in order, each alone or with its setup. */
export type HttpChainInput = ChainInput<HttpFilterSetup>;

const OK: Respond = () => ({ body: "ok" });
const PREFIX = "test";

/**
 * Makes a harness for one filter, or for a chain of them. Where no terminal filter (the router, for example) ends the chain, the test plays the upstream.
 * @throws Error where a definition, a configuration or `create` is refused, with the filter's name
 */
export async function httpHarness(
  definition: AnyDefinition,
  options?: HttpFilterSetup & HttpHarnessOptions,
): Promise<HttpFilterHarness>;
export async function httpHarness(
  chain: readonly HttpChainInput[],
  options?: HttpHarnessOptions,
): Promise<HttpFilterHarness>;
export async function httpHarness(
  input: AnyDefinition | readonly HttpChainInput[],
  options: HttpFilterSetup & HttpHarnessOptions = {},
): Promise<HttpFilterHarness> {
  const members = chainOf<HttpFilterSetup>(input, options);
  const isEnded = members.at(-1)?.definition.terminal === true;
  const clusters =
    options.clusters ?? (isEnded ? { upstream: new FakeCluster({ respond: options.upstream ?? OK }) } : {});
  const services = new KitServices({ ...options, clusters });
  const harness = new HttpFilterHarness(services, options, isEnded, Object.values(clusters));
  await harness.start(members, Object.keys(clusters)[0] ?? "upstream");
  return harness;
}

export class HttpFilterHarness extends FilterHarness {
  readonly #options: HttpHarnessOptions;
  readonly #isEnded: boolean;
  readonly #clusters: readonly FakeCluster[];
  readonly #upstreams = new WeakMap<HttpStream, UpstreamEnd>();
  /** Of exchanges that are played whole: what is done when they come to the upstream. */
  readonly #answers = new WeakMap<HttpStream, (upstream: UpstreamEnd) => void>();
  readonly #open = new Set<TestConnection>();
  #last: UpstreamEnd | null = null;
  #manager: ConnectionManager | null = null;

  /** For the kit; tests call {@link httpHarness}. */
  constructor(services: KitServices, options: HttpHarnessOptions, isEnded: boolean, clusters: readonly FakeCluster[]) {
    super(services);
    this.#options = options;
    this.#isEnded = isEnded;
    this.#clusters = clusters;
  }

  /** For the kit. */
  async start(members: readonly ChainMember<HttpFilterSetup>[], cluster: string): Promise<void> {
    const scripted: ChainMember<HttpFilterSetup>[] = this.#isEnded
      ? []
      : [
          {
            name: UPSTREAM_ID,
            setup: {},
            definition: scriptedUpstream((stream, upstream) => {
              this.#upstreams.set(stream, upstream);
              this.#last = upstream;
              this.#answers.get(stream)?.(upstream);
            }),
          },
        ];
    const chain = [...members, ...scripted];
    const registry = this.register(chain, "http");
    this.names(members, (name) => `http.${PREFIX}.${name.replaceAll(".", "_")}.`);
    const hcm: HcmModel = {
      ...defaultHcm,
      ...this.#options.hcm,
      statPrefix: PREFIX,
      filters: chain.map(modelOf),
      routeConfig: routeConfigOf(members, this.#options.routes ?? [{}], cluster),
    };
    this.#manager = await createConnectionManager(hcm, {
      services: this.services.worker,
      registry,
      bufferLimitBytes: this.#options.bufferLimitBytes ?? 1024 * 1024,
      chainKey: PREFIX,
    });
  }

  /**
   * The upstream's end of the stream that came there last; where a terminal filter ends the chain, of the stream that was opened last on any of the clusters.
   * @throws Error while nothing has come there
   */
  get upstream(): UpstreamEnd {
    const last = this.#isEnded ? this.#lastOfClusters() : this.#last;
    if (last === null) throw new Error("nothing has come to the upstream yet");
    return last;
  }

  /** A connection of its own, for streams that follow one another on it. Close it at its end. */
  connect(client: TestClient = this.#options.client ?? {}): TestConnection {
    if (this.#manager === null) throw new Error("the harness is closed");
    const connection = new TestConnection(this, this.#manager, client);
    this.#open.add(connection);
    return connection;
  }

  /** A stream on a connection of its own, to be played frame by frame. */
  open(client?: TestClient): HttpExchange {
    return this.connect(client).open();
  }

  /**
   * A whole request on a connection of its own, and the whole answer. Frames wait where the proxy asks for it. Virtual time moves by itself when nothing else
   * can happen: to the next timer of a filter or of the upstream's delay, at last to the engine's time-outs.
   * @param respond what the upstream answers this time. Only where the test is the upstream
   */
  async request(request: TestRequest = {}, respond?: Respond): Promise<TestResponse> {
    const connection = this.connect();
    try {
      return await connection.request(request, respond);
    } finally {
      connection.close();
    }
  }

  /** Ends the chain: connections are cut, filters disposed of, what they were given is released. */
  async close(): Promise<void> {
    const manager = this.#manager;
    if (manager === null) return;
    this.#manager = null;
    for (const connection of this.#open) connection.close();
    manager.retire();
    await this.settle();
  }

  /** For the kit. */
  get patienceMs(): number {
    return this.#options.patienceMs ?? 2000;
  }

  // ---- for the kit --------------------------------------------------------------------------------------------------------------------------

  upstreamOf(stream: HttpStream): UpstreamEnd | null {
    return this.#isEnded ? this.#lastOfClusters() : (this.#upstreams.get(stream) ?? null);
  }

  closed(connection: TestConnection): void {
    this.#open.delete(connection);
  }

  async play(exchange: HttpExchange, request: TestRequest, respond: Respond | undefined): Promise<TestResponse> {
    if (this.#isEnded && respond !== undefined)
      throw new TypeError("a terminal filter ends the chain: give its cluster a `respond` instead");
    let failure: { readonly error: unknown } | null = null;
    const fail = (error: unknown): void => void (failure ??= { error });
    this.#answers.set(exchange.stream, (upstream) => {
      upstream.answerWith(respond ?? this.#options.upstream ?? OK, (ms) => this.delay(ms)).catch(fail);
    });
    exchange.send(request).catch(fail);
    await this.runUntil(
      () => {
        const [error] = this.services.clusters.failures;
        if (error !== undefined) fail(error);
        return failure !== null || exchange.over;
      },
      () => exchange.awaitsPromise,
      this.patienceMs,
    );
    await this.settle();
    if (failure !== null) throw (failure as { readonly error: unknown }).error;
    return exchange.response;
  }

  #lastOfClusters(): FakeStream | null {
    let last: FakeStream | null = null;
    for (const cluster of this.#clusters) last = cluster.streams.at(-1) ?? last;
    return last;
  }
}

/** One connection of a client; its streams share what lives as long as it. */
export class TestConnection {
  readonly #harness: HttpFilterHarness;
  readonly #scripted: ScriptedConnection;
  readonly #server: ServerConnection;
  readonly #exchanges = new Set<HttpExchange>();

  /** For the kit. */
  constructor(harness: HttpFilterHarness, manager: ConnectionManager, client: TestClient) {
    this.#harness = harness;
    this.#scripted = new ScriptedConnection({ info: testConnectionInfo(client) });
    this.#server = manager.onConnection(this.#scripted);
  }

  open(): HttpExchange {
    if (this.#server.closed) throw new Error("the connection is closed");
    for (const exchange of this.#exchanges) if (exchange.over) this.#exchanges.delete(exchange);
    const exchange = new HttpExchange(this.#server, (stream) => this.#harness.upstreamOf(stream));
    this.#exchanges.add(exchange);
    return exchange;
  }

  async request(request: TestRequest = {}, respond?: Respond): Promise<TestResponse> {
    return this.#harness.play(this.open(), request, respond);
  }

  /** The client is gone, and with it the streams that are open. */
  close(): void {
    for (const exchange of this.#exchanges) if (!exchange.over) exchange.abort();
    if (!this.#server.closed) this.#scripted.receiveClose();
    this.#harness.closed(this);
  }
}

function modelOf({ name, definition, setup }: ChainMember<HttpFilterSetup>): HttpFilterModel {
  return {
    name,
    id: definition.id,
    config: (setup.config ?? {}) as HttpFilterModel["config"],
    place: { path: name, position: "" },
    disabled: setup.disabled ?? false,
    onError: setup.onError ?? "fail",
  };
}
