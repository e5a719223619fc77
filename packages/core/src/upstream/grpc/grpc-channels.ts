/**
 * gRPC channels to the hosts of one cluster in one thread: one each, made at the first call. grpc-js is loaded then, not before. Which host is called is the
 * cluster's decision, call by call; name resolution, proxies and service configuration of grpc-js are off. TLS is the cluster's, judged as on the data path.
 */
import type { Client, ClientOptions } from "@grpc/grpc-js";
import type { TLSSocket } from "node:tls";
import type { Socket } from "node:net";
import type { ClusterModel } from "../../config/model.ts";
import { ClientTls } from "../../network/tls/client-tls.ts";
import type { Host } from "../host.ts";
import { namesOf } from "../pool/pool-choice.ts";

export type Grpc = typeof import("@grpc/grpc-js");

let loading: Promise<Grpc> | null = null;

export function loadGrpc(): Promise<Grpc> {
  loading ??= import("@grpc/grpc-js");
  return loading;
}

export interface ChannelSettings {
  readonly authority: string;
  readonly maxMessageBytes: number;
}

type Names = ReturnType<typeof namesOf>;

/** To one host: a filter that asks for another authority each time must not pile up connections. */
const MOST_CHANNELS = 16;

export class GrpcChannels {
  readonly #model: ClusterModel;
  /** By host and settings. */
  readonly #clients = new Map<Host, Map<string, Client>>();
  #tls: ClientTls | null = null;

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  client(grpc: Grpc, host: Host, settings: ChannelSettings): Client {
    const key = `${settings.maxMessageBytes} ${settings.authority}`;
    let ofHost = this.#clients.get(host);
    if (ofHost === undefined) this.#clients.set(host, (ofHost = new Map()));
    let client = ofHost.get(key);
    if (client !== undefined) return client;
    if (ofHost.size === MOST_CHANNELS) closeFirst(ofHost);
    client = this.#make(grpc, host, settings);
    ofHost.set(key, client);
    return client;
  }

  /** No new calls; those under way may finish. */
  closeHost(host: Host): void {
    for (const client of this.#clients.get(host)?.values() ?? []) client.close();
    this.#clients.delete(host);
  }

  #make(grpc: Grpc, host: Host, { authority, maxMessageBytes }: ChannelSettings): Client {
    const { tls, connectTimeoutMs, http } = this.#model;
    if (tls !== null) this.#tls ??= new ClientTls({ ...tls, alpn: ["h2"] });
    const options: ClientOptions = {
      "grpc.default_authority": authority,
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.service_config_disable_resolution": 1,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_http_proxy": 0,
      "grpc.initial_reconnect_backoff_ms": Math.min(1000, connectTimeoutMs),
      "grpc.max_reconnect_backoff_ms": 10_000,
    };
    const credentials =
      this.#tls === null
        ? grpc.credentials.createInsecure()
        : secureCredentials(grpc, this.#tls, connectTimeoutMs, namesOf(http, authority));
    return new grpc.Client(targetOf(host), credentials, options);
  }
}

/** Calls that are under way may finish. */
function closeFirst(clients: Map<string, Client>): void {
  for (const [key, client] of clients) {
    clients.delete(key);
    client.close();
    return;
  }
}

function targetOf({ target, address }: Host): string {
  if (target.kind === "pipe") return `unix:${target.path}`;
  return target.host.includes(":") ? `ipv6:${address}` : `ipv4:${address}`;
}

/** Credentials whose handshake is the cluster's own: its certificates, its rules of whom to believe. */
function secureCredentials(grpc: Grpc, tls: ClientTls, timeoutMs: number, names: Names) {
  class ClusterCredentials extends grpc.ChannelCredentials {
    override compose(): never {
      throw new Error("call credentials are metadata of calls");
    }

    override _isSecure(): boolean {
      return true;
    }

    override _equals(other: unknown): boolean {
      return this === other;
    }

    override _createSecureConnector() {
      return {
        connect: (socket: Socket) => handshake(tls, socket, timeoutMs, names),
        waitForReady: () => Promise.resolve(),
        getCallCredentials: () => grpc.CallCredentials.createEmpty(),
        destroy: () => {},
      };
    }
  }
  return new ClusterCredentials();
}

async function handshake(
  tls: ClientTls,
  socket: Socket,
  timeoutMs: number,
  { serverName, certificateName }: Names,
): Promise<{ readonly socket: Socket; readonly secure: boolean }> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const secured = tls.connect(socket, { serverName });
  const timer = setTimeout(() => reject(new Error("the TLS handshake took too long")), timeoutMs);
  secured
    .once("error", reject)
    .once("close", () => reject(new Error("the connection was closed in the TLS handshake")));
  secured.once("secureConnect", () => {
    const refusal = tls.verify(secured, secured.getPeerX509Certificate(), certificateName);
    if (refusal === "") resolve(secured);
    else reject(new Error(refusal));
  });
  try {
    return { socket: await promise, secure: true };
  } catch (error) {
    secured.on("error", () => {});
    secured.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
