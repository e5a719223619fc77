/** `stream.info` in the filter's thread: what the filter declared, as it was when the hook was called, and the changes that it may make. */
import type { AddressInfo, ConnectionInfo, HostOverride, ResponseFlag, StreamInfo, UpstreamHost } from "@sluice/sdk";
import { RESPONSE_FLAGS } from "@sluice/sdk";
import type { FarStream } from "./far-stream.ts";
import { refusingPrototype } from "./refusals.ts";

type Times = readonly [
  startTimeMs: number,
  startMs: number,
  requestEndMs: number,
  responseStartMs: number,
  endMs: number,
];
type Response = readonly [status: number, details: string, flags: readonly ResponseFlag[]];
type Upstream = readonly [host: UpstreamHost | null, attempts: number, cluster: string, failure: string, local: string];

export class FarInfo implements StreamInfo {
  readonly #stream: FarStream;
  #added: ResponseFlag[] = [];

  constructor(stream: FarStream) {
    this.#stream = stream;
  }

  get connection(): ConnectionInfo {
    return this.#read("info.connection") as ConnectionInfo;
  }

  get remote(): AddressInfo {
    return this.#read("info.remote") as AddressInfo;
  }

  get protocol(): string {
    return this.#read("info.protocol") as string;
  }

  get startTimeMs(): number {
    return this.#times()[0];
  }

  get startMs(): number {
    return this.#times()[1];
  }

  get requestEndMs(): number {
    return this.#times()[2];
  }

  get responseStartMs(): number {
    return this.#times()[3];
  }

  get endMs(): number {
    return this.#times()[4];
  }

  get bytesReceived(): number {
    return (this.#read("info.bytes") as readonly number[])[0]!;
  }

  get bytesSent(): number {
    return (this.#read("info.bytes") as readonly number[])[1]!;
  }

  get status(): number {
    return this.#response()[0];
  }

  get details(): string {
    return this.#response()[1];
  }

  get flags(): readonly ResponseFlag[] {
    const flags = this.#response()[2];
    return this.#added.length === 0
      ? flags
      : RESPONSE_FLAGS.filter((f) => flags.includes(f) || this.#added.includes(f));
  }

  hasFlag(flag: ResponseFlag): boolean {
    return this.#response()[2].includes(flag) || this.#added.includes(flag);
  }

  addFlag(flag: ResponseFlag): void {
    if (!RESPONSE_FLAGS.includes(flag))
      throw new TypeError(
        `response flag ${JSON.stringify(flag)} is not known: expected one of ${RESPONSE_FLAGS.join(", ")}`,
      );
    this.#added.push(flag);
    this.#stream.command(["flag", this.#stream.number, flag]);
  }

  setDetails(details: string): void {
    this.#stream.command(["details", this.#stream.number, String(details)]);
  }

  get upstreamOverride(): HostOverride | null {
    throw new TypeError(OVERRIDE);
  }

  set upstreamOverride(_override: HostOverride | null) {
    throw new TypeError(OVERRIDE);
  }

  get upstreamHost(): UpstreamHost | null {
    return this.#upstream()[0];
  }

  set upstreamHost(_host: UpstreamHost | null) {
    refuseUpstream();
  }

  get upstreamAttempts(): number {
    return this.#upstream()[1];
  }

  set upstreamAttempts(_attempts: number) {
    refuseUpstream();
  }

  get upstreamClusterName(): string {
    return this.#upstream()[2];
  }

  set upstreamClusterName(_name: string) {
    refuseUpstream();
  }

  get upstreamFailure(): string {
    return this.#upstream()[3];
  }

  set upstreamFailure(_failure: string) {
    refuseUpstream();
  }

  get upstreamLocalAddress(): string {
    return this.#upstream()[4];
  }

  set upstreamLocalAddress(_address: string) {
    refuseUpstream();
  }

  #read(attribute: string): unknown {
    return this.#stream.attribute(attribute, `stream.${attribute}`);
  }

  #times(): Times {
    return this.#read("info.times") as Times;
  }

  #response(): Response {
    return this.#read("info.response") as Response;
  }

  #upstream(): Upstream {
    return this.#read("info.upstream") as Upstream;
  }
}

const OVERRIDE = "stream.info.upstreamOverride cannot be had outside of inline (runtime: worker)";

function refuseUpstream(): never {
  throw new TypeError("what is known of the upstream is set by the terminal filter, which is never isolated");
}

Object.setPrototypeOf(FarInfo.prototype, refusingPrototype("stream.info"));
