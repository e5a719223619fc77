/** The filter that bench/isolate.ts runs inline and in a thread: it looks at a header and sets one, and lets bodies pass. */
import { defineHttpFilter } from "@sluice/sdk";

export const plain = defineHttpFilter({
  id: "bench.http.plain",
  maturity: "alpha",
  security: "untrusted-downstream",
  portable: true,
  config: { "~standard": { version: 1, vendor: "bench", validate: (value: unknown) => ({ value }) } },
  create: () => ({
    onRequestHeaders(headers) {
      if (!headers.has("x-never")) headers.set("x-greeting", "hello");
    },
    onRequestData: () => {},
  }),
});

// oxlint-disable-next-line import/no-default-export -- a module of filters, as the registry loads it
export default plain;
