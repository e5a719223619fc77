/** envoy.filters.http.fault: delays, aborts and slow responses on purpose. */
import { defineHttpFilter } from "@sluice/sdk";
import { FAULT_MESSAGE, FAULT_MESSAGES, faultConfig } from "./config.ts";
import { FaultFilter, FaultState } from "./filter.ts";

export const fault = defineHttpFilter({
  id: "envoy.filters.http.fault",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  messages: FAULT_MESSAGES,
  routeMessage: FAULT_MESSAGE,
  config: faultConfig,
  routeConfig: faultConfig,
  newState: () => new FaultState(),
  create: (settings, context) => new FaultFilter(settings, context),
});
