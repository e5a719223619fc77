/** Parts that several balancing policies have, in messages of either generation. */
import type { Message } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { RuntimeDouble } from "../../envoy/generated/envoy/config/core/v3/base_pb.js";
import type { Percent } from "../../envoy/generated/envoy/type/v3/percent_pb.js";
import type {
  BalancerModel,
  ConsistentHashingModel,
  LocalityBalancingModel,
  SlowStartModel,
  TunableModel,
} from "../../balancing-model.ts";
import type { CompileContext } from "../context.ts";
import { milliseconds } from "../values.ts";

/** What is said of zones, before it is known whether the proxy knows its own. */
export interface ZoneAwareOptions {
  readonly kind: "zone_aware";
  readonly routingPercent: number;
  readonly minClusterSize: number;
  readonly failTrafficOnPanic: boolean;
}

export interface PolicyModel {
  readonly policy: BalancerModel;
  /** undefined: nothing is said. */
  readonly locality: Exclude<LocalityBalancingModel, { kind: "zone_aware" }> | ZoneAwareOptions | undefined;
}

export function percentOf(percent: Percent | undefined, otherwise: number): number {
  return percent?.value ?? otherwise;
}

export function tunableOf(double: RuntimeDouble | undefined, otherwise: number): TunableModel {
  return { value: double?.defaultValue ?? otherwise, key: double?.runtimeKey ?? "" };
}

type SlowStart = Message & {
  readonly slowStartWindow?: Duration | undefined;
  readonly aggression?: RuntimeDouble | undefined;
  readonly minWeightPercent?: Percent | undefined;
};

/** null: hosts start with their whole weight. */
export function slowStartOf(context: CompileContext, message: SlowStart | undefined): SlowStartModel | null {
  if (message === undefined) return null;
  const windowMs = milliseconds(context, message, "slow_start_window", message.slowStartWindow, 0);
  const aggression = tunableOf(message.aggression, 1);
  if (aggression.value <= 0)
    context.error({ message, field: "aggression" }, "ERR_CONFIG_RANGE", `the aggression is ${aggression.value}`, {
      expected: "a number above 0",
    });
  return windowMs === 0 ? null : { windowMs, aggression, minWeight: percentOf(message.minWeightPercent, 10) / 100 };
}

type ConsistentHashing = { readonly useHostnameForHashing: boolean; readonly hashBalanceFactor?: number | undefined };

export function consistentHashingOf(message: ConsistentHashing | undefined): ConsistentHashingModel {
  return { useHostname: message?.useHostnameForHashing ?? false, balanceFactor: message?.hashBalanceFactor ?? 0 };
}

type ZoneAware = {
  readonly routingEnabled?: Percent | undefined;
  readonly minClusterSize?: bigint | undefined;
  readonly failTrafficOnPanic: boolean;
};

export function localityOf(
  specifier: { readonly case?: string | undefined; readonly value?: unknown } | undefined,
): PolicyModel["locality"] {
  if (specifier?.case === "localityWeightedLbConfig") return { kind: "weighted" };
  if (specifier?.case !== "zoneAwareLbConfig") return undefined;
  const { routingEnabled, minClusterSize, failTrafficOnPanic } = specifier.value as ZoneAware;
  const size = minClusterSize === undefined ? 6 : Number(minClusterSize);
  return {
    kind: "zone_aware",
    routingPercent: percentOf(routingEnabled, 100),
    minClusterSize: size,
    failTrafficOnPanic,
  };
}

const largestRing = 8_388_608;

type RingSizes = Message & {
  readonly minimumRingSize?: bigint | undefined;
  readonly maximumRingSize?: bigint | undefined;
};

export function ringOf(context: CompileContext, message: RingSizes | undefined): { minSize: number; maxSize: number } {
  const minSize = Number(message?.minimumRingSize ?? 1024);
  const maxSize = Number(message?.maximumRingSize ?? largestRing);
  if (message !== undefined && minSize > maxSize)
    context.error(
      { message, field: "minimum_ring_size" },
      "ERR_CONFIG_RANGE",
      `the smallest ring (${minSize}) is larger than the largest (${maxSize})`,
      { expected: `at most ${maxSize}` },
    );
  return { minSize, maxSize: Math.max(1, maxSize) };
}

const usualTable = 65_537;

export function tableSizeOf(
  context: CompileContext,
  message: (Message & { readonly tableSize?: bigint | undefined }) | undefined,
): number {
  const size = Number(message?.tableSize ?? usualTable);
  if (message === undefined || isPrime(size)) return size;
  context.error({ message, field: "table_size" }, "ERR_CONFIG_RANGE", `the size of a Maglev table is ${size}`, {
    expected: "a prime number, as in 65537",
  });
  return usualTable;
}

function isPrime(number: number): boolean {
  if (number < 2) return false;
  for (let factor = 2; factor * factor <= number; factor++) if (number % factor === 0) return false;
  return true;
}
