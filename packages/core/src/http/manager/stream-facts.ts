/** Hot path. What is known of one stream: the record that access logs, formatters and filters read. */
import type { AddressInfo, ConnectionInfo, HostOverride, ResponseFlag, StreamInfo, UpstreamHost } from "@sluice/sdk";
import { RESPONSE_FLAGS } from "@sluice/sdk";
import { TimerNode } from "../../timing/clock.ts";

const FLAG_BITS = new Map<string, number>(RESPONSE_FLAGS.map((f, i) => [f, i]));

export abstract class StreamFacts extends TimerNode implements StreamInfo {
  readonly connection: ConnectionInfo;
  remote: AddressInfo;
  readonly protocol: string;
  readonly startTimeMs: number;
  readonly startMs: number;
  requestEndMs: number;
  responseStartMs: number;
  endMs: number;
  bytesReceived: number;
  bytesSent: number;
  status: number;
  details: string;
  upstreamOverride: HostOverride | null;
  upstreamHost: UpstreamHost | null;
  upstreamAttempts: number;
  upstreamClusterName: string;
  upstreamFailure: string;
  upstreamLocalAddress: string;
  /** Whether the request came as gRPC, whatever filters have made of it since: its local replies are gRPC statuses. */
  isGrpc: boolean;
  private flagBits: number;

  constructor(connection: ConnectionInfo, protocol: string, startMs: number, startTimeMs: number) {
    super();
    this.connection = connection;
    this.remote = connection.remote;
    this.protocol = protocol;
    this.startTimeMs = startTimeMs;
    this.startMs = startMs;
    this.requestEndMs = -1;
    this.responseStartMs = -1;
    this.endMs = -1;
    this.bytesReceived = 0;
    this.bytesSent = 0;
    this.status = 0;
    this.details = "";
    this.upstreamOverride = null;
    this.upstreamHost = null;
    this.upstreamAttempts = 0;
    this.upstreamClusterName = "";
    this.upstreamFailure = "";
    this.upstreamLocalAddress = "";
    this.isGrpc = false;
    this.flagBits = 0;
  }

  get flags(): readonly ResponseFlag[] {
    return this.flagBits === 0 ? [] : RESPONSE_FLAGS.filter((_, i) => (this.flagBits & (1 << i)) !== 0);
  }

  hasFlag(flag: ResponseFlag): boolean {
    return (this.flagBits & (1 << FLAG_BITS.get(flag)!)) !== 0;
  }

  addFlag(flag: ResponseFlag): void {
    const bit = FLAG_BITS.get(flag);
    if (bit === undefined)
      throw new TypeError(
        `response flag ${JSON.stringify(flag)} is not known: expected one of ${RESPONSE_FLAGS.join(", ")}`,
      );
    this.flagBits |= 1 << bit;
  }

  /** Of TCP connections alone. */
  get terminationDetails(): string {
    return "";
  }

  setDetails(details: string): void {
    this.details = details;
  }
}
