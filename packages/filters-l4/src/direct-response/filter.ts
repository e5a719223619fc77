/** direct_response: every connection gets the same bytes and is closed; what the client says is not listened to. */
import { readFileSync } from "node:fs";
import type { NetworkConnection, NetworkFilter } from "@sluice/sdk";
import type { DirectResponseSettings, ResponseSource } from "./config.ts";

/** @throws Error where the file or the variable cannot be read */
export function createDirectResponse(settings: DirectResponseSettings): NetworkFilter {
  return new DirectResponseFilter(read(settings.response));
}

class DirectResponseFilter implements NetworkFilter {
  readonly #response: Uint8Array;

  constructor(response: Uint8Array) {
    this.#response = response;
  }

  onNewConnection(connection: NetworkConnection): void {
    connection.send(this.#response, false);
    connection.close("flush", "direct_response");
  }
}

function read(source: ResponseSource): Uint8Array {
  switch (source.kind) {
    case "bytes":
      return source.bytes;
    case "file":
      return readFileSync(source.path);
    case "environment": {
      const value = process.env[source.variable];
      if (value === undefined) throw new Error(`environment variable ${source.variable} is not set`);
      return Buffer.from(value, "utf8");
    }
  }
}
