/** Identity of a connection: number, addresses, TLS facts. */
import type { AddressInfo, ConnectionInfo, TlsInfo } from "@sluice/sdk";

export class SocketInfo implements ConnectionInfo {
  readonly id: number;
  readonly directRemote: AddressInfo;
  readonly local: AddressInfo;
  readonly tls: TlsInfo | null;

  constructor(id: number, directRemote: AddressInfo, local: AddressInfo, tls: TlsInfo | null) {
    this.id = id;
    this.directRemote = directRemote;
    this.local = local;
    this.tls = tls;
  }
}

/** Workers of one process count in strides of this. */
const WORKERS = 1024;
let last = 0;

/** The next number of a connection: unique among the workers of a process, as long as none was replaced. */
export function nextConnectionId(workerIndex: number): number {
  return ++last * WORKERS + workerIndex;
}
