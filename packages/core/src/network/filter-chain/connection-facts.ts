/** What is known of a connection in a network filter chain: what filters and access logs read. Bytes count as they pass the socket. */
import {
  type AddressInfo,
  type ConnectionInfo,
  type HostOverride,
  RESPONSE_FLAGS,
  type ResponseFlag,
  type UpstreamHost,
} from "@sluice/sdk";
import type { LogType } from "../../access-log/log-type.ts";
import type { FormatContext } from "../../formatter/context.ts";
import { StreamFilterState, StreamMetadata } from "../../http/chain/stream-data.ts";
import type { Connection } from "../connection.ts";

/** What listener filters left for the filters of the chain; null: nothing. */
export interface EarlierData {
  readonly metadata: StreamMetadata | null;
  readonly filterState: StreamFilterState | null;
}

export class ConnectionFacts implements FormatContext {
  readonly connection: ConnectionInfo;
  readonly startTimeMs: number;
  readonly startMs: number;
  endMs = -1;
  /** Why its access logs get a line. */
  logType: LogType = "TcpConnectionEnd";
  details = "";
  terminationDetails = "";
  upstreamOverride: HostOverride | null = null;
  upstreamHost: UpstreamHost | null = null;
  upstreamAttempts = 0;
  upstreamClusterName = "";
  upstreamFailure = "";
  upstreamLocalAddress = "";
  readonly #connection: Connection;
  #flags: readonly ResponseFlag[] = [];
  #metadata: StreamMetadata | null;
  #filterState: StreamFilterState | null;

  constructor(connection: Connection, startMs: number, startTimeMs: number, earlier: EarlierData | null = null) {
    this.#metadata = earlier === null ? null : earlier.metadata;
    this.#filterState = earlier === null ? null : earlier.filterState;
    this.#connection = connection;
    this.connection = connection.info;
    this.startMs = startMs;
    this.startTimeMs = startTimeMs;
  }

  get id(): string {
    return String(this.connection.id);
  }

  get metadata(): StreamMetadata {
    return (this.#metadata ??= new StreamMetadata());
  }

  get filterState(): StreamFilterState {
    return (this.#filterState ??= new StreamFilterState(null));
  }

  // What only HTTP has.

  get requestHeaders(): null {
    return null;
  }

  get responseHeaders(): null {
    return null;
  }

  get responseFlow(): null {
    return null;
  }

  get route(): null {
    return null;
  }

  get remote(): AddressInfo {
    return this.connection.remote;
  }

  /** Empty: what speaks on the connection is not known here. */
  get protocol(): string {
    return "";
  }

  get requestEndMs(): number {
    return -1;
  }

  get responseStartMs(): number {
    return -1;
  }

  get bytesReceived(): number {
    return this.#connection.bytesRead;
  }

  get bytesSent(): number {
    return this.#connection.bytesWritten;
  }

  get status(): number {
    return 0;
  }

  get flags(): readonly ResponseFlag[] {
    return this.#flags;
  }

  hasFlag(flag: ResponseFlag): boolean {
    return this.#flags.includes(flag);
  }

  addFlag(flag: ResponseFlag): void {
    if (!RESPONSE_FLAGS.includes(flag))
      throw new TypeError(
        `response flag ${JSON.stringify(flag)} is not known: expected one of ${RESPONSE_FLAGS.join(", ")}`,
      );
    if (!this.#flags.includes(flag)) this.#flags = [...this.#flags, flag];
  }

  setDetails(details: string): void {
    this.details = details;
  }

  /** We end the connection; `details` is the word of who does, "" where it is the ordinary end. */
  terminated(details: string): void {
    if (details === "") return;
    this.details = details;
    this.terminationDetails = details;
  }
}
