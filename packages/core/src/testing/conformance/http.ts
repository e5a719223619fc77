/** The rules that every HTTP filter keeps, as checks that any test runner can run. Each drives the filter through the real engine, and can fail. */
import type { AnyDefinition } from "../setup.ts";
import { type ConformanceCheck, inTurn } from "./check.ts";
import { anyChunking, buffersAreNotKept, contentLengthIsTrue } from "./http-bytes.ts";
import { clientsMayLeave, destroyIsIdempotent, nothingAfterTheEnd, nothingIsLeft } from "./http-ends.ts";
import { headersStayLegal, noInputMakesItThrow } from "./http-input.ts";
import { pausesAreHonoured, whatItHoldsIsBounded } from "./http-pressure.ts";
import type { HttpConformanceOptions } from "./scenario.ts";

/**
 * The conformance suite of HTTP filters. Give it the configuration under which the filter does what it is for, and requests that it is made for.
 *
 *     for (const check of httpFilterConformance(filter, { config })) test(check.name, check.run);
 *
 * Checks are independent of one another and make their own harnesses. They take about a second together.
 */
export function httpFilterConformance(
  definition: AnyDefinition,
  options: HttpConformanceOptions = {},
): readonly ConformanceCheck[] {
  const checks: Readonly<Record<string, (filter: AnyDefinition, how: HttpConformanceOptions) => Promise<void>>> = {
    "any chunking gives the same bytes": anyChunking,
    "buffers are not kept": buffersAreNotKept,
    "content-length is the length of what is sent": contentLengthIsTrue,
    "pauses are honoured": pausesAreHonoured,
    "what it holds is bounded": whatItHoldsIsBounded,
    "a client may leave at any point": clientsMayLeave,
    "nothing happens after the end": nothingAfterTheEnd,
    "destroy is idempotent": destroyIsIdempotent,
    "nothing is left after release": nothingIsLeft,
    "headers stay legal": headersStayLegal,
    "no input makes it throw": noInputMakesItThrow,
  };
  return Object.entries(checks).map(([name, run]) => ({ name, run: () => inTurn(() => run(definition, options)) }));
}
