// An HTTP filter that does nothing in both directions: what the engine takes for calling a hook.
import { defineHttpFilter, parsedBy } from "@sluice/sdk";

// oxlint-disable-next-line import/no-default-export -- the contract of a filter's module
export default defineHttpFilter({
  id: "sluice.bench.empty",
  maturity: "stable",
  security: "unknown",
  config: parsedBy(() => null),
  create: () => ({ onRequestHeaders() {}, onResponseHeaders() {} }),
});
