/** envoy.filters.http.admission_control: refuses a share of the requests while too many fail. */
import { defineHttpFilter } from "@sluice/sdk";
import { ADMISSION_CONTROL_MESSAGES, admissionControlConfig } from "./config.ts";
import { AdmissionControlFilter, AdmissionState } from "./filter.ts";

export const admissionControl = defineHttpFilter({
  id: "envoy.filters.http.admission_control",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  messages: ADMISSION_CONTROL_MESSAGES,
  config: admissionControlConfig,
  newState: () => new AdmissionState(),
  create: (settings, context) => new AdmissionControlFilter(settings, context),
});
