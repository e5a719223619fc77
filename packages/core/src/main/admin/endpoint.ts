/** What an admin path is: plain functions from a parsed request to a reply; the HTTP around them is in admin-server.ts. */
import type { ClusterModel, CompiledConfig } from "../../config/model.ts";
import type { Registry } from "../../registry/registry.ts";
import type { StatsAggregator } from "../../stats/aggregate.ts";
import type { RuntimeLayers } from "../../runtime/runtime-layers.ts";
import type { TapStream } from "../../tap/fixture.ts";
import type { TapCommand } from "../../tap/tap-point.ts";
import type { HostModel } from "../../upstream/host.ts";
import type { LogThreshold } from "../../worker/log.ts";
import type { HostHealthView } from "../health/host-health.ts";
import type { BoundListener } from "../server.ts";
import type { ServerState } from "../state.ts";

/** What admin sees of the server. */
export interface AdminView {
  readonly state: ServerState;
  readonly config: CompiledConfig | null;
  readonly listeners: readonly BoundListener[];
  readonly aggregator: StatsAggregator;
  readonly startedAtMs: number;
  readonly concurrency: number;
  readonly runtime: Pick<RuntimeLayers, "dump" | "hasAdminLayer">;
  /** Resolves when all workers have it. */
  modifyRuntime(changes: ReadonlyMap<string, string>): Promise<void>;
  /** Resolves with the streams on record that are finished in any worker. */
  tap(command: TapCommand): Promise<readonly TapStream[]>;
  hostsOf(cluster: ClusterModel): readonly HostModel[];
  hostHealth?(cluster: string, address: string): HostHealthView | undefined;
  refreshStats(): void;
  failHealthCheck(failed: boolean): void;
  drainListeners(graceful: boolean, keepListening: boolean): void;
}

export interface AdminContext {
  readonly server: AdminView;
  readonly threshold: LogThreshold;
  /** The extensions of the live configuration. */
  readonly registry: Registry;
  /** How the process was started, for `/server_info`. */
  readonly commandLine: Readonly<Record<string, string | number | boolean>>;
  /** Begins the orderly end of the process. */
  quit(): void;
}

export interface AdminReply {
  readonly status: number;
  readonly body: string;
  /** @default text/plain */
  readonly contentType?: string;
}

export interface AdminEndpoint {
  readonly path: string;
  readonly help: string;
  /** Changes something: POST only. */
  readonly mutates?: boolean;
  /** Query parameters with their explanations. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** `signal`: whoever asked has gone away. */
  handle(query: URLSearchParams, context: AdminContext, signal?: AbortSignal): AdminReply | Promise<AdminReply>;
}

export function text(body: string, status = 200): AdminReply {
  return { status, body };
}

export function json(value: unknown): AdminReply {
  return { status: 200, body: `${JSON.stringify(value, null, 1)}\n`, contentType: "application/json" };
}

export function wantsJson(query: URLSearchParams): boolean {
  return query.get("format") === "json";
}
