/** What a route says of a CONNECT that ends at the proxy. */
import type { ConnectTermination, TerminalStream } from "@sluice/sdk";
import type { ConnectModel, ProxyProtocolModel } from "../../config/model.ts";
import { proxyHeader } from "../../upstream/proxy-header.ts";

export class TerminatedConnect implements ConnectTermination {
  readonly allowPost: boolean;
  readonly #proxyProtocol: ProxyProtocolModel | null;

  constructor(model: ConnectModel) {
    this.allowPost = model.allowPost;
    this.#proxyProtocol = model.proxyProtocol;
  }

  preamble({ info }: TerminalStream): Uint8Array | null {
    const { connection } = info;
    return this.#proxyProtocol === null ? null : proxyHeader(this.#proxyProtocol, connection, connection);
  }
}
