// A real redis-server: alone on a port that stays the same when it is killed and started again, with a password or TLS; or three of them as a cluster.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, within } from "../../support/eventually.ts";
import { program, runProgram } from "../../support/program.ts";
import { closedPort } from "../../support/raw-origin.ts";

export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly #args: readonly string[];
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #output = "";

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.folder = folder;
    this.#args = args;
  }

  static async start(args: readonly string[] = [], port?: number): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), "sluice-redis-"));
    const server = new RedisServer(port ?? (await closedPort()), folder, args);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get socket(): string {
    return join(this.folder, "socket");
  }

  async start(): Promise<void> {
    const ports = this.#args.includes("--tls-port") ? [] : ["--port", String(this.port)];
    const common = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", this.folder];
    const child = spawn(
      program("redis-server"),
      [
        ...ports,
        ...common,
        "--unixsocket",
        this.socket,
        ...this.#args.map((arg) => arg.replace("PORT", String(this.port))),
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data: Buffer) => (this.#output += data.toString()));
    const { promise, resolve } = Promise.withResolvers<void>();
    child.once("exit", () => resolve());
    this.#exited = promise;
    const said = this.#output.length;
    const isReady = () => this.#output.slice(said).includes("Ready to accept connections");
    await eventually("redis-server is ready", isReady, 15_000).catch((error: unknown) => {
      throw new Error(`redis-server did not start:\n${this.#output}`, { cause: error });
    });
  }

  /** SIGKILL: nothing of it is kept. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGCONT");
    this.#child?.kill("SIGKILL");
    await within("redis-server ends", this.#exited);
  }

  pause(): void {
    this.#child!.kill("SIGSTOP");
  }

  unpause(): void {
    this.#child!.kill("SIGCONT");
  }

  async cli(...args: readonly string[]): Promise<string> {
    const { out, err, code } = await runProgram("redis-cli", ["-s", this.socket, "--no-auth-warning", ...args]);
    if (code !== 0) throw new Error(`redis-cli ${args.join(" ")}: ${out}${err}`);
    return out.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Three masters that know one another. */
export class RedisCluster implements AsyncDisposable {
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  static async start(): Promise<RedisCluster> {
    const servers: RedisServer[] = [];
    const cluster = new RedisCluster(servers);
    try {
      for (let i = 0; i < 3; i++) {
        const bus = String(await closedPort());
        servers.push(
          await RedisServer.start([
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            bus,
            "--cluster-node-timeout",
            "2000",
          ]),
        );
      }
      const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
      const made = await runProgram("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"]);
      if (made.code !== 0) throw new Error(made.out + made.err);
      for (const server of servers) {
        const isWhole = async () => (await server.cli("cluster", "info")).includes("cluster_state:ok");
        await eventually("all nodes say that the cluster is whole", isWhole, 30_000);
      }
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get nodes(): string[] {
    return this.servers.map(({ port }) => `127.0.0.1:${port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}
