/** echo: what a client sends comes back to it; a client that does not read is not read from. */
import type { NetworkConnection, NetworkFilter, WatermarkListener } from "@sluice/sdk";

export class EchoFilter implements NetworkFilter {
  onNewConnection(connection: NetworkConnection): void {
    connection.write.watch(new EchoPressure(connection));
  }

  onData(data: Uint8Array, end: boolean, connection: NetworkConnection): void {
    connection.send(data, end);
  }
}

class EchoPressure implements WatermarkListener {
  readonly #connection: NetworkConnection;

  constructor(connection: NetworkConnection) {
    this.#connection = connection;
  }

  onAboveHighWatermark(): void {
    this.#connection.read.pause();
  }

  onBelowLowWatermark(): void {
    this.#connection.read.unpause();
  }
}
