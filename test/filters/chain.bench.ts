/**
 * What the chain engine costs, without sockets and codecs: `node --expose-gc --conditions=sluice-source test/filters/chain.bench.ts`. Prints nanoseconds and bytes per request for
 * chains of 0, 3 and 10 filters that do nothing, and what one hook adds. A script, not a test: a shared machine is too noisy to fail a build on it.
 */
import { performance } from "node:perf_hooks";
import { HttpHarness } from "@sluice/core/testing";
import type { HarnessFilter } from "@sluice/core/testing";
import type { Headers, RequestHeaders, TerminalStream } from "@sluice/sdk";
// oxlint-disable-next-line no-relative-import-paths -- the engine itself is what is measured
import { HeaderField } from "../../packages/core/src/http/headers/field.ts";
import { RequestHeaderMap, ResponseHeaderMap } from "../../packages/core/src/http/headers/header-map.ts";
import type { RequestDecoder, ResponseEncoder } from "../../packages/core/src/http/codec/codec.ts";

const FIELDS = [
  new HeaderField("accept", "*/*"),
  new HeaderField("user-agent", "bench"),
  new HeaderField("x-request-id", "1"),
];
const BODY = new Uint8Array(70);

class NoEncoder implements ResponseEncoder {
  readonly protocol = "HTTP/1.1";
  readonly aboveWatermark = false;
  sendInformational(): void {}
  sendHeaders(): void {}
  sendData(): void {}
  sendTrailers(_trailers: Headers): void {}
  reset(): void {}
  pauseRequest(): void {}
  resumeRequest(): void {}
  closeAfterResponse(): void {}
}

const ENCODER = new NoEncoder();

const terminal: HarnessFilter = {
  name: "terminal",
  terminal: true,
  hooks: {
    onRequestHeaders(_headers: RequestHeaders, _end: boolean, stream: TerminalStream) {
      stream.sendHeaders(new ResponseHeaderMap(200, [FIELDS[0]!]), false);
      stream.sendData(BODY, true);
    },
  },
};

/** A new object each time, so that call sites are as polymorphic as in a real chain. */
function emptyFilter(): HarnessFilter {
  return { hooks: { onRequestHeaders() {}, onResponseHeaders() {} } };
}

interface Cost {
  readonly ns: number;
  readonly bytes: number;
}

function measure(filters: number, rounds: number): Cost {
  const chain: HarnessFilter[] = Array.from({ length: filters }, emptyFilter);
  const harness = new HttpHarness([...chain, terminal]);
  const { server } = harness.open().stream;
  const one = (): void => {
    const decoder: RequestDecoder = server.onStream(ENCODER);
    decoder.onRequestHeaders(new RequestHeaderMap("GET", "/", "test.example", "http", FIELDS.slice()), true);
  };
  for (let i = 0; i < 30_000; i++) one();
  let best = Infinity;
  for (let sample = 0; sample < 100; sample++) {
    const start = performance.now();
    for (let i = 0; i < rounds; i++) one();
    best = Math.min(best, ((performance.now() - start) * 1e6) / rounds);
  }
  // Few enough that no scavenge falls between the two readings.
  const few = 200;
  let bytes = 0;
  for (let sample = 0; sample < 5; sample++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < few; i++) one();
    bytes = Math.max(bytes, (process.memoryUsage().heapUsed - before) / few);
  }
  return { ns: best, bytes };
}

// Short samples, of which the best counts: on a shared machine a long one never has the core to itself.
const rounds = 3000;
// The first two have the measured code compiled for the shapes that follow.
measure(10, 5000);
measure(3, 5000);
const costs = [0, 3, 10].map((filters) => ({ filters, ...measure(filters, rounds) }));
for (const { filters, ns, bytes } of costs) {
  process.stdout.write(
    `${String(filters).padStart(2)} filters: ${ns.toFixed(0)} ns, ${bytes.toFixed(0)} bytes per request\n`,
  );
}
const [none, , ten] = costs;
process.stdout.write(
  `one hook: ${((ten!.ns - none!.ns) / 20).toFixed(1)} ns, one filter: ${((ten!.bytes - none!.bytes) / 10).toFixed(0)} bytes\n`,
);
