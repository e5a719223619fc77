/**
 * Decisions by Redis, over one connection (of a cluster: one for each node). Commands that are ready together go out together. What Redis does not answer is not sent
 * again: it may have counted. While a single server lets decisions wait too long nothing more is sent, until it answers or the connection is given up.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfigError, type Logger } from "@sluice/sdk";
import type { Cluster, Redis, RedisOptions } from "ioredis";
import type { RedisSettings, RedisTlsSettings } from "./config-redis.ts";
import { SCRIPT } from "./script.ts";
import { type Store, type Waiting, readVerdicts } from "./store.ts";

const SHA = createHash("sha1").update(SCRIPT).digest("hex");
/** Commands without an answer; with more Redis counts as away. */
const MOST_PENDING = 10_000;
const FIRST_BACKOFF_MS = 20;
const LONGEST_BACKOFF_MS = 1000;
/** For a socket to end by itself. */
const GOODBYE_MS = 10;

type Library = typeof import("./connector.ts");
type Client = Redis | Cluster;
type Callback = (error: Error | null | undefined, answer: unknown) => void;

export class RedisStore implements Store {
  readonly #client: Client;
  readonly #logger: Logger;
  readonly #isCluster: boolean;
  #pending = 0;
  #isOverdue = false;
  /** Whether it was said that Redis is away. */
  #isAway = false;
  #closed = false;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined = undefined;

  private constructor(client: Client, isCluster: boolean, logger: Logger) {
    this.#client = client;
    this.#logger = logger;
    this.#isCluster = isCluster;
    client.on("error", (error: Error) => this.#lost(error));
    client.on("close", () => this.#lost(new Error("the connection is closed")));
    client.on("end", () => this.#ended());
    client.on("ready", () => this.#ready());
  }

  /**
   * Connects; done when Redis is ready, has refused, or has let the time-out pass: without Redis the filter works as it is told for that case.
   * @throws ConfigError where ioredis is not installed, or a file cannot be read
   */
  static async open(settings: RedisSettings, logger: Logger): Promise<RedisStore> {
    const library = await load();
    const options = optionsOf(settings, library);
    const client = settings.isCluster ? clusterOf(library, settings, options) : serverOf(library, settings, options);
    const store = new RedisStore(client, settings.isCluster, logger);
    await store.#begin(settings.connectTimeoutMs);
    return store;
  }

  decide(keys: readonly string[], words: readonly string[], waiting: Waiting): boolean {
    if (this.#client.status !== "ready" || this.#pending >= MOST_PENDING) return false;
    if (this.#isOverdue && this.#pending > 0 && !this.#isCluster) return false;
    // Keys of different slots cannot be in one script.
    if (this.#isCluster && keys.length > 1) this.#decideEach(keys, words, waiting);
    else this.#run([...keys], [...words], (error, answer) => this.#answered(error, answer, keys.length, waiting));
    return true;
  }

  overdue(): void {
    this.#isOverdue = true;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    // In other states it would arm a timer for a socket that is gone.
    if (this.#client.status !== "end") this.#client.disconnect();
  }

  async #begin(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    this.#client.once("ready", resolve);
    this.#client.once("error", resolve);
    void this.#connect().finally(resolve);
    await promise;
    clearTimeout(timer);
  }

  async #connect(): Promise<void> {
    try {
      await this.#client.connect();
    } catch (error) {
      this.#lost(error as Error);
    }
  }

  #decideEach(keys: readonly string[], words: readonly string[], waiting: Waiting): void {
    const answers: unknown[] = [];
    let missing = keys.length;
    let failure: Error | null = null;
    const each = words.length / keys.length;
    keys.forEach((key, i) => {
      this.#run([key], words.slice(i * each, (i + 1) * each), (error, answer) => {
        failure ??= error ?? null;
        answers[i] = answer;
        missing--;
        if (missing === 0) this.#answered(failure, answers.flat(), keys.length, waiting);
      });
    });
  }

  #run(keys: string[], words: string[], callback: Callback): void {
    const count = keys.length;
    const args = [...keys, ...words];
    this.#pending++;
    const done: Callback = (error, answer) => {
      this.#pending--;
      callback(error, answer);
    };
    const first: Callback = (error, answer) => {
      // A server that was restarted, or one that the script has not been to.
      if (error?.message.startsWith("NOSCRIPT") === true) ignore(this.#client.eval(SCRIPT, count, ...args, done));
      else done(error, answer);
    };
    ignore(this.#client.evalsha(SHA, count, ...args, first));
  }

  #answered(error: Error | null | undefined, answer: unknown, keys: number, waiting: Waiting): void {
    let verdicts: ReturnType<typeof readVerdicts> | null = null;
    let problem = error ?? null;
    if (problem === null) {
      try {
        verdicts = readVerdicts(answer, keys);
      } catch (thrown) {
        problem = thrown as Error;
      }
    }
    this.#isOverdue = false;
    if (problem !== null) this.#lost(problem);
    else if (this.#isAway) this.#ready();
    waiting.decided(verdicts);
  }

  /** The client does not come back by itself, so that nothing of it is left behind when this is closed. */
  #ended(): void {
    if (this.#closed) return;
    const afterMs = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(this.#failures++, 10));
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#connect(), afterMs);
  }

  #ready(): void {
    this.#isOverdue = false;
    this.#failures = 0;
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#logger.info("redis is back");
  }

  #lost(error: Error): void {
    if (this.#isAway || this.#closed) return;
    this.#isAway = true;
    this.#logger.warn(`redis is away: ${error.message}`);
  }
}

/** Its callback is told; a promise that nobody holds must not be reported. */
function ignore(promise: Promise<unknown>): void {
  promise.catch(() => {});
}

async function load(): Promise<Library> {
  try {
    return await import("./connector.ts");
  } catch {
    throw new ConfigError("the package ioredis is not installed: npm install ioredis", ["redis"]);
  }
}

function serverOf({ Redis }: Library, settings: RedisSettings, options: RedisOptions): Redis {
  const { nodes, socketPath, database } = settings;
  const at = nodes[0] === undefined ? { path: socketPath } : { host: nodes[0].host, port: nodes[0].port };
  return new Redis({
    ...options,
    ...at,
    db: database,
    enableAutoPipelining: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: null,
  });
}

function clusterOf({ Cluster }: Library, settings: RedisSettings, options: RedisOptions): Cluster {
  return new Cluster([...settings.nodes], {
    redisOptions: options,
    lazyConnect: true,
    enableAutoPipelining: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: null,
    slotsRefreshTimeout: settings.connectTimeoutMs,
    // TLS certificates name hosts, not what DNS makes of them.
    ...(settings.tls === null ? {} : { dnsLookup: (address, callback) => callback(null, address) }),
  });
}

function optionsOf(settings: RedisSettings, { Connector }: Library): RedisOptions {
  const { username, tls, connectTimeoutMs } = settings;
  const password =
    settings.passwordFile === "" ? settings.password : read(settings.passwordFile, "password_file").trim();
  return {
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
    ...(tls === null ? {} : { tls: tlsOf(tls) }),
    Connector,
    connectTimeout: connectTimeoutMs,
    // A server that neither answers nor closes.
    socketTimeout: Math.max(1000, connectTimeoutMs),
    lazyConnect: true,
    disconnectTimeout: GOODBYE_MS,
    autoResendUnfulfilledCommands: false,
    connectionName: "sluice",
  };
}

function tlsOf({ caFile, certFile, keyFile, serverName }: RedisTlsSettings): Record<string, string> {
  return {
    ...(caFile === "" ? {} : { ca: read(caFile, "tls.ca_file") }),
    ...(certFile === "" ? {} : { cert: read(certFile, "tls.cert_file"), key: read(keyFile, "tls.key_file") }),
    ...(serverName === "" ? {} : { servername: serverName }),
  };
}

function read(path: string, key: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`cannot be read: ${(error as Error).message}`, ["redis", ...key.split(".")]);
  }
}
