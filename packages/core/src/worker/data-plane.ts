/**
 * What main asks of a data thread, the same whether that is a worker thread or main itself (`concurrency: 0`).
 * A change of configuration is `prepare`, `listen`, `commit`; before `commit`, `discard` undoes it.
 */
import type { AddressModel, CompiledConfig, ConfigPlace } from "../config/model.ts";
import type { RuntimeEntries } from "../runtime/runtime-entry.ts";
import type { TapStream } from "../tap/fixture.ts";
import type { TapCommand } from "../tap/tap-point.ts";
import type { HostFlags, HostModel } from "../upstream/host.ts";
import type { ClusterHosts, ListenOptions } from "./parts.ts";

export interface DataPlane {
  /** Creates and warms everything that is new or changed; `hosts` are those of clusters that main discovers. Nothing of it serves yet. */
  prepare(config: CompiledConfig, hosts: ClusterHosts): Promise<PrepareResult>;
  /** Binds those listeners of the prepared configuration; resolves with what each was bound to. */
  listen(requests: readonly ListenRequest[]): Promise<ListenResult>;
  /** The prepared configuration serves from now on. */
  commit(): Promise<void>;
  discard(): Promise<void>;
  /** Lame duck; resolves when no connection is left. */
  drain(): Promise<void>;
  /** Closes the listening sockets; connections stay. */
  stopAccepting(): Promise<void>;
  /** The end: closes everything. */
  close(): Promise<void>;
  /** What discovery found since, for a cluster of the live configuration. */
  updateHosts(cluster: string, hosts: readonly HostModel[]): Promise<void>;
  /** What checks and outlier detection found since, for a cluster of the live configuration. */
  updateFlags(cluster: string, changes: readonly HostFlags[]): Promise<void>;
  /** Runtime values from now on: all of them. */
  updateRuntime(entries: RuntimeEntries): Promise<void>;
  /** Streams on record that are finished, after the command. */
  tap(command: TapCommand): Promise<readonly TapStream[]>;
}

/** Why a configuration cannot be used: a plain sentence, and where the configuration says so. */
export interface ApplyProblem {
  readonly message: string;
  readonly place: ConfigPlace | null;
}

export interface PrepareResult {
  readonly problems: readonly ApplyProblem[];
  /** Keys of the listeners that this thread has to bind, and has no socket for. */
  readonly unbound: readonly string[];
}

export interface ListenRequest extends ListenOptions {
  /** {@link listenerKey} */
  readonly key: string;
}

export interface ListenResult {
  readonly problems: readonly ApplyProblem[];
  readonly bound: ReadonlyArray<{ readonly key: string; readonly address: AddressModel }>;
}

/** A listener keeps its socket as long as its name and its configured address stay. */
export function listenerKey(name: string, address: AddressModel): string {
  return `${name} ${formatAddress(address)}`;
}

/** `ip:port`, `[ip]:port`, or the path of a Unix socket. */
export function formatAddress(address: AddressModel): string {
  if (address.kind === "pipe") return address.path;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Thrown by parts to refuse a configuration. */
export class ApplyError extends Error {
  readonly place: ConfigPlace | null;

  constructor(message: string, place: ConfigPlace | null = null) {
    super(message);
    this.name = "ApplyError";
    this.place = place;
  }
}

export function toProblem(error: unknown, place: ConfigPlace | null = null): ApplyProblem {
  if (error instanceof ApplyError) return { message: error.message, place: error.place ?? place };
  return { message: error instanceof Error ? error.message : String(error), place };
}
