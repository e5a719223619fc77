/**
 * Divides clients into the buckets of an experiment. A cookie makes it stick: who comes back is in the bucket of the first visit, as long as that has a weight above 0.
 * Routes choose clusters by the request header that it sets. An example: cookies, seeded chance, a route that is chosen anew, state of a stream.
 */
import { defineHttpFilter, metadataKey } from "@sluice/sdk";
import { type AbTestConfig, config, routeConfig } from "./config.ts";

/** Experiment → bucket, for logs and filters behind. */
export const experiments = metadataKey<Record<string, string>>("acme.experiments");

export const abTest = defineHttpFilter({
  id: "acme.http.ab-test",
  maturity: "beta",
  security: "untrusted-downstream",
  provides: [experiments],
  config,
  routeConfig,
  // The cookie that the response sets; empty where the client has it already.
  newState: () => ({ cookie: "" }),
  create(settings, context) {
    const { name, cookie = `ab_${name}`, header = `x-ab-${name}` } = settings;
    const draw = new Draw(settings);
    const assigned = new Map(
      settings.buckets.map((bucket) => [bucket.name, context.stats.counter(`assigned.${bucket.name}`)]),
    );
    const returning = context.stats.counter("returning");
    const attributes = cookieAttributes(settings);

    return {
      onRequestHeaders(headers, _end, stream) {
        const forced = stream.routeConfig?.bucket;
        const known = forced === undefined ? bucketOf(headers.getAll("cookie"), cookie, draw) : undefined;
        const bucket = forced ?? known ?? draw.pick(context.random.below(draw.total));
        if (known !== undefined) returning.inc();
        else if (forced === undefined) {
          assigned.get(bucket)?.inc();
          stream.state.cookie = `${cookie}=${bucket}${attributes}`;
        }
        // What the client says of itself in this header counts for nothing.
        headers.set(header, bucket);
        stream.metadata.set(experiments, { [name]: bucket });
        stream.clearRouteCache();
      },
      onResponseHeaders(headers, _end, { state }) {
        if (state.cookie !== "") headers.append("set-cookie", state.cookie);
      },
    };
  },
});

export default abTest;

/** Weights as a sum that grows: a number below the total falls to one bucket. */
class Draw {
  readonly total: number;
  readonly #names: readonly string[];
  readonly #ends: readonly number[];

  constructor({ buckets }: AbTestConfig) {
    // A bucket of weight 0 is closed: nobody gets in, and who was in it is divided anew.
    const open = buckets.filter(({ weight }) => weight > 0);
    let sum = 0;
    this.#names = open.map(({ name }) => name);
    this.#ends = open.map(({ weight }) => (sum += weight));
    this.total = sum;
  }

  pick(point: number): string {
    return this.#names[this.#ends.findIndex((end) => point < end)]!;
  }

  isOpen(name: string): boolean {
    return this.#names.includes(name);
  }
}

/** The first value of a cookie that is a bucket, in all `cookie` headers (RFC 6265 section 5.4). */
function bucketOf(headers: readonly string[], cookie: string, draw: Draw): string | undefined {
  for (const header of headers) {
    // Most clients that have cookies have not this one.
    if (!header.includes(cookie)) continue;
    for (const pair of header.split(";")) {
      const text = pair.trim();
      if (!text.startsWith(cookie) || text[cookie.length] !== "=") continue;
      const value = text.slice(cookie.length + 1);
      if (draw.isOpen(value)) return value;
    }
  }
  return undefined;
}

function cookieAttributes({ ttl_days, path, domain }: AbTestConfig): string {
  return `; Max-Age=${ttl_days * 86_400}; Path=${path}${domain === undefined ? "" : `; Domain=${domain}`}; SameSite=Lax`;
}
