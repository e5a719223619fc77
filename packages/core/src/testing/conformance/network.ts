/** The rules that every network filter keeps, as checks that any test runner can run. Each drives the filter through the real engine, and can fail. */
import type { AnyDefinition } from "../setup.ts";
import { type ConformanceCheck, inTurn } from "./check.ts";
import { anyChunking, buffersAreNotKept, noInputMakesItThrow } from "./network-bytes.ts";
import { connectionsMayBreak, destroyIsIdempotent, nothingAfterTheEnd, nothingIsLeft } from "./network-ends.ts";
import type { NetworkConformanceOptions } from "./network-play.ts";
import { pausesAreHonoured, whatItHoldsIsBounded } from "./network-pressure.ts";

/**
 * The conformance suite of network filters. Give it the configuration under which the filter does what it is for, and conversations that it is made for.
 *
 *     for (const check of networkFilterConformance(filter, { config })) test(check.name, check.run);
 */
export function networkFilterConformance(
  definition: AnyDefinition,
  options: NetworkConformanceOptions = {},
): readonly ConformanceCheck[] {
  const checks: Readonly<Record<string, (filter: AnyDefinition, how: NetworkConformanceOptions) => Promise<void>>> = {
    "any chunking gives the same bytes": anyChunking,
    "buffers are not kept": buffersAreNotKept,
    "pauses are honoured": pausesAreHonoured,
    "what it holds is bounded": whatItHoldsIsBounded,
    "a connection may break at any point": connectionsMayBreak,
    "nothing happens after the end": nothingAfterTheEnd,
    "destroy is idempotent": destroyIsIdempotent,
    "nothing is left after release": nothingIsLeft,
    "no input makes it throw": noInputMakesItThrow,
  };
  return Object.entries(checks).map(([name, run]) => ({ name, run: () => inTurn(() => run(definition, options)) }));
}
