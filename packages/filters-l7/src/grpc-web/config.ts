/** Configuration of grpc_web: envoy.extensions.filters.http.grpc_web.v3.GrpcWeb, which has no fields. */
import { parsedBy } from "@sluice/sdk";
import { Section } from "../shared/section.ts";

export type GrpcWebSettings = Readonly<Record<never, never>>;

export const GRPC_WEB_MESSAGES = { "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb": [] };

export const grpcWebConfig = parsedBy((value): GrpcWebSettings => {
  if (value !== null && value !== undefined) new Section(value, []);
  return {};
});
