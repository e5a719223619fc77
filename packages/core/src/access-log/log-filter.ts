/** Hot path. Which streams an access log is for, compiled: asked once a line, allocates nothing. Local replies ask the same. Envoy: AccessLogFilter. */
import type { ResponseFlag, RuntimeFraction, RuntimeValue } from "@sluice/sdk";
import type { ComparisonModel, LogFilterModel, MetadataMatchModel } from "../config/model.ts";
import type { FormatContext } from "../formatter/context.ts";
import { impliedGrpcStatus } from "../formatter/grpc-status.ts";
import { traceReasonOf, TraceReason, requestIdNumber } from "../http/manager/trace-reason.ts";
import { RequestHeaderMap } from "../http/headers/header-map.ts";
import { HeaderMatch } from "../http/route/route-match.ts";
import { ValueMatcher, valueAt } from "../matching/value-matcher.ts";
import type { FilterRuntime } from "../runtime/runtime-store.ts";

export interface LogFilter {
  passes(context: FormatContext): boolean;
}

/** `runtime` is released by whoever made it. @throws TypeError where a pattern is not legal: the configuration was checked before. */
export function createLogFilter(model: LogFilterModel, runtime: FilterRuntime): LogFilter {
  switch (model.kind) {
    case "status_code":
      return new StatusFilter(new Comparison(model.comparison, runtime));
    case "duration":
      return new DurationFilter(new Comparison(model.comparison, runtime));
    case "not_health_check":
      return ALWAYS;
    case "traceable":
      return new TraceableFilter();
    case "runtime":
      return new RuntimeFilter(runtime.fraction(model.fraction.key, model.fraction), model.independent);
    case "and":
      return new AllFilter(model.filters.map((filter) => createLogFilter(filter, runtime)));
    case "or":
      return new AnyFilter(model.filters.map((filter) => createLogFilter(filter, runtime)));
    case "header":
      return new HeaderFilter(new HeaderMatch(model.header));
    case "response_flag":
      return new FlagFilter(model.flags as readonly ResponseFlag[]);
    case "grpc_status":
      return new GrpcStatusFilter(new Set(model.statuses), model.exclude);
    case "metadata":
      return new MetadataFilter(model.matcher, model.matchesMissing);
    case "log_type":
      return new TypeFilter(new Set(model.types), model.exclude);
  }
}

/** Nothing in Sluice answers health checks in the place of upstreams, so no stream is one. */
const ALWAYS: LogFilter = { passes: () => true };

class Comparison {
  readonly #op: ComparisonModel["op"];
  readonly #value: RuntimeValue<number>;

  constructor({ op, value, runtimeKey }: ComparisonModel, runtime: FilterRuntime) {
    this.#op = op;
    this.#value = runtimeKey === "" ? { value } : runtime.number(runtimeKey, value);
  }

  holds(number: number): boolean {
    const { value } = this.#value;
    if (this.#op === "eq") return number === value;
    return this.#op === "ge" ? number >= value : number <= value;
  }
}

class StatusFilter implements LogFilter {
  readonly #comparison: Comparison;

  constructor(comparison: Comparison) {
    this.#comparison = comparison;
  }

  passes(context: FormatContext): boolean {
    return this.#comparison.holds(context.status);
  }
}

class DurationFilter implements LogFilter {
  readonly #comparison: Comparison;

  constructor(comparison: Comparison) {
    this.#comparison = comparison;
  }

  /** Of a stream that has ended: a line before that has no duration yet. */
  passes({ startMs, endMs }: FormatContext): boolean {
    return endMs >= 0 && this.#comparison.holds(Math.floor(endMs - startMs));
  }
}

class TraceableFilter implements LogFilter {
  passes({ requestHeaders }: FormatContext): boolean {
    return requestHeaders !== null && traceReasonOf(requestHeaders) === TraceReason.forced;
  }
}

/** Equal request ids are sampled alike, in this proxy and others, unless they are to be independent. */
class RuntimeFilter implements LogFilter {
  readonly #fraction: RuntimeFraction;
  readonly #independent: boolean;

  constructor(fraction: RuntimeFraction, independent: boolean) {
    this.#fraction = fraction;
    this.#independent = independent;
  }

  passes({ requestHeaders }: FormatContext): boolean {
    const stable = this.#independent || requestHeaders === null ? -1 : requestIdNumber(requestHeaders);
    return this.#fraction.includes(stable);
  }
}

class AllFilter implements LogFilter {
  readonly #filters: readonly LogFilter[];

  constructor(filters: readonly LogFilter[]) {
    this.#filters = filters;
  }

  passes(context: FormatContext): boolean {
    for (const filter of this.#filters) if (!filter.passes(context)) return false;
    return true;
  }
}

class AnyFilter implements LogFilter {
  readonly #filters: readonly LogFilter[];

  constructor(filters: readonly LogFilter[]) {
    this.#filters = filters;
  }

  passes(context: FormatContext): boolean {
    for (const filter of this.#filters) if (filter.passes(context)) return true;
    return false;
  }
}

/** A request that the codec refused has no headers that anybody could match. */
const NO_HEADERS = new RequestHeaderMap("", "", "", "");

class HeaderFilter implements LogFilter {
  readonly #match: HeaderMatch;

  constructor(match: HeaderMatch) {
    this.#match = match;
  }

  passes({ requestHeaders }: FormatContext): boolean {
    return this.#match.holds(requestHeaders ?? NO_HEADERS);
  }
}

class FlagFilter implements LogFilter {
  readonly #flags: readonly ResponseFlag[];

  constructor(flags: readonly ResponseFlag[]) {
    this.#flags = flags;
  }

  passes(context: FormatContext): boolean {
    if (this.#flags.length === 0) return context.flags.length !== 0;
    for (const flag of this.#flags) if (context.hasFlag(flag)) return true;
    return false;
  }
}

class GrpcStatusFilter implements LogFilter {
  readonly #statuses: ReadonlySet<number>;
  readonly #exclude: boolean;

  constructor(statuses: ReadonlySet<number>, exclude: boolean) {
    this.#statuses = statuses;
    this.#exclude = exclude;
  }

  passes(context: FormatContext): boolean {
    return this.#statuses.has(impliedGrpcStatus(context)) !== this.#exclude;
  }
}

class MetadataFilter implements LogFilter {
  readonly #namespace: string;
  readonly #path: readonly string[];
  readonly #value: ValueMatcher;
  readonly #matchesMissing: boolean;

  /** `invert` means nothing here, as in Envoy. */
  constructor({ filter, path, value }: MetadataMatchModel, matchesMissing: boolean) {
    this.#namespace = filter;
    this.#path = path;
    this.#value = new ValueMatcher(value);
    this.#matchesMissing = matchesMissing;
  }

  passes({ metadata }: FormatContext): boolean {
    const value = valueAt(metadata.get(this.#namespace), this.#path);
    return value === undefined ? this.#matchesMissing : this.#value.matches(value);
  }
}

class TypeFilter implements LogFilter {
  readonly #types: ReadonlySet<string>;
  readonly #exclude: boolean;

  constructor(types: ReadonlySet<string>, exclude: boolean) {
    this.#types = types;
    this.#exclude = exclude;
  }

  passes({ logType }: FormatContext): boolean {
    return this.#types.has(logType) !== this.#exclude;
  }
}
