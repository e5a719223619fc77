/**
 * The sockets of ioredis, which listens for one error of a socket alone: a TLS handshake that fails may report a second one, and an error that nobody hears ends the process.
 */
import { type NetConnectOpts, connect } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { AbstractConnector, Cluster, Redis, type RedisOptions } from "ioredis";

type Stream = Awaited<ReturnType<AbstractConnector["connect"]>>;

class Connector extends AbstractConnector {
  readonly #options: RedisOptions;

  constructor(options: unknown) {
    super((options as RedisOptions).disconnectTimeout!);
    this.#options = options as RedisOptions;
  }

  override connect(): Promise<Stream> {
    const { path, host, port, tls } = this.#options;
    const target = typeof path === "string" ? { path } : { host: host!, port: port! };
    this.connecting = true;
    const stream: Stream =
      tls === undefined ? connect(target as NetConnectOpts) : connectTls({ ...target, ...tls } as ConnectionOptions);
    stream.on("error", (error: Error) => void (this.firstError ??= error));
    this.stream = stream;
    return Promise.resolve(stream);
  }
}

export { Cluster, Connector, Redis };
