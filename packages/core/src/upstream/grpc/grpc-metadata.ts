/** Metadata between the sdk's plain form and grpc-js. */
import type { Metadata, ServiceError } from "@grpc/grpc-js";
import { GrpcError, type GrpcMetadata } from "@sluice/sdk";
import type { Grpc } from "./grpc-channels.ts";

/** @throws Error for names or values that are not legal. */
export function toMetadata(grpc: Grpc, metadata: GrpcMetadata | undefined): Metadata {
  const made = new grpc.Metadata();
  for (const [name, value] of Object.entries(metadata ?? {})) {
    const values = typeof value === "string" || value instanceof Uint8Array ? [value] : value;
    for (const each of values) made.add(name, typeof each === "string" ? each : Buffer.from(each));
  }
  return made;
}

export function fromMetadata(metadata: Metadata): GrpcMetadata {
  const plain: Record<string, string | Uint8Array | (string | Uint8Array)[]> = {};
  for (const name of Object.keys(metadata.getMap())) {
    const values = metadata.get(name);
    plain[name] = values.length === 1 ? values[0]! : values;
  }
  return plain;
}

export function toGrpcError(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  const { code, details, metadata, message } = error as Partial<ServiceError>;
  if (typeof code === "number")
    return new GrpcError(code, details ?? message ?? "", metadata === undefined ? {} : fromMetadata(metadata));
  return new GrpcError(13, message ?? String(error));
}
