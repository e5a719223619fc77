/** What `sluice run` asks of V8, for the whole process: hosts that embed Sluice decide for themselves. */
import { setFlagsFromString } from "node:v8";

/**
 * How much bytecode the optimising compiler may draw into one function; V8's own bound is 920. A request passes some two hundred small functions, codec, filters and
 * router, and what is not drawn in is called: with this bound a request of HTTP/2 costs 9 to 12 % less of its JavaScript, of HTTP/1 3 to 5 %. More gains nothing.
 */
const INLINING = "--max-inlined-bytecode-size-cumulative=3000";

/** `sluice bench` measures with them too: what it measures is what runs. */
export const V8_TUNING: readonly string[] = [INLINING];

/** MUST come before threads begin and before anything is hot. */
export function tuneV8(): void {
  for (const flag of V8_TUNING) setFlagsFromString(flag);
}
