// Starts a whole Sluice inside the test's process, on ports of its own: `await using proxy = await startProxy({ … })`.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CreateServerOptions,
  type LogLevel,
  type SluiceConfig,
  createServer,
} from "../../packages/core/src/index.ts";
import { AdminClient } from "./admin-client.ts";

type Listener = NonNullable<SluiceConfig["listeners"]>[number];
export type Http = NonNullable<Listener["http"]>;
type Route = NonNullable<Http["routes"]>[number];
type Cluster = NonNullable<SluiceConfig["clusters"]>[string];

export const ANY_PORT = "127.0.0.1:0";
/** One word a column: status, flags, details, method, path, bytes in, bytes out. */
export const LOG_FORMAT =
  "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %BYTES_RECEIVED% %BYTES_SENT%";

export interface LogLine {
  readonly level: LogLevel;
  readonly component: string;
  readonly message: string;
}

export interface AccessLine {
  readonly status: number;
  readonly flags: string;
  readonly details: string;
  readonly method: string;
  readonly path: string;
  readonly received: number;
  readonly sent: number;
}

export class RunningProxy implements AsyncDisposable {
  readonly admin: AdminClient;
  readonly log: LogLine[] = [];
  readonly #ports: ReadonlyMap<string, number>;
  readonly #folder: string;
  readonly #stop: () => Promise<void>;

  constructor(
    ports: ReadonlyMap<string, number>,
    admin: string,
    log: LogLine[],
    folder: string,
    stop: () => Promise<void>,
  ) {
    this.#ports = ports;
    this.admin = new AdminClient(admin);
    this.log = log;
    this.#folder = folder;
    this.#stop = stop;
  }

  /** Of the listener `front`. */
  get port(): number {
    return this.portOf("front");
  }

  portOf(listener: string): number {
    const port = this.#ports.get(listener);
    if (port === undefined) throw new Error(`there is no listener ${listener}`);
    return port;
  }

  /** Stops the proxy, which writes what its logs hold, and reads the access log of {@link forwardTo}. */
  async accessLog(): Promise<AccessLine[]> {
    await this.#stop();
    const text = await readFile(join(this.#folder, "access.log"), "utf8").catch(() => "");
    return text.split("\n").slice(0, -1).map(accessLine);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The configuration may use `LOG_FILE` as the path of an access log. */
export async function startProxy(
  config: SluiceConfig,
  options: Omit<CreateServerOptions, "log"> = {},
): Promise<RunningProxy> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-test-"));
  const log: LogLine[] = [];
  const sink: CreateServerOptions["log"] = {
    enabled: () => true,
    write: (level, component, message) => void log.push({ level, component, message }),
  };
  const placed = JSON.parse(
    JSON.stringify({ admin: ANY_PORT, ...config }).replaceAll("LOG_FILE", join(folder, "access.log")),
  ) as SluiceConfig;
  const server = createServer(placed, { ...options, log: sink });
  try {
    const { listeners, admin } = await server.start();
    const ports = new Map(listeners.map(({ name, port }) => [name, port]));
    return new RunningProxy(ports, admin ?? "", log, folder, () => server.stop());
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

export interface Forwarding {
  readonly http?: Partial<Http>;
  /** Of the one route to the cluster. */
  readonly route?: Partial<Route>;
  readonly cluster?: Partial<Exclude<Cluster, string | readonly string[]>>;
  readonly listener?: Partial<Listener>;
  readonly config?: Partial<SluiceConfig>;
}

/** One listener `front` with an access log, one route, one cluster `web`. */
export function forwardTo(address: string, { http, route, cluster, listener, config }: Forwarding = {}): SluiceConfig {
  return {
    listeners: [
      {
        name: "front",
        address: ANY_PORT,
        http: {
          stat_prefix: "front",
          access_log: { to: "LOG_FILE", format: LOG_FORMAT },
          routes: [{ prefix: "/", cluster: "web", ...route } as Route],
          ...http,
        },
        ...listener,
      },
    ],
    clusters: { web: { endpoints: [address], ...cluster } as Cluster },
    ...config,
  };
}

function accessLine(line: string): AccessLine {
  const [status = "", flags = "", details = "", method = "", path = "", received = "", sent = ""] = line.split(" ");
  return { status: Number(status), flags, details, method, path, received: Number(received), sent: Number(sent) };
}
