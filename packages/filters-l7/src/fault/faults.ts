/** What one configuration injects: which requests, what into them, how much of it. The settings are resolved here once, with their runtime keys. */
import type {
  FilterContext,
  FractionalPercent,
  Random,
  RequestHeaders,
  RuntimeFraction,
  RuntimeValue,
} from "@sluice/sdk";
import { HeaderMatcher } from "../shared/header-matcher.ts";
import type { FaultSettings } from "./config.ts";

const DELAY = "x-envoy-fault-delay-request";
const ABORT = "x-envoy-fault-abort-request";
const ABORT_GRPC = "x-envoy-fault-abort-grpc-request";
const THROUGHPUT = "x-envoy-fault-throughput-response";
const NODE = "x-envoy-downstream-service-node";

export interface Abort {
  readonly status: number;
  /** -1: as the status says. */
  readonly grpcStatus: number;
}

export class Faults {
  readonly settings: FaultSettings;
  readonly #random: Random;
  readonly #matchers: readonly HeaderMatcher[];
  readonly #delay: Share | null;
  readonly #abort: Share | null;
  readonly #rate: Share | null;
  readonly #delayMs: RuntimeValue<number>;
  readonly #httpStatus: RuntimeValue<number>;
  readonly #grpcStatus: RuntimeValue<number>;
  readonly maxActive: RuntimeValue<number>;

  /** @throws ConfigError where a pattern is none of RE2's. */
  constructor(settings: FaultSettings, { runtime, regexes, random }: FilterContext) {
    const { delay, abort, rate, keys } = settings;
    this.settings = settings;
    this.#random = random;
    this.#matchers = settings.headers.map((matcher) => new HeaderMatcher(matcher, regexes));
    const share = (key: string, of: { readonly share: FractionalPercent } | null, header: string): Share | null =>
      of === null ? null : new Share(runtime.fraction(key, of.share), header);
    this.#delay = share(keys.delayPercent, delay, `${DELAY}-percentage`);
    this.#abort = share(keys.abortPercent, abort, `${ABORT}-percentage`);
    this.#rate = share(keys.ratePercent, rate, `${THROUGHPUT}-percentage`);
    this.#delayMs = runtime.number(keys.delayDuration, -1);
    this.#httpStatus = runtime.number(keys.abortHttpStatus, -1);
    this.#grpcStatus = runtime.number(keys.abortGrpcStatus, -1);
    this.maxActive = runtime.number(keys.maxActiveFaults, settings.maxActiveFaults);
  }

  /** `cluster`: where the request goes; empty where nobody knows. */
  concerns(headers: RequestHeaders, cluster: string): boolean {
    const { upstreamCluster, downstreamNodes } = this.settings;
    if (upstreamCluster !== "" && upstreamCluster !== cluster) return false;
    if (downstreamNodes.length !== 0 && !downstreamNodes.includes(headers.get(NODE) ?? "")) return false;
    for (const matcher of this.#matchers) if (!matcher.matches(headers)) return false;
    return true;
  }

  /** 0: this request is not delayed. */
  delayMs(headers: RequestHeaders): number {
    if (this.#delay === null || !this.#delay.includes(headers, this.#random)) return 0;
    const { fixedMs } = this.settings.delay!;
    const ms = fixedMs >= 0 ? fixedMs : whole(headers.get(DELAY), 0);
    return ms > 0 && this.#delayMs.value >= 0 ? this.#delayMs.value : ms;
  }

  /** null: this request is not aborted. */
  abort(headers: RequestHeaders): Abort | null {
    if (this.#abort === null || !this.#abort.includes(headers, this.#random)) return null;
    const { httpStatus, grpcStatus, isByHeader } = this.settings.abort!;
    let status = isByHeader ? whole(headers.get(ABORT), 0) : httpStatus;
    let grpc = isByHeader && status === 0 ? whole(headers.get(ABORT_GRPC), -1) : grpcStatus;
    if (status !== 0 && this.#httpStatus.value >= 0) status = this.#httpStatus.value;
    if (grpc >= 0 && this.#grpcStatus.value >= 0) grpc = this.#grpcStatus.value;
    if (grpc >= 0) return { status: 200, grpcStatus: grpc };
    return status >= 200 && status < 600 ? { status, grpcStatus: -1 } : null;
  }

  /** KiB a second; 0: the response may go as fast as it can. */
  kbps(headers: RequestHeaders): number {
    if (this.#rate === null || !this.#rate.includes(headers, this.#random)) return 0;
    const { kbps } = this.settings.rate!;
    return kbps >= 0 ? kbps : whole(headers.get(THROUGHPUT), 0);
  }
}

/** A share of the requests, which a request may make smaller for itself. */
class Share {
  readonly #fraction: RuntimeFraction;
  readonly #header: string;

  constructor(fraction: RuntimeFraction, header: string) {
    this.#fraction = fraction;
    this.#header = header;
  }

  includes(headers: RequestHeaders, random: Random): boolean {
    const { numerator, denominator } = this.#fraction;
    const asked = whole(headers.get(this.#header), -1);
    if (asked < 0 || asked >= numerator) return this.#fraction.includes();
    return random.below(denominator) < asked;
  }
}

function whole(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^[0-9]{1,9}$/.test(text) ? Number(text) : otherwise;
}
