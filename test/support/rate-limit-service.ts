// Envoy's rate limit service by its public protocol, read by protobuf's own library from Envoy's descriptors: what the filters write and read is judged by it.
import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";

const files = new URL("../../packages/core/assets/envoy.binpb", import.meta.url);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(files)));
const REQUEST = registry.getMessage("envoy.service.ratelimit.v3.RateLimitRequest")!;
const RESPONSE = registry.getMessage("envoy.service.ratelimit.v3.RateLimitResponse")!;

export const SHOULD_RATE_LIMIT = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

export interface AskedDescriptor {
  readonly entries: ReadonlyArray<{ readonly key: string; readonly value: string }>;
  readonly limit?: { readonly requests_per_unit: number; readonly unit: string };
}

export interface Asked {
  readonly domain: string;
  readonly descriptors: readonly AskedDescriptor[];
  readonly hits_addend?: number;
}

export function readAsked(bytes: Uint8Array): Asked {
  return toJson(REQUEST, fromBinary(REQUEST, bytes), { useProtoFieldName: true }) as unknown as Asked;
}

/** A RateLimitResponse in JSON. */
export function writeAnswer(answer: JsonValue): Uint8Array {
  return toBinary(RESPONSE, fromJson(RESPONSE, answer));
}

export type Decide = (asked: Asked) => JsonValue;

/** A real server. */
export class RateLimitServer implements Disposable {
  readonly asked: Asked[] = [];
  port = 0;
  readonly #server = new Server();

  static async start(decide: Decide): Promise<RateLimitServer> {
    const started = new RateLimitServer();
    const method = {
      path: SHOULD_RATE_LIMIT,
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes: Buffer) => bytes,
      requestDeserialize: readAsked,
      responseSerialize: (answer: JsonValue) => Buffer.from(writeAnswer(answer)),
      responseDeserialize: (bytes: Buffer) => bytes,
    };
    started.#server.addService(
      { shouldRateLimit: method },
      {
        shouldRateLimit: (call: ServerUnaryCall<Asked, JsonValue>, done: sendUnaryData<JsonValue>) => {
          started.asked.push(call.request);
          done(null, decide(call.request));
        },
      },
    );
    started.port = await new Promise<number>((resolve, reject) =>
      started.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      ),
    );
    return started;
  }

  [Symbol.dispose](): void {
    this.#server.forceShutdown();
  }
}
