/** The service that is asked: envoy.config.ratelimit.v3.RateLimitServiceConfig, and one call to it. */
import { type Clusters, GrpcError, type HasSignal } from "@sluice/sdk";
import { Malformed } from "../shared/proto-wire.ts";
import { type GrpcServiceSettings, parseGrpcService } from "../shared/rate-limit/grpc-service.ts";
import { RATE_LIMIT_METHOD, type RateLimitAnswer, type RateLimitRequest } from "../shared/rate-limit/rls-messages.ts";
import type { Section } from "../shared/section.ts";

export const SERVICE = ["grpc_service", "transport_api_version"];

/** @throws ConfigError */
export function parseService(section: Section): GrpcServiceSettings {
  const config = section.section("rate_limit_service", SERVICE);
  if (config === null) throw section.wrong("rate_limit_service", "expected the service to ask");
  const version = config.string("transport_api_version", "AUTO");
  if (version !== "V3" && version !== "AUTO") throw config.wrong("transport_api_version", "expected V3");
  return parseGrpcService(config, "grpc_service");
}

export class RateLimitService {
  readonly #settings: GrpcServiceSettings;
  readonly #timeoutMs: number;
  readonly #clusters: Clusters;

  /** @param timeoutMs 0: none */
  constructor(settings: GrpcServiceSettings, timeoutMs: number, clusters: Clusters) {
    this.#settings = settings;
    this.#timeoutMs = timeoutMs;
    this.#clusters = clusters;
  }

  /** null: there is no answer. The end of `stream` gives the call up. */
  async ask(request: RateLimitRequest, stream: HasSignal): Promise<RateLimitAnswer | null> {
    const { cluster, authority, metadata } = this.#settings;
    const client = this.#clusters.get(cluster)?.grpc(authority === "" ? {} : { authority });
    if (client === undefined) return null;
    try {
      const { message } = await client.unary(RATE_LIMIT_METHOD, request, {
        timeoutMs: this.#timeoutMs,
        metadata,
        stream,
      });
      return message;
    } catch (error) {
      if (error instanceof GrpcError || error instanceof Malformed) return null;
      throw error;
    }
  }
}
