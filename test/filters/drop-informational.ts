/** Drops, delays or lets pass informational responses by their status. */
import type { HarnessFilter } from "@sluice/core/testing";
import { type ResponseHeaders, Stop, type Verdict } from "@sluice/sdk";

export function dropInformational(
  verdicts: Readonly<Record<number, Verdict | Promise<Verdict>>>,
  seen: number[] = [],
): HarnessFilter {
  return {
    hooks: {
      onInformational(headers: ResponseHeaders) {
        seen.push(headers.status);
        return headers.status in verdicts ? verdicts[headers.status] : Stop;
      },
    },
  };
}
