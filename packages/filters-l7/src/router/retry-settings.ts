/** What one request may have of retries: its route's policy, as its own headers change it (`x-envoy-retry-on` and its kin, which external clients cannot set). */
import {
  type ForwardRoute,
  parseRetryOn,
  type RequestHeaders,
  type ResponseHeaders,
  type RetryPolicy,
} from "@sluice/sdk";

const ON = "x-envoy-retry-on";
const GRPC_ON = "x-envoy-retry-grpc-on";
const MOST = "x-envoy-max-retries";
const STATUS_CODES = "x-envoy-retriable-status-codes";
const HEADER_NAMES = "x-envoy-retriable-header-names";
const PER_TRY = "x-envoy-upstream-rq-per-try-timeout-ms";
const HEDGE = "x-envoy-hedge-on-per-try-timeout";
const ASKING = [ON, GRPC_ON, MOST, STATUS_CODES, HEADER_NAMES, PER_TRY, HEDGE];
/** More words in one header are not read: they cost time for every response. */
const MAX_WORDS = 64;

/** Envoy's, where a route has no policy and the request asks for one. */
const BASE_MS = 25;
const MAX_BACK_OFF_MS = 250;

/** What a client asks for is no upstream's business. */
export function takeAsking(headers: RequestHeaders): void {
  for (const name of ASKING) headers.delete(name);
}

/** Fixed before the request goes out. */
export class RetrySettings {
  readonly policy: RetryPolicy | null;
  readonly on: number;
  readonly retries: number;
  /** 0: none. */
  readonly perTryTimeoutMs: number;
  readonly perTryIdleTimeoutMs: number;
  readonly hedges: boolean;
  readonly statusCodes: readonly number[];
  readonly #headerNames: readonly string[];

  constructor(route: ForwardRoute, headers: RequestHeaders, mayAsk: boolean, timeoutMs: number) {
    const { retry: policy } = route;
    let on = policy === null ? 0 : policy.on;
    let perTryMs = policy === null ? 0 : policy.perTryTimeoutMs;
    let retries = policy === null ? 1 : policy.retries;
    let statusCodes = policy === null ? NO_CODES : policy.statusCodes;
    let headerNames = NO_NAMES;
    let hedges = route.hedges;
    if (mayAsk) {
      on |= parseRetryOn(headers.get(ON) ?? "") | parseRetryOn(headers.get(GRPC_ON) ?? "");
      retries = whole(headers.get(MOST), retries);
      perTryMs = whole(headers.get(PER_TRY), perTryMs);
      statusCodes = [...statusCodes, ...wordsOf(headers.get(STATUS_CODES)).map(Number)];
      headerNames = wordsOf(headers.get(HEADER_NAMES)).map((name) => name.toLowerCase());
      const hedge = headers.get(HEDGE);
      if (hedge !== undefined) hedges = hedge === "true";
      takeAsking(headers);
    }
    if (policy !== null && on !== 0 && !policy.appliesTo(headers)) on = 0;
    this.policy = policy;
    this.on = on;
    this.retries = on === 0 ? 0 : retries;
    // Envoy: a time for one attempt that is longer than that for all means nothing.
    this.perTryTimeoutMs = timeoutMs !== 0 && perTryMs >= timeoutMs ? 0 : perTryMs;
    this.perTryIdleTimeoutMs = policy === null ? 0 : policy.perTryIdleTimeoutMs;
    this.hedges = hedges;
    this.statusCodes = statusCodes;
    this.#headerNames = headerNames;
  }

  /** Whether anything of it makes a request more than one that is sent once. */
  get isNeeded(): boolean {
    return this.on !== 0 || this.perTryTimeoutMs !== 0 || this.perTryIdleTimeoutMs !== 0;
  }

  get backOffBaseMs(): number {
    return this.policy === null ? BASE_MS : this.policy.backOffBaseMs;
  }

  get backOffMaxMs(): number {
    return this.policy === null ? MAX_BACK_OFF_MS : this.policy.backOffMaxMs;
  }

  hasRetriableHeader(response: ResponseHeaders): boolean {
    for (const name of this.#headerNames) if (response.has(name)) return true;
    return this.policy !== null && this.policy.hasRetriableHeader(response);
  }
}

const NO_CODES: readonly number[] = [];
const NO_NAMES: readonly string[] = [];

function wordsOf(text: string | undefined): string[] {
  if (text === undefined) return [];
  return text.split(",", MAX_WORDS).flatMap((word) => word.trim() || []);
}

function whole(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^[0-9]{1,9}$/.test(text) ? Number(text) : otherwise;
}
