/** Identity of a connection: number, addresses, what listener filters and the TLS handshake told of it. */
import type { AddressInfo, ConnectionInfo, ProxyTlv, TlsInfo } from "@sluice/sdk";

const NO_PROTOCOLS: readonly string[] = Object.freeze([]);
const NO_TLVS: readonly ProxyTlv[] = Object.freeze([]);

/** What is not `readonly` here is set before a filter chain sees it, and then stays. */
export class SocketInfo implements ConnectionInfo {
  readonly id: number;
  readonly directRemote: AddressInfo;
  readonly directLocal: AddressInfo;
  remote: AddressInfo;
  local: AddressInfo;
  requestedServerName: string;
  applicationProtocols: readonly string[];
  transportProtocol: string;
  tls: TlsInfo | null;
  proxyTlvs: readonly ProxyTlv[];

  constructor(id: number, directRemote: AddressInfo, local: AddressInfo, tls: TlsInfo | null) {
    this.id = id;
    this.directRemote = directRemote;
    this.directLocal = local;
    this.remote = directRemote;
    this.local = local;
    this.requestedServerName = tls === null ? "" : tls.serverName;
    this.applicationProtocols = NO_PROTOCOLS;
    this.transportProtocol = "";
    this.tls = tls;
    this.proxyTlvs = NO_TLVS;
  }

  /** The handshake is done. A listener filter may have known the server name before. */
  secured(tls: TlsInfo): void {
    this.tls = tls;
    if (this.requestedServerName === "") this.requestedServerName = tls.serverName;
  }
}

/** Workers of one process count in strides of this. */
const WORKERS = 1024;
let last = 0;

/** The next number of a connection: unique among the workers of a process, as long as none was replaced. */
export function nextConnectionId(workerIndex: number): number {
  return ++last * WORKERS + workerIndex;
}
