/**
 * Hot path: docs/extending/hot-path-rules.md. What one thread counts of one host's answers, in memory that all threads share, so that five errors in a row are five whichever
 * workers they came to. Whoever makes a count reach its threshold tells main, once; main decides. A host without outlier detection and health checks has none of these.
 */
import { isGrpcType } from "@sluice/sdk";
import type { HeaderMap, ResponseHeaderMap } from "../../http/headers/header-map.ts";
import {
  ANSWERS,
  CONNECTS,
  GOOD_ANSWERS,
  GOOD_CONNECTS,
  type HostCountsModel,
  PROBATION,
  PROBE_DUE,
  PROBE_NONE,
  PROBE_OUT,
  ROW_5XX,
  ROW_GATEWAY,
  ROW_LOCAL,
  SPLIT,
  THRESHOLD_5XX,
  THRESHOLD_GATEWAY,
  THRESHOLD_LOCAL,
} from "./host-counts.ts";

export type HostEvent =
  | "consecutive_5xx"
  | "consecutive_gateway_failure"
  | "consecutive_local_origin_failure"
  /** The server asks for it: x-envoy-immediate-health-check-fail. */
  | "immediate_fail"
  | "probe_passed"
  | "probe_failed";

/** The way to main. */
export interface HostReports {
  report(cluster: string, address: string, event: HostEvent): void;
}

const NO_COUNTS = new Int32Array(16);

export class HostWatch {
  readonly #reports: HostReports;
  readonly #cluster: string;
  readonly #address: string;
  /** Whether it has active health checks, which an answer may fail. */
  isChecked: boolean;
  /** Whether answers are counted. */
  readonly counts: boolean;
  readonly #words: Int32Array;
  readonly #at: number;
  /** It fails its checks already: nobody needs to be told that it asks for it. */
  isFailed: boolean;

  constructor(
    reports: HostReports,
    cluster: string,
    address: string,
    isChecked: boolean,
    counts: HostCountsModel | null,
  ) {
    this.#reports = reports;
    this.#cluster = cluster;
    this.#address = address;
    this.isChecked = isChecked;
    this.counts = counts !== null;
    this.#words = counts === null ? NO_COUNTS : new Int32Array(counts.memory);
    this.#at = counts === null ? 8 : counts.at;
    this.isFailed = false;
  }

  /** The headers of a response are there. */
  answered(headers: ResponseHeaderMap): void {
    if (this.isChecked && !this.isFailed && headers.find("x-envoy-immediate-health-check-fail") !== null)
      this.#tell("immediate_fail");
    if (!this.counts) return;
    const { status } = headers;
    this.count(status === 200 ? statusOf(headers) : status);
  }

  /** A status as it counts: an answer's, or what stands for a local failure. */
  count(status: number): void {
    if (!this.counts) return;
    const words = this.#words;
    const at = this.#at;
    Atomics.add(words, at + ANSWERS, 1);
    if (status < 500 || status > 599) {
      Atomics.add(words, at + GOOD_ANSWERS, 1);
      if (words[at + ROW_5XX] !== 0) Atomics.store(words, at + ROW_5XX, 0);
      if (words[at + ROW_GATEWAY] !== 0) Atomics.store(words, at + ROW_GATEWAY, 0);
      if (words[at + PROBATION] !== PROBE_NONE) this.#probed(true);
      return;
    }
    if (words[at + PROBATION] !== PROBE_NONE) this.#probed(false);
    if (status >= 502 && status <= 504) {
      if (Atomics.add(words, at + ROW_GATEWAY, 1) + 1 === words[THRESHOLD_GATEWAY])
        this.#tell("consecutive_gateway_failure");
    } else Atomics.store(words, at + ROW_GATEWAY, 0);
    if (Atomics.add(words, at + ROW_5XX, 1) + 1 === words[THRESHOLD_5XX]) this.#tell("consecutive_5xx");
  }

  /** A connection takes a request. With local failures apart it counts; otherwise only what the server answers does. */
  connected(): void {
    if (!this.counts || this.#words[SPLIT] === 0) return;
    this.#connectedWell();
  }

  /** A connection stands and nothing more can be told of the server: TCP. */
  connectedAll(): void {
    if (!this.counts) return;
    if (this.#words[SPLIT] === 0) this.count(200);
    else this.#connectedWell();
  }

  /** No connection, or one that broke. */
  failed(): void {
    this.#failedLocally(503);
  }

  /** No answer in time. */
  timedOut(): void {
    this.#failedLocally(504);
  }

  /** Whether this request is the one that an ejected host is tried with. */
  takesProbe(): boolean {
    if (!this.counts) return false;
    return Atomics.compareExchange(this.#words, this.#at + PROBATION, PROBE_DUE, PROBE_OUT) === PROBE_DUE;
  }

  #connectedWell(): void {
    const words = this.#words;
    const at = this.#at;
    Atomics.add(words, at + CONNECTS, 1);
    Atomics.add(words, at + GOOD_CONNECTS, 1);
    if (words[at + ROW_LOCAL] !== 0) Atomics.store(words, at + ROW_LOCAL, 0);
  }

  #failedLocally(status: number): void {
    if (!this.counts) return;
    const words = this.#words;
    if (words[SPLIT] === 0) {
      this.count(status);
      return;
    }
    const at = this.#at;
    if (words[at + PROBATION] !== PROBE_NONE) this.#probed(false);
    Atomics.add(words, at + CONNECTS, 1);
    if (Atomics.add(words, at + ROW_LOCAL, 1) + 1 === words[THRESHOLD_LOCAL])
      this.#tell("consecutive_local_origin_failure");
  }

  #probed(passed: boolean): void {
    if (Atomics.compareExchange(this.#words, this.#at + PROBATION, PROBE_OUT, PROBE_NONE) !== PROBE_OUT) return;
    this.#tell(passed ? "probe_passed" : "probe_failed");
  }

  #tell(event: HostEvent): void {
    this.#reports.report(this.#cluster, this.#address, event);
  }
}

/** Index: a gRPC status. https://github.com/grpc/grpc/blob/master/doc/statuscodes.md, as Envoy maps it to HTTP. */
const HTTP_OF_GRPC = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401] as const;

/** The status that a gRPC status stands for. */
export function httpOfGrpc(code: number): number {
  return HTTP_OF_GRPC[code] ?? 500;
}

/** An answer of 200 that is nothing but a gRPC status (trailers-only). */
function statusOf(headers: HeaderMap): number {
  const grpc = headers.find("grpc-status");
  if (grpc === null || !isGrpcType(headers.find("content-type")?.value)) return 200;
  return /^[0-9]{1,3}$/.test(grpc.value) ? httpOfGrpc(Number(grpc.value)) : 500;
}
